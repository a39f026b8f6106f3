"""A link of two clouds: the real roles of both ends, each behind its cloud's own entry point."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

from support.deployed import Deployed, Functions
from support.loopback import Loopback, listening
from support.platforms import Platform, Reply, api_gateway
from support.samples import API_KEY, DOCUMENT, KEY_1
from twin_runtime.ports import Event

ENDS = {
    "telemetry": ("connector", "ingestion"),
    "write": ("persister", "writer"),
    "feedback": ("event_checker", "event_feedback"),
}
EACH = DOCUMENT | {
    "rules": [DOCUMENT["rules"][0] | {"cooldown": 0, "repeat": 1, "max_age": 10**10}],
}
"""The sample twin, with a rule that fires on each event of another second, however old it is."""


class Link:
    """`kind` is one of `ends`. A context: the receiver listens within it."""

    ends: Mapping[str, tuple[str, str]] = ENDS

    def __init__(
        self,
        functions: Functions,
        kind: str,
        sender: str,
        receiver: str,
        *,
        twin_of_sender: Mapping[str, Any] = EACH,
        twin_of_receiver: Mapping[str, Any] = EACH,
    ) -> None:
        self.kind = kind
        self._functions = functions
        self.sender = functions.load(sender, self.ends[kind][0], twin=twin_of_sender)
        self.receiver = functions.load(receiver, self.ends[kind][1], twin=twin_of_receiver)
        self.receiver.admit()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.server: Loopback = self._stack.enter_context(listening(public(self.receiver)))
        self.write_secret()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write_secret(self, *, api_key: str = API_KEY, signing_keys: Sequence[str] = (KEY_1,)) -> None:
        """The sender's end of the link."""
        secret = {
            "url": self.server.url + self.receiver.path,
            "api_key": api_key,
            "signing_keys": list(signing_keys),
        }
        self.sender.memory.secret("LINK_SECRET").text = json.dumps(secret)

    def restart_sender(self) -> None:
        """Another instance takes its place."""
        self._functions.start(self.sender)

    def restart_receiver(self) -> None:
        """Another instance takes its place."""
        self._functions.start(self.receiver)
        self.server.platform = public(self.receiver)

    def send(self, *events: Event) -> bool:
        """The sender's queue hands over one message of `events`; whether that is done."""
        return self.sender.consume(json.dumps(events))

    def answers(self) -> list[Any]:
        return [document(reply) for _, reply in self.server.seen]

    def arrived(self) -> list[str]:
        """What the receiver has made durable, in order, as `expected` writes it."""
        return _ARRIVED[self.kind](self.receiver)

    def expected(self, *events: Event) -> list[str]:
        return [_EXPECTED[self.kind](event) for event in events]

    def obstruct(self, error: Exception, commands: int) -> None:
        """The next request meets `error` behind the receiver; `commands` is how many it carries."""
        memory = self.receiver.memory
        faults, tries = {
            "telemetry": (memory.queue("PROCESSING_QUEUE").faults, 1),
            "write": (memory.store("STORE").faults, 4),
            "feedback": (memory.broker("BROKER").faults, commands),
        }[self.kind]
        faults.ahead = [error] * tries


def public(function: Deployed) -> Platform:
    """A function as its callers reach it."""
    platform = function.platform()
    if function.cloud != "aws":
        return platform
    return api_gateway(platform, method=function.method, api_keys=function.api_keys)


def document(reply: Reply) -> Any:
    return json.loads(reply.body)


def _queued(receiver: Deployed) -> list[str]:
    bodies = receiver.memory.queue("PROCESSING_QUEUE").bodies
    return [json.dumps(event) for body in bodies for event in json.loads(body)]


def _stored(receiver: Deployed) -> list[str]:
    rows = receiver.memory.store("STORE").rows.values()
    return [
        json.dumps([row.device, row.time, row.id, row.type, row.traceparent, json.loads(row.data)])
        for row in rows
        if not row.device.startswith("~")
    ]


def _told(receiver: Deployed) -> list[str]:
    told = []
    for device, each in receiver.memory.broker("BROKER").sent:
        data = {name: value for name, value in each["data"].items() if name != "expires"}
        told.append(
            json.dumps([device, each["type"], each["source"], each["time"], each["traceparent"], data])
        )
    return told


def _row(event: Event) -> str:
    names = ("time", "id", "type", "traceparent", "data")
    return json.dumps([event["source"].rpartition("/")[2], *(event[name] for name in names)])


def _command(event: Event) -> str:
    data = {"command": "set_point", "value": 20, "rule": "overheating", "event_id": event["id"]}
    device = event["source"].rpartition("/")[2]
    return json.dumps(
        [device, "twinspan.command.v1", event["source"], event["time"], event["traceparent"], data]
    )


_ARRIVED: Mapping[str, Callable[[Deployed], list[str]]] = {
    "telemetry": _queued,
    "write": _stored,
    "feedback": _told,
}
_EXPECTED: Mapping[str, Callable[[Event], str]] = {
    "telemetry": json.dumps,
    "write": _row,
    "feedback": _command,
}
