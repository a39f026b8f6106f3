"""How a role is called: a Flask request comes in, an answer of Flask's kind goes out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from twin_runtime.delivery import coalescer
from twin_runtime.log import Log, failure
from twin_runtime.ports import BrokerMessage, Message, Request, Response

from . import envelope

if TYPE_CHECKING:
    from twin_runtime.delivery.consumer import Consumer
    from twin_runtime.functions.dispatcher import Dispatcher
    from twin_runtime.model import Twin
    from twin_runtime.wire.secret_cache import CachedSecret

Answer = tuple[str | bytes, int, Mapping[str, str]]
Handler = Callable[[Any], Answer]
DONE: Answer = ("", 204, {})
"""Pub/Sub takes the message off the subscription."""
AGAIN: Answer = ("", 503, {})
"""Pub/Sub delivers the message again, later each time."""
NOT_OURS: Answer = ("", 400, {})
FAILED: Answer = ("", 500, {})
"""Of a run by the clock: the next one is not far."""
_RESERVE_S = 5.0
"""Seconds of a run's time that are left for its answer."""


class Receives(Protocol):
    """A role behind HTTPS."""

    def handle(self, request: Request) -> Response: ...


class Scheduled(Protocol):
    """A role that runs by the clock."""

    def run(self, partition: int, partitions: int, *, budget: float) -> object: ...


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


def scheduled(role: Scheduled, log: Log) -> Handler:
    """The entry point of a role that Cloud Scheduler starts, whose job's body is
    `{"partition": 0, "partitions": 4, "timeout_s": 600}`: a function is not told its own time-out.
    """

    def handle(request: Any) -> Answer:
        try:
            job = json.loads(request.get_data())
            partition, partitions, timeout_s = job["partition"], job["partitions"], job["timeout_s"]
        except (ValueError, TypeError, KeyError) as error:
            log.error("not_ours", reason=f"The job's body is not understood ({type(error).__name__}).")
            return NOT_OURS
        try:
            role.run(partition, partitions, budget=max(1.0, timeout_s - _RESERVE_S))
        except Exception as error:
            log.error("failed", reason=getattr(error, "reason", failure(error)), partition=partition)
            return FAILED
        return DONE

    return handle


def broker(role: Dispatcher, fleet: CachedSecret, twin: Twin, log: Log) -> Handler:
    """The entry point of the role that devices' messages are pushed to; their keys derive from `fleet`."""
    from . import devices

    def dispatch(pushed: envelope.Envelope) -> Answer:
        named = pushed.attributes.get("device_id", "")
        # What names a revoked device is dropped, whoever signed it.
        problem = (
            None
            if named in twin.revoked
            else devices.problem(
                fleet.read_text(), pushed.attributes, pushed.data, pushed.published, twin.device_keys
            )
        )
        message = BrokerMessage(
            device=None if problem else named,
            body=pushed.data,
            received=pushed.published,
            problem=problem,
        )
        role.handle([message])
        return DONE

    return lambda request: guarded(log, lambda: dispatch(envelope.parse(request.get_data())))


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


def to_cloud_logging(level: str, line: str) -> None:
    """Cloud Logging takes a line of JSON apart, and its level from `severity`."""
    sys.stdout.write(f'{{"severity":"{level.upper()}",{line[1:]}\n')
    sys.stdout.flush()
