"""A stand-in for IoT TwinMaker, which MiniStack has not: the API of one workspace, on loopback.

Requests and answers are held against botocore's model of the service. What the connector answers is too:
TwinMaker documents its response as that of GetPropertyValueHistory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local_cloud.aws import twinmaker_api
from local_cloud.aws.workspace import Document, ServiceError, Workspace

_UPPER = re.compile(r"(?<!^)(?=[A-Z])")


class TwinMaker:
    """Serves in a thread of this process until `close`. `url` is the service's endpoint; `workspace` is None
    until it has been made.
    """

    def __init__(self, workspace: Workspace | None = None) -> None:
        self.workspace = workspace
        standin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body leave together
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                status, document, headers = _answer(
                    standin.workspace, self.command, self.path, self.rfile.read(length)
                )
                body = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # boto3 puts `api.` and `data.` before the name; names under localhost are this machine.
        self.url = f"http://localhost:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _answer(
    workspace: Workspace | None, method: str, target: str, body: bytes
) -> tuple[int, Document, Mapping[str, str]]:
    try:
        if workspace is None:
            raise ServiceError("ResourceNotFoundException", "There is no workspace yet.", 404)
        return 200, _call(workspace, method, target, body), {}
    except ServiceError as error:
        return error.status, {"message": str(error)}, {"x-amzn-errortype": error.code}
    except Exception as error:  # the connector's own failure, as TwinMaker tells it
        return 500, {"message": repr(error)}, {"x-amzn-errortype": "ConnectorFailureException"}


def _call(workspace: Workspace, method: str, target: str, body: bytes) -> Document:
    parts = urlsplit(target)
    found = twinmaker_api.operation(method, parts.path)
    if found is None:
        raise ServiceError("UnknownOperationException", f"There is no {method} {parts.path}.", 404)
    operation, places = found
    query: Mapping[str, Any] = {
        name: values if name == "tagKeys" else values[0] for name, values in parse_qs(parts.query).items()
    }
    arguments = {**(json.loads(body) if body else {}), **query, **places}
    assert operation.input_shape is not None and operation.output_shape is not None
    if wrong := twinmaker_api.problems(operation.input_shape, arguments):
        raise ServiceError("ValidationException", "; ".join(wrong))
    if arguments.pop("workspaceId", workspace.id) != workspace.id:
        raise ServiceError("ResourceNotFoundException", "There is no such workspace.", 404)
    name = _UPPER.sub("_", str(operation.name)).lower()
    document = getattr(workspace, name)(**arguments)
    if wrong := twinmaker_api.problems(operation.output_shape, document):
        raise ServiceError("ConnectorFailureException", "; ".join(wrong), 500)
    return document
