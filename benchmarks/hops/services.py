"""A cloud's services on this machine: the real adapters for the role, the bare calls of the same SDK or HTTP
client beside them, and what both left behind.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from local_cloud.processes import free_port
from support.servers import running
from twin_runtime.ports import Cloud

Stored = Mapping[str, Any]
"""A row as the bare side writes it: device, time, id, type, data (text), traceparent, expires."""

NOTES = "~"
"""How the devices of rows begin that are the product's own notes: it writes one in hours, not one a batch."""


class Services(Protocol):
    """One cloud. `queue`, `store` and `states` are addresses as a stack would give them to a function."""

    cloud: Cloud
    runs_on: str
    queue: str
    store: str
    states: str

    def send(self, body: str) -> None:
        """One message, by the bare call."""
        ...

    def put(self, rows: Sequence[Stored]) -> None:
        """The rows, by the bare calls, in as few as the service takes."""
        ...

    def query(self, device: str, limit: int) -> list[Stored]:
        """The first `limit` rows of a device, by the bare call."""
        ...

    def state(self, device: str) -> tuple[str, Any]:
        """The text of a device's record in the state store, and its version, by the bare call."""
        ...

    def put_state(self, device: str, text: str, version: Any) -> Any:
        """Write over a device's record if it has this version, by the bare call; its new version."""
        ...

    def taken(self) -> list[str]:
        """Empty the queue: the bodies that were in it."""
        ...

    def rows(self) -> list[Stored]:
        """Empty the store: the rows that were in it, without the product's own notes."""
        ...


class Secret:
    """`ports.SecretSource` of a known text: a role reads a secret once a minute, so it costs nothing."""

    def __init__(self, text: str) -> None:
        self._text = text

    def fetch(self) -> str:
        return self._text


class Sink:
    """The bare server of `sink.py`, and a kept-alive connection of the bare client to it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """One exchange; raises unless the answer is 200."""
        self._connection.request("POST", path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"The sink answered {answer.status}: {content[:200]!r}")

    def taken(self) -> list[str]:
        self._connection.request("GET", "/taken")
        return json.loads(self._connection.getresponse().read())


@contextlib.contextmanager
def sink() -> Iterator[Sink]:
    """A sink in a process of its own."""
    port = free_port()
    with running(sys.executable, str(Path(__file__).with_name("sink.py")), str(port), port=port):
        yield Sink(port)
