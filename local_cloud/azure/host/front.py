"""The host's HTTP side: routes of HTTP functions, and the endpoint that Event Grid delivers to."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.functions.meta import Datum

from local_cloud.azure.host.invocations import Invocations
from local_cloud.azure.host.worker import Function, Outcome, Worker
from local_cloud.web import Answer, Request

EVENT_GRID_PATH = "/runtime/webhooks/EventGrid"
_HTTP, _EVENT_GRID = "httpTrigger", "eventGridTrigger"
_EVENT_GRID_THREADS = 256
_LOG = logging.getLogger("host")


class Front:
    """Answers requests. Only functions of the level `anonymous` are reached: there are no function keys."""

    def __init__(self, worker: Worker, *, route_prefix: str, invocations: Invocations) -> None:
        self._worker = worker
        self._invocations = invocations
        prefix = f"/{route_prefix}".rstrip("/")
        self._routes = {
            f"{prefix}/{function.trigger.get('route') or function.name}".lower(): function
            for function in worker.functions
            if function.kind == _HTTP
        }
        self._event_grid = {
            function.name.lower(): function for function in worker.functions if function.kind == _EVENT_GRID
        }
        self._threads = ThreadPoolExecutor(_EVENT_GRID_THREADS, thread_name_prefix="event-grid")

    def __call__(self, request: Request) -> Answer:
        if request.path == EVENT_GRID_PATH:
            return self._deliver(request)
        function = self._routes.get(request.path.rstrip("/").lower())
        if function is None or not _allows(function, request.method):
            return Answer(404)
        if str(function.trigger.get("authLevel", "function")).lower() != "anonymous":
            return Answer(401)
        outcome = self._call(function, _datum(request))
        if not outcome.ok:
            _LOG.warning("%s failed: %s", function.name, outcome.error)
            return Answer(500)
        return _answer(outcome.value)

    def _deliver(self, request: Request) -> Answer:
        """Each event of a batch is a call of its own; if one fails, the whole batch is delivered again."""
        function = self._event_grid.get(request.query.get("functionName", "").lower())
        if function is None or request.method != "POST":
            return Answer(404)
        if request.headers.get("aeg-event-type") != "Notification":
            return Answer(400)
        try:
            events = _events(request.body)
        except ValueError:
            return Answer(400)
        outcomes = list(self._threads.map(lambda text: self._call(function, Datum(text, "json")), events))
        failed = [outcome for outcome in outcomes if not outcome.ok]
        if failed:
            _LOG.warning("%s failed for %d events: %s", function.name, len(failed), failed[0].error)
            return Answer(500)
        return Answer(202)

    def _call(self, function: Function, datum: Any) -> Outcome:
        with self._invocations.one():
            return self._worker.call(function, datum, {})


def _events(body: bytes) -> Sequence[str]:
    events = json.loads(body)
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise ValueError("not a list of events")
    return [json.dumps(event) for event in events]


def _allows(function: Function, method: str) -> bool:
    methods = function.trigger.get("methods")
    return not methods or method.upper() in {str(getattr(each, "value", each)).upper() for each in methods}


def _datum(request: Request) -> Datum:
    return Datum(
        {
            "method": Datum(request.method, "string"),
            "url": Datum(request.url, "string"),
            "headers": {name: Datum(value, "string") for name, value in request.headers.items()},
            "query": {name: Datum(value, "string") for name, value in request.query.items()},
            "params": {},
            "body": Datum(request.body, "bytes"),
        },
        "http",
    )


def _answer(datum: Any) -> Answer:
    if datum is None:
        return Answer(204)
    if datum.type == "string":
        return Answer(200, datum.value.encode(), {"content-type": "text/plain; charset=utf-8"})
    value = datum.value
    headers = {name: header.value for name, header in value["headers"].items()}
    return Answer(int(value["status_code"].value), value["body"].value, headers)
