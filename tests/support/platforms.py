"""How the three platforms hand a request to a function, and take its answer: without their servers.

Each is a `Platform`: a call takes a request as it is on the wire and gives the answer as the caller gets it.
What a function raises, or answers in a form that the platform does not take, is a 5xx, as it is there.
"""

from __future__ import annotations

import io
import sys
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

from local_cloud import web
from local_cloud.azure.host.front import Front
from local_cloud.azure.host.invocations import Invocations
from local_cloud.azure.host.worker import Function, LibraryWorker

FUNCTION_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Wire:
    """A request. `target` is path and query; a header may be there several times."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Reply:
    """An answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Platform = Callable[[Wire], Reply]


def lambda_proxy(handler: Callable[[dict[str, Any], Any], Any]) -> Platform:
    """API Gateway's proxy integration of a REST API whose bodies are all binary."""

    def call(wire: Wire) -> Reply:
        try:
            answer = handler(proxy_event(wire), None)
            headers = {name.lower(): value for name, value in answer["headers"].items()}
            status, body = answer["statusCode"], answer["body"].encode("utf-8")
        except Exception as error:
            return _broken(502, error)
        well_formed = isinstance(status, int) and all(isinstance(value, str) for value in headers.values())
        return Reply(status, headers, body) if well_formed else _broken(502, TypeError("a malformed answer"))

    return call


def proxy_event(wire: Wire) -> dict[str, Any]:
    """The event of a request, as API Gateway documents it."""
    path, _, text = wire.target.partition("?")
    query = parse_qs(text, keep_blank_values=True) or None
    several: dict[str, list[str]] = {}
    spelling: dict[str, str] = {}
    for name, value in wire.headers:
        several.setdefault(spelling.setdefault(name.lower(), name), []).append(value)
    return {
        "resource": path,
        "path": path,
        "httpMethod": wire.method,
        "headers": {name: values[-1] for name, values in several.items()},
        "multiValueHeaders": several,
        "queryStringParameters": query and {name: values[-1] for name, values in query.items()},
        "multiValueQueryStringParameters": query,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": wire.method,
            "path": path,
            "stage": "v1",
            "identity": {"apiKeyId": key_id(wire.header("x-api-key"))},
        },
        "body": b64encode(wire.body).decode() if wire.body else None,
        "isBase64Encoded": bool(wire.body),
    }


def key_id(key: str | None) -> str | None:
    """The id that API Gateway has for an API key."""
    return key and sha256(key.encode()).hexdigest()[:10]


def api_gateway(function: Platform, *, method: str, api_keys: Callable[[], Collection[str]]) -> Platform:
    """What API Gateway does before it calls: the stack's one method and its API keys, of which it answers 401
    for a wrong one. A stand-in: it shows what a sender does with the answers.
    """

    def call(wire: Wire) -> Reply:
        if wire.method != method:
            return _gateway(403, b'{"message":"Missing Authentication Token"}')
        if wire.header("x-api-key") not in api_keys():
            return _gateway(401, b'{"message":"Forbidden"}')
        return function(wire)

    return call


def functions_host(worker: LibraryWorker) -> Platform:
    """A function app of Azure: `azure-functions` decodes and encodes, as in its worker."""
    front = Front(worker, route_prefix="", invocations=Invocations(FUNCTION_TIMEOUT_S, sys.exit))

    def call(wire: Wire) -> Reply:
        headers: dict[str, str] = {}
        for name, value in wire.headers:
            key = name.lower()
            headers[key] = f"{headers[key]},{value}" if key in headers else value
        path, _, text = wire.target.partition("?")
        query = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
        url = f"https://factory.example{wire.target}"
        answer = front(web.Request(wire.method, url, path, query, headers, wire.body))
        return Reply(
            answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body
        )

    return call


def worker_of(app: Any) -> LibraryWorker:
    """The worker of a function app, which can be indexed once. It calls in its caller's thread."""
    worker = LibraryWorker(
        [
            Function(each.get_function_name(), each.get_trigger().get_dict_repr(), each)
            for each in app.get_functions()
        ]
    )
    worker._threads = _Here()  # type: ignore[assignment]
    return worker


class _Here:
    """An executor without threads: to hand each of 100,000 requests to another costs more than they do."""

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work())
        except Exception as error:
            done.set_exception(error)
        return done


def wsgi(app: Any) -> Platform:
    """A function of Google Cloud: what the functions framework makes of it is a WSGI application."""

    def call(wire: Wire) -> Reply:
        got: list[Any] = []
        chunks = app(wsgi_environ(wire), lambda status, headers, _=None: got.append((status, headers)))
        body = b"".join(chunks)
        status, headers = got[-1]
        return Reply(int(status[:3]), {name.lower(): value for name, value in headers}, body)

    return call


def wsgi_environ(wire: Wire) -> dict[str, Any]:
    path, _, query = wire.target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": wire.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(wire.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(wire.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in wire.headers:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ and key != "CONTENT_LENGTH" else value
    return environ


def _gateway(status: int, body: bytes) -> Reply:
    return Reply(status, {"content-type": "application/json"}, body)


def _broken(status: int, error: Exception) -> Reply:
    return Reply(status, {}, repr(error).encode())
