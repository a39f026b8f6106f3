"""How a role is called: a Flask request comes in, an answer of Flask's kind goes out.

Everything that a role holds is made when its module is loaded, once per process: what is wrong with the
environment then stops the deployment, not the first message.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twin_runtime import coalescer
from twin_runtime.assembly import Parts
from twin_runtime.consumer import Consumer
from twin_runtime.log import Log, failure
from twin_runtime.ports import Message, Request, Response

from . import envelope
from .cloud import GcpCloud

Answer = tuple[str | bytes, int, Mapping[str, str]]
Handler = Callable[[Any], Answer]
DONE: Answer = ("", 204, {})
"""Pub/Sub takes the message off the subscription."""
AGAIN: Answer = ("", 503, {})
"""Pub/Sub delivers the message again, later each time."""
NOT_OURS: Answer = ("", 400, {})


class Receives(Protocol):
    """A role behind HTTPS."""

    def handle(self, request: Request) -> Response: ...


def parts(role: str) -> Parts:
    """The role's environment, package and log."""
    return Parts(role, GcpCloud(), sink=_to_cloud_logging)


def consumer(role: Consumer, log: Log, *, together: bool = False) -> Handler:
    """The entry point of a role that consumes a queue. `together`: concurrent messages are worked on as one
    batch.
    """
    gathered = coalescer.of_messages(role.handle) if together else None

    def take(message: Message) -> bool:
        return gathered.submit(message) if gathered else not role.handle([message])

    def handle(request: Any) -> Answer:
        return guarded(log, lambda: DONE if take(_message(envelope.parse(request.get_data()))) else AGAIN)

    return handle


def receiver(role: Receives) -> Handler:
    """The entry point of a role behind HTTPS."""

    def handle(request: Any) -> Answer:
        answer = role.handle(
            Request(
                method=request.method,
                headers=dict(request.headers),
                body=request.get_data(),
                query=request.args.to_dict(flat=False),
            )
        )
        return answer.body, answer.status, answer.headers

    return handle


def guarded(log: Log, work: Callable[[], Answer]) -> Answer:
    """The answer of `work`; whatever it raises brings the message back."""
    try:
        return work()
    except envelope.Malformed as error:
        log.error("not_ours", reason=str(error))
        return NOT_OURS
    except Exception as error:
        log.error("failed", reason=getattr(error, "reason", failure(error)))
        return AGAIN


def _message(pushed: envelope.Envelope) -> Message:
    return Message(pushed.id, pushed.data, pushed.attempt)


def _to_cloud_logging(level: str, line: str) -> None:
    """Cloud Logging takes a line of JSON apart, and its level from `severity`."""
    sys.stdout.write(f'{{"severity":"{level.upper()}",{line[1:]}\n')
    sys.stdout.flush()
