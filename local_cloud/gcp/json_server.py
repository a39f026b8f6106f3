"""A small JSON server on loopback, the base of the stand-ins for Google's REST APIs."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from local_cloud.processes import free_port

Document = dict[str, Any]
Route = Callable[[str, str, Document], tuple[int, Document]]
"""`(method, path, document)` to status and document; a request without a body has an empty document."""

_STATUSES = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 409: "ALREADY_EXISTS", 500: "INTERNAL"}


class ApiError(Exception):
    """An answer other than 200, in the form of Google's APIs."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def document(self) -> Document:
        code = _STATUSES.get(self.status, "UNKNOWN")
        return {"error": {"code": self.status, "message": str(self), "status": code}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512  # a fleet connects all at once


class JsonServer:
    """Answers with what `route` returns, each connection in a thread of its own. Connections are kept."""

    def __init__(self, route: Route, *, port: int | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body leave together
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self._handle()

            do_POST = do_PUT = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

            def _handle(self) -> None:
                status, document = _answer(route, self)
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.port = free_port() if port is None else port
        self._server = _Server(("127.0.0.1", self.port), Handler)

    def serve(self) -> None:
        """Until the process ends."""
        self._server.serve_forever()

    def start(self) -> None:
        """Serve in a thread of this process, until `close`."""
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Only after `start`."""
        self._server.shutdown()
        self._server.server_close()


def _answer(route: Route, request: BaseHTTPRequestHandler) -> tuple[int, Document]:
    text = request.rfile.read(int(request.headers.get("content-length") or 0))
    try:
        document = json.loads(text) if text else {}
        if not isinstance(document, dict):
            raise ApiError(400, "The body is not a JSON object.")
        return route(request.command, request.path.removeprefix("/"), document)
    except ApiError as error:
        return error.status, error.document()
    except ValueError as error:
        return 400, ApiError(400, f"The request is not understood ({error}).").document()
