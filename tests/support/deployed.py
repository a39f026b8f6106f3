"""Functions as their cloud's own entry point loads them, on ports in memory."""

from __future__ import annotations

import importlib
import itertools
import json
import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from azure.functions.meta import Datum

from support import platforms
from support.memory import MemoryCloud
from support.platforms import Platform, Wire
from support.samples import API_KEY, DOCUMENT, KEY_1, Lines
from twin_aws import entry as aws
from twin_azure import entry as azure
from twin_azure import settings as azure_settings
from twin_gcp import entry as gcp
from twin_runtime import settings
from twin_runtime.context import Context
from twin_runtime.errors import Retry
from twin_runtime.log import Sink
from twin_runtime.roles import Role
from twin_runtime.wire.callers import TokenBuckets

MAIN = Path(gcp.__file__).parent / "root" / "main.py"
_numbers = itertools.count(1)


@dataclass
class Deployed:
    """A function. An address in `memory` is the name of the variable that holds it, as `STORE`. `environ`
    is laid over its environment.
    """

    cloud: str
    role: str
    memory: MemoryCloud
    root: Path
    sink: Sink
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    loaded: Any = None

    @property
    def method(self) -> str:
        return "GET" if self.role in ("hot_reader", "twin_reader") else "POST"

    @property
    def path(self) -> str:
        return "/" if self.cloud == "gcp" else f"/{self.role}"

    def platform(self) -> Platform:
        """The function behind HTTPS."""
        if self.cloud == "aws":
            return platforms.lambda_proxy(self.loaded)
        return platforms.functions_host(self.loaded) if self.cloud == "azure" else platforms.wsgi(self.loaded)

    def api_keys(self) -> list[str]:
        """Those that are accepted, of all clients; on AWS by API Gateway."""
        secret = json.loads(self.memory.secret("API_KEYS_SECRET").text or '{"api_keys": []}')
        return [*secret["api_keys"], *itertools.chain(*secret.get("clients", {}).values())]

    def admit(
        self,
        *,
        signing_keys: Sequence[str] = (KEY_1,),
        api_keys: Sequence[str] = (API_KEY,),
        clients: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Write the secrets of a receiver; a secret without clients is as it was before there were any."""
        self.memory.secret("LINK_SECRET").text = json.dumps({"signing_keys": list(signing_keys)})
        secret: dict[str, Any] = {"api_keys": list(api_keys)}
        self.memory.secret("API_KEYS_SECRET").text = json.dumps(
            secret if clients is None else {**secret, "clients": clients}
        )

    def consume(self, body: str, attempt: int = 1) -> bool:
        """Hand the queue trigger a message; whether it is done."""
        return _CONSUME[self.cloud](self.loaded, body, attempt)

    def run(self) -> bool:
        """A run by the clock, of the only partition; whether it did not fail."""
        return _RUN[self.cloud](self.loaded)

    def dead_letters(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.memory.queue("DEAD_LETTER_QUEUE").bodies]


class Functions:
    """Loads functions; a context, since an entry point may put its role together at its first call.

    `folder` gets a `twin.json`. Unless `limited`, a client may make any number of requests. Two functions of
    one role and cloud do not stand side by side: the later one takes the place of the earlier.
    """

    def __init__(self, folder: Path, *, limited: bool = False) -> None:
        self._folder = folder
        self._limited = limited
        self._stack = ExitStack()
        self._known: dict[tuple[str, str], Deployed] = {}

    def __enter__(self) -> Functions:
        for module in (aws, azure, gcp):
            self._stack.enter_context(patch.object(module, "Context", self._context))
        if not self._limited:
            self._stack.enter_context(patch.object(TokenBuckets, "take", lambda *_: 0.0))
        self._stack.enter_context(patch.dict(os.environ))
        os.environ.pop("TRIGGER_QUEUE", None)
        os.environ |= {"PARTITIONS": "1", azure_settings.TIMEOUT: "00:10:00"}
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def load(
        self,
        cloud: str,
        role: str,
        *,
        memory: MemoryCloud | None = None,
        twin: Mapping[str, Any] = DOCUMENT,
        sink: Sink | None = None,
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> Deployed:
        """The remote variant of a role. `memory` may be that of another function, to share its store."""
        root = self._folder / f"package-{next(_numbers)}"
        root.mkdir()
        (root / "twin.json").write_text(json.dumps(twin))
        function = Deployed(cloud, role, memory or MemoryCloud(cloud), root, sink or Lines(), environ)
        self._known[cloud, role] = function
        self.start(function)
        return function

    def start(self, function: Deployed) -> None:
        """Start it anew, as another instance: it has read no secret and remembers nothing."""
        if function.cloud == "aws":
            function.loaded = getattr(aws, function.role)
        elif function.cloud == "azure":
            function.loaded = platforms.worker_of(azure.app_of(Role(function.role)))
        else:
            functions_framework = importlib.import_module("functions_framework")
            with patch.dict(os.environ, TWIN_ROLE=function.role):
                function.loaded = functions_framework.create_app("handle", str(MAIN), "http")

    def _context(self, role: Role, cloud: Any, **_: Any) -> Context:
        """As the entry point makes them, but for where the ports, the environment and the package are."""
        function = self._known[cloud.name, role]
        environ = {name: name for name in settings.expected(role, cloud.name, remote=True)}
        values = dict.fromkeys(("EVENTS_QUEUE", "COLD_LINK_SECRET", "API_CLIENTS"), "")
        values |= {"TWIN_ROLE": role, "API_KEY_READS": "true", **function.environ}
        return Context(
            role,
            function.memory,
            environ=environ | {name: value for name, value in values.items() if name in environ},
            root=function.root,
            sink=function.sink,
        )


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def _lambda(handler: Any, body: str, attempt: int) -> bool:
    record = {
        "messageId": "m1",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(attempt)},
        "eventSource": "aws:sqs",
    }
    return handler({"Records": [record]}, _Context()) == {"batchItemFailures": []}


def _queue_trigger(worker: Any, body: str, attempt: int) -> bool:
    metadata = {"Id": Datum("m1", "string"), "DequeueCount": Datum(str(attempt), "string")}
    return worker.call(worker.functions[0], Datum(body.encode(), "bytes"), metadata).ok


def _push(app: Any, body: str, attempt: int) -> bool:
    message = {
        "data": b64encode(body.encode()).decode(),
        "messageId": "1",
        "publishTime": "2024-02-29T12:00:00.123Z",
    }
    document = {"message": message, "subscription": "s", "deliveryAttempt": attempt}
    headers = (("content-type", "application/json"),)
    return platforms.wsgi(app)(Wire("POST", "/", headers, json.dumps(document).encode())).status == 204


_CONSUME = {"aws": _lambda, "azure": _queue_trigger, "gcp": _push}


def _schedule(handler: Any) -> bool:
    try:
        return handler({"partition": 0, "partitions": 1}, _Context()) is None
    except Retry:
        return False


def _timer_trigger(worker: Any) -> bool:
    timer = {"schedule": {"adjustForDST": True}, "isPastDue": False}
    return worker.call(worker.functions[0], Datum(json.dumps(timer), "json"), {}).ok


def _job(app: Any) -> bool:
    job = {"partition": 0, "partitions": 1}
    headers = (("content-type", "application/json"),)
    return platforms.wsgi(app)(Wire("POST", "/", headers, json.dumps(job).encode())).status == 204


_RUN = {"aws": _schedule, "azure": _timer_trigger, "gcp": _job}
