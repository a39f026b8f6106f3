"""An HTTP proxy on loopback between a client and one server, which can do what networks do."""

from __future__ import annotations

import http.client
import random
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local_cloud.certificates import Certificate

Fate = Callable[["Exchange"], None]
"""Called for each request before it is passed on: raises `Answer` or `Cut` in its place, or returns."""
_PASSED_ON = ("host", "connection", "transfer-encoding")
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Exchange:
    """One request."""

    number: int
    method: str
    path: str


class Answer(Exception):
    """The proxy answers by itself."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.headers = headers or {}


class Cut(Exception):
    """The connection ends without an answer, after `seconds`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds


@dataclass
class Proxy:
    """`target` is the server's URL, of which the path is kept. `before` sees each request, `after` each
    answer before the client does; either may raise `Answer` or `Cut`.
    """

    target: str
    trust: Path | None = None
    certificate: Certificate | None = None
    before: Fate = lambda _exchange: None
    after: Fate = lambda _exchange: None
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._parts = urlsplit(self.target)
        self._context = ssl.create_default_context(cafile=str(self.trust)) if self.trust else None
        self._local = threading.local()
        self._lock = threading.Lock()
        self._number = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if self.certificate is not None:
            served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            served.load_cert_chain(self.certificate.certificate, self.certificate.key)
            self._server.socket = served.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://127.0.0.1:{self.port}{self._parts.path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                proxy._handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = handle_any

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        return Handler

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        with self._lock:
            self._number += 1
            exchange = Exchange(self._number, handler.command, handler.path)
        self._count("requests")
        try:
            self.before(exchange)
            status, headers, answer = self._forward(handler, body)
            self.after(exchange)
        except Answer as made:
            self._count(str(made.status))
            status, headers, answer = made.status, made.headers, b"{}"
        except (Cut, OSError, http.client.HTTPException) as cut:
            self._count("cut")
            time.sleep(getattr(cut, "seconds", 0.0))
            _reset(handler)
            return
        handler.send_response(status)
        for name, value in headers.items():
            if name.lower() not in (*_PASSED_ON, "content-length"):
                handler.send_header(name, value)
        handler.send_header("content-length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def _forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = self._connection()
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in _PASSED_ON}
        headers["host"] = self._parts.netloc
        try:
            connection.request(handler.command, handler.path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise

    def _connection(self) -> http.client.HTTPConnection:
        """One per thread of the server, that is per connection of a client."""
        if not hasattr(self._local, "connection"):
            host, port = self._parts.hostname or "", self._parts.port
            self._local.connection = (
                http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=self._context)
                if self._parts.scheme == "https"
                else http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
            )
        return self._local.connection

    def _count(self, name: str) -> None:
        with self._lock:
            self.counts[name] += 1


def at_random(
    share: float, *fates: Callable[[], Exception], seed: int = 1, methods: tuple[str, ...] = ("POST",)
) -> Fate:
    """Each request meets one of `fates` with the probability `share`."""
    source, lock = random.Random(seed), threading.Lock()

    def fate(exchange: Exchange) -> None:
        with lock:
            drawn = source.choice(fates) if source.random() < share else None
        if drawn is not None and exchange.method in methods:
            raise drawn()

    return fate


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """End the connection with RST, as a middlebox or a dying host does."""
    handler.close_connection = True
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()
