"""A small HTTP server for the local cloud's own front ends: a function from a request to an answer, behind
TLS where there is a certificate.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

MAX_BODY_BYTES = 100_000_000
_IDLE_S = 120.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """`headers` by lower-case name; `path` is decoded, `url` is the whole address as it was asked for."""

    method: str
    url: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    def json(self) -> Any:
        """Raises ValueError."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Respond = Callable[[Request], Answer]


def json_answer(status: int, value: object, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json", **(headers or {})})


class Server(ThreadingHTTPServer):
    """Listens on 127.0.0.1; each connection has a thread, and is kept alive."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int, respond: Respond, certificate: tuple[Path, Path] | None = None) -> None:
        self.respond = respond
        self.scheme = "https" if certificate else "http"
        self._tls: ssl.SSLContext | None = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake is made by the connection's own thread, with its first read.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""
        _LOG.debug("A connection ended early.", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = _IDLE_S

    @property
    def _server(self) -> Server:
        assert isinstance(self.server, Server)
        return self.server

    def _handle(self) -> None:
        length = self.headers.get("content-length") or "0"
        if "transfer-encoding" in self.headers or not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            return self._send(Answer(411))
        body = self.rfile.read(int(length))
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            url=f"{self._server.scheme}://{self.headers.get('host', '')}{self.path}",
            path=unquote(parts.path),
            query={name: values[0] for name, values in parse_qs(parts.query, True).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        try:
            answer = self._server.respond(request)
        except Exception:
            _LOG.exception("A request failed.")
            answer = Answer(500)
        return self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """The functions log what happens; a line per request would hide it."""
