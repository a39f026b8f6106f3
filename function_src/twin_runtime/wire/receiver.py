"""The receiving end of a remote link: lets in what is authentic, well-formed and of this twin; 2xx means
durable.
"""

from __future__ import annotations

import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twin_runtime import deadlines, jsontext
from twin_runtime.deadlines import UNBOUNDED, Budget, Deadline
from twin_runtime.delivery import dead_letters
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import Retry
from twin_runtime.events import cloudevents
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Event, Request, Response
from twin_runtime.wire import gate
from twin_runtime.wire.answers import Refusal, answer, guarded
from twin_runtime.wire.secret_cache import CachedSecret

MAX_BODY_BYTES = 256 * 1024
"""Of the body on the wire, and of what it unpacks to. A batch of 500 events of half a kilobyte fits, and so
does one event of the longest data; an instance that answers 16 requests at a time holds them all.
"""
MAX_EVENTS = 1_000


class Receiver(ABC):
    """One HTTPS receiver. `api_keys` is None where the platform has checked the key. Thread-safe."""

    kind = cloudevents.TELEMETRY
    reads_data = True
    """Whether its events have their data; else they may have it in their texts alone."""

    def __init__(
        self,
        *,
        twin: Twin,
        dead: DeadLetters,
        log: Log,
        link: CachedSecret,
        api_keys: CachedSecret | None = None,
        budget: Budget = UNBOUNDED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.twin = twin
        self.log = log
        self._dead = dead
        self._link = link
        self._api_keys = api_keys
        self._budget = budget
        self._clock = clock

    @abstractmethod
    def accept(
        self, events: Sequence[Event], texts: Sequence[str], deadline: Deadline
    ) -> Mapping[int, str | Retry]:
        """Make the events durable; returns by position why some can never be (a sentence), or are not now (a
        `Retry`). Raises `Retry` for all of them.

        `texts` is the JSON of each event as it came, which alone may have the data (see `reads_data`).
        Nothing new is begun after `deadline`.
        """

    def handle(self, request: Request) -> Response:
        """Answer a request; never raises."""
        return guarded(self.log, lambda: self._handle(request, self._budget.deadline()))

    def _handle(self, request: Request, deadline: Deadline) -> Response:
        gate.check_post(
            request,
            media_types=(cloudevents.BATCH_MEDIA_TYPE,),
            max_bytes=MAX_BODY_BYTES,
            api_keys=self._api_keys,
            link=self._link,
            now=self._clock(),
        )
        items = self._read(_unpacked(request))
        deadlines.check(deadline)  # the keys may have taken all of it
        return self._take(items, deadline)

    def _read(self, body: bytes) -> list[tuple[Any, str, cloudevents.Invalid | None]]:
        """As `cloudevents.read_batch`, with a bound on the data; raises `Refusal`."""
        bounds = {"max_bytes": MAX_BODY_BYTES, "max_events": MAX_EVENTS}
        heads = None if self.reads_data else cloudevents.read_heads(body, self.twin, **bounds)
        if heads and max(len(text) for _, text in heads) <= cloudevents.SURELY_SHORT:
            return [(event, text, None) for event, text in heads]
        try:
            items = cloudevents.read_batch(body, self.twin, self.kind, **bounds)
        except jsontext.Malformed as error:
            raise Refusal(400, str(error)) from None
        return [(item, text, problem or _oversize(item, text)) for item, text, problem in items]

    def _take(self, found: list[tuple[Any, str, cloudevents.Invalid | None]], deadline: Deadline) -> Response:
        items = [(item, text) for item, text, _ in found]
        good = [index for index, (_, _, problem) in enumerate(found) if problem is None]
        rejected: dict[int, str] = {}
        later: dict[int, Retry] = {}
        for index, (_, _, problem) in enumerate(found):
            if isinstance(problem, cloudevents.Newer):
                later[index] = Retry(str(problem))
            elif problem is not None:
                rejected[index] = str(problem)
        if good:
            events, texts = zip(*(items[index] for index in good), strict=True)
            refused = self.accept(events, texts, deadline)
            for position, why in refused.items():
                if isinstance(why, Retry):
                    later[good[position]] = why
                else:
                    rejected[good[position]] = why
        if later and len(later) == len(items):
            raise next(iter(later.values()))
        letters = [dead_letters.of_item(reason, *items[index]) for index, reason in sorted(rejected.items())]
        self._dead.put(letters, deadline=deadline.letters)
        trace = items[good[0]][0]["traceparent"] if good else None
        accepted = len(items) - len(rejected) - len(later)
        self.log.info(
            "received",
            events=len(items),
            accepted=accepted,
            rejected=len(rejected),
            later=len(later),
            traceparent=trace,
        )
        entries = [_entry(items, index, reason, kept=True) for index, reason in sorted(rejected.items())] + [
            _entry(items, index, error.reason, retry=True) for index, error in sorted(later.items())
        ]
        return answer(200, {"accepted": accepted, "rejected": entries})


def _oversize(event: Event, text: str) -> cloudevents.Invalid | None:
    try:
        cloudevents.check_size(event["data"], text)
    except cloudevents.Invalid as error:
        return error
    return None


def _unpacked(request: Request) -> bytes:
    encoding = (request.header("content-encoding") or "identity").strip().lower()
    if encoding == "identity":
        return request.body
    if encoding != "gzip":
        raise Refusal(415, "The content encoding must be gzip or none.")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(request.body, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise Refusal(400, "The body is not gzip.") from None
    if len(body) > MAX_BODY_BYTES:
        raise Refusal(413, f"The body unpacks to more than {MAX_BODY_BYTES} bytes.")
    if not unpacker.eof or unpacker.unused_data:
        raise Refusal(400, "The body is not one whole gzip stream.")
    return body


def _entry(items: Sequence[tuple[Any, str]], index: int, reason: str, **flag: bool) -> dict[str, Any]:
    """What the answer says of one event: `kept` in the dead letters here, or to be sent again (`retry`)."""
    return {"index": index, "id": _id(items[index][0]), "reason": reason, **flag}


def _id(item: Any) -> str | None:
    found = item.get("id") if isinstance(item, dict) else None
    return found[:128] if isinstance(found, str) else None
