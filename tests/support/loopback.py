"""A platform behind an HTTP server of loopback, which keeps what passed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.platforms import Platform, Reply, Wire


class Loopback(ThreadingHTTPServer):
    """`platform` may be replaced at any time. `seen` holds each request with its answer."""

    daemon_threads = True

    def __init__(self, platform: Platform) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.platform = platform
        self.seen: MutableSequence[tuple[Wire, Reply]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def statuses(self) -> list[int]:
        return [reply.status for _, reply in self.seen]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


@contextmanager
def listening(platform: Platform) -> Iterator[Loopback]:
    with Loopback(platform) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        wire = Wire(self.command, self.path, tuple(self.headers.items()), body)
        server = self.server
        assert isinstance(server, Loopback)
        reply = server.platform(wire)
        server.seen.append((wire, reply))
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            if name != "content-length":
                self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""
