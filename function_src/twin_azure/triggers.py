"""Function apps of one function each: from a message, a request or an event to a role's object."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import azure.functions as func

from twin_runtime.deadlines import Limits
from twin_runtime.delivery import coalescer
from twin_runtime.errors import Retry
from twin_runtime.log import Log
from twin_runtime.ports import BrokerMessage, Message, Request, Response

from . import bodies, settings, telemetry

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
# The SDKs write two lines for each of their calls, more than all else together, and each line is billed.
logging.getLogger("azure").setLevel(logging.WARNING)


class DeliverAgain(Exception):
    """The host makes the message visible again: what failed is in the log."""


class Once:
    """A role's object, made by a process's first invocation and kept: it holds connections and caches."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Any = None

    def get(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


def sink(level: str, line: str) -> None:
    """Log lines go to Application Insights as traces."""
    logging.getLogger("twinspan").log(_LEVELS[level], line)


def queue_app(
    limits: Limits, consumer: Once, *, together: bool = False, kept: Once | None = None
) -> func.FunctionApp:
    """An app that consumes the queue `TRIGGER_QUEUE`. `together`: messages that the host hands over side by
    side are worked on as one batch. `kept` makes the `bodies.Bodies` of the queue; by default those of
    `TRIGGER_BODIES`.
    """
    app, budget, log = func.FunctionApp(), limits.budget()._asdict(), Log(limits.role, sink)
    kept = kept or Once(_bodies)

    def work(batch: Sequence[Message]) -> list[str]:
        return consumer.get().handle(batch, **budget)

    gathered = coalescer.of_messages(work) if together else None

    @app.function_name(limits.role.value)
    @app.queue_trigger(arg_name="message", queue_name="%TRIGGER_QUEUE%", connection="QUEUES")
    def run(message: func.QueueMessage) -> None:
        body = message.get_body()
        claim = bodies.claimed(body)
        if claim is not None:
            found = kept.get().get(claim)
            if found is None:  # an earlier delivery was done, and died before the host heard of it
                log.warning("body_gone", message=str(message.id), body=claim)
                return
            body = found
        received = Message(str(message.id), body, message.dequeue_count)
        done = gathered.submit(received) if gathered else not work([received])
        if not done:
            raise DeliverAgain("The message is not done and must be delivered again.")
        if claim is not None:
            _drop(kept.get(), claim, log)

    return app


def _bodies() -> bodies.Bodies:
    from .cloud import credential

    return bodies.Bodies(settings.bodies(), credential())


def _drop(kept: bodies.Bodies, claim: str, log: Log) -> None:
    """Delete the body of a message that is done. One that stays is deleted by the rule of its container."""
    try:
        kept.delete(claim)
    except Retry as error:
        log.warning("body_not_deleted", body=claim, reason=error.reason)


def http_app(role: str, receiver: Once) -> func.FunctionApp:
    """An app that answers HTTPS at `/<role>`. The function checks key and signature, hence the level."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.function_name(role)
    @app.route(route=role, methods=["GET", "POST"], trigger_arg_name="request")
    def run(request: func.HttpRequest) -> func.HttpResponse:
        return answer_of(receiver.get().handle(request_of(request)))

    return app


def event_grid_app(limits: Limits, dispatcher: Once) -> func.FunctionApp:
    """An app that Event Grid delivers telemetry to. An error makes Event Grid deliver again.

    The host takes Event Grid's batches apart and hands the events over side by side: they are put together
    again, so that the queue's messages carry batches.
    """
    app = func.FunctionApp()

    def dispatch(messages: Sequence[BrokerMessage]) -> Sequence[None]:
        dispatcher.get().handle(messages, budget=limits.budget())
        return [None] * len(messages)

    gathered = coalescer.Coalescer(dispatch)

    @app.function_name(limits.role.value)
    @app.event_grid_trigger(arg_name="event")
    def run(event: func.EventGridEvent) -> None:
        happened = event.event_time
        gathered.submit(telemetry.read(_json(event), happened.isoformat() if happened is not None else ""))

    return app


def timer_app(limits: Limits, scheduled: Once) -> func.FunctionApp:
    """An app of a scheduled role, by `SCHEDULE`: a function `<role>_<number>` for each of the
    `PARTITIONS`, or `<role>` where there is one. What the role raises makes the run a failed one.
    """
    app, partitions = func.FunctionApp(), settings.partitions()
    role, budget = limits.role.value, limits.budget().budget

    def add(partition: int) -> None:
        @app.function_name(role if partitions == 1 else f"{role}_{partition}")
        @app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%")
        def run(timer: func.TimerRequest) -> None:
            scheduled.get().run(partition, partitions, budget=budget)

    for partition in range(partitions):
        add(partition)
    return app


def request_of(request: func.HttpRequest) -> Request:
    """The runtime's form of a request. A name that the query repeats keeps all its values."""
    query = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
    return Request(
        method=request.method or "",
        headers=dict(request.headers),
        body=request.get_body(),
        query={name: values[0] if len(values) == 1 else values for name, values in query.items()},
    )


def answer_of(response: Response) -> func.HttpResponse:
    """The host's form of an answer."""
    headers = dict(response.headers)
    kind = headers.pop("content-type", "application/json")
    return func.HttpResponse(response.body, status_code=response.status, headers=headers, mimetype=kind)


def _json(event: func.EventGridEvent) -> Any:
    return event.get_json()
