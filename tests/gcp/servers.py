"""Local servers that stand for Google's, each on a free port of loopback."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import tempfile
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from local_cloud.errors import MissingProgram
from local_cloud.gcp import firestore as server
from local_cloud.gcp.pubsub.servers import google_emulator
from local_cloud.gcp.pubsub.servers import start as start_pubsub
from local_cloud.processes import Processes, free_port
from support.servers import npm_module

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def firestore() -> Iterator[str]:
    """@firestore-emulator/server, an npm package of local_cloud/servers."""
    npm_module(server.PACKAGE)
    with _processes() as processes:
        port = free_port()
        processes.wait(server.start(processes, port), port=port)
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def pubsub() -> Iterator[str]:
    """Google's Pub/Sub emulator, where the machine has the gcloud component."""
    try:
        google_emulator()
    except MissingProgram as error:
        pytest.skip(str(error))
    with _processes() as processes:
        port = free_port()
        processes.wait(start_pubsub(processes, "google", port), port=port)
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def _processes() -> Iterator[Processes]:
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder)) as processes:
        yield processes


def call(url: str, document: dict[str, Any] | None = None, *, method: str = "POST") -> dict[str, Any]:
    """A JSON request to a local server."""
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"{}")


class FakeGoogle:
    """The REST calls that the adapters make, of Pub/Sub, Secret Manager, Workflows and the metadata server.

    Statuses put into `ahead` are answered first, one per request. `token` is the one that is accepted.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.versions: list[str] = []
        self.executions: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.ahead: list[int] = []
        self.token = "t1"
        self.expires_in = 3600
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                fake._answer(self, None)

            def do_POST(self) -> None:
                fake._answer(self, json.loads(self.rfile.read(int(self.headers["content-length"]))))

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler, document: Any) -> None:
        self.requests.append(f"{handler.command} {handler.path}")
        status, answer = self._route(handler, document)
        body = json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _route(self, handler: BaseHTTPRequestHandler, document: Any) -> tuple[int, dict[str, Any]]:
        path = handler.path
        if path.startswith("/computeMetadata/"):
            if handler.headers["metadata-flavor"] != "Google":
                return 403, {}
            return 200, {"access_token": self.token, "expires_in": self.expires_in}
        if self.ahead and (status := self.ahead.pop(0)) != 200:
            return status, {"error": {"code": status}}
        authorization = handler.headers["authorization"]
        if authorization is not None and authorization != f"Bearer {self.token}":
            return 401, {}
        if path.endswith(":publish"):
            self.messages += document["messages"]
            return 200, {"messageIds": [str(n) for n, _ in enumerate(document["messages"])]}
        if re.fullmatch(r"/v1/projects/[^/]+/secrets/[^/]+/versions/latest:access", path):
            if not self.versions:
                return 404, {}
            return 200, {"payload": {"data": base64.b64encode(self.versions[-1].encode()).decode()}}
        if path.endswith("/executions") and document is not None:
            self.executions.append(document)
            return 200, {"name": "execution"}
        return 404, {}
