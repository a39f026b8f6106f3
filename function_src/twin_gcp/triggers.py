"""How a role is called: a Flask request comes in, an answer of Flask's kind goes out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from twin_runtime.deadlines import Limits
from twin_runtime.delivery import coalescer
from twin_runtime.errors import Retry
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
MAX_PUSH_BYTES = 1_500_000
"""Of a push request that is read. A message may have 10 MB, which makes 13 MB of it; devices and functions
send a tenth of this.
"""


class Receives(Protocol):
    """A role behind HTTPS."""

    def handle(self, request: Request) -> Response: ...


class Scheduled(Protocol):
    """A role that runs by the clock."""

    def run(self, partition: int, partitions: int, *, budget: float) -> object: ...


def consumer(role: Consumer, log: Log, limits: Limits, *, together: bool = False) -> Handler:
    """The entry point of a role that consumes a queue. `together`: concurrent messages are worked on as one
    batch.
    """
    budget = limits.budget()._asdict()

    def work(messages: Sequence[Message]) -> list[str]:
        return role.handle(messages, **budget)

    gathered = coalescer.of_messages(work) if together else None

    def take(message: Message) -> bool:
        return gathered.submit(message) if gathered else not work([message])

    def handle(request: Any) -> Answer:
        return guarded(log, lambda: DONE if take(_message(_pushed(request))) else AGAIN)

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


def scheduled(role: Scheduled, log: Log, limits: Limits) -> Handler:
    """The entry point of a role that Cloud Scheduler starts, whose job's body is
    `{"partition": 0, "partitions": 4}`.
    """
    budget = limits.budget().budget

    def handle(request: Any) -> Answer:
        try:
            job = json.loads(request.get_data())
            partition, partitions = job["partition"], job["partitions"]
        except (ValueError, TypeError, KeyError) as error:
            log.error("not_ours", reason=f"The job's body is not understood ({type(error).__name__}).")
            return NOT_OURS
        try:
            role.run(partition, partitions, budget=budget)
        except Exception as error:
            log.error("failed", reason=getattr(error, "reason", failure(error)), partition=partition)
            return FAILED
        return DONE

    return handle


def broker(role: Dispatcher, fleet: CachedSecret, twin: Twin, log: Log, limits: Limits) -> Handler:
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
            sent="" if problem or named in twin.revoked else devices.signed_at(pushed.attributes),
        )
        role.handle([message], budget=limits.budget())
        return DONE

    return lambda request: guarded(log, lambda: dispatch(_pushed(request)))


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


def _pushed(request: Any) -> envelope.Envelope:
    """What Pub/Sub pushed; raises `envelope.Malformed`, and `Retry` for what is too long to be held: Pub/Sub
    then moves it to the dead letters by itself, whole.
    """
    if (request.content_length or 0) > MAX_PUSH_BYTES:
        raise Retry(f"The push request is longer than {MAX_PUSH_BYTES} bytes.")
    return envelope.parse(request.get_data())


def _message(pushed: envelope.Envelope) -> Message:
    return Message(pushed.id, pushed.data, pushed.attempt)


def to_cloud_logging(level: str, line: str) -> None:
    """Cloud Logging takes a line of JSON apart, and its level from `severity`."""
    sys.stdout.write(f'{{"severity":"{level.upper()}",{line[1:]}\n')
    sys.stdout.flush()
