"""Bytes per event on a remote link, against the bare JSON of its data.

The product's sender sends to a local server that counts: body and head (request line and headers: API key,
signature by two keys), with gzip and without. TLS, TCP and the answers are not counted; the host's name is
that of loopback. Events have four measurements (see hops/sample.py), random ids and traceparents.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from unittest import mock

from benchmarks.hops import sample
from benchmarks.hops.capture import capturing
from benchmarks.hops.pairs import secret
from benchmarks.hops.services import Secret
from benchmarks.results import Result, Table
from twin_runtime.log import Log
from twin_runtime.wire import sender
from twin_runtime.wire.secret_cache import CachedSecret

BATCHES = (1, 10, 100, 500)
TABLES = (
    Table(
        "Bytes on a remote link",
        "Bytes per event including headers and signature, without TLS, compared with the bare JSON of the "
        "event's data. They are the same in every run, except for a few bytes of compression.",
        rows="events in a request",
    ),
)
_NEVER = 1 << 40


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes of one request."""

    head: int
    body: int


def results(*, quick: bool) -> Iterator[Result]:
    for count in BATCHES[::3] if quick else BATCHES:
        data = sum(len(json.dumps(e["data"], separators=(",", ":"))) for e in sample.events(count)) / count
        for name, gzip in (("packed by gzip", True), ("as it is", False)):
            sent = send(count, gzip=gzip)
            each = (sent.body + sent.head) / count
            yield Result(TABLES[0].title, str(count), name, each, "bytes an event", each / data, "its data")


def send(count: int, *, gzip: bool) -> Sent:
    """One batch over the link; bodies of up to 1 KiB are never packed. Raises when it did not arrive."""
    above = sender.GZIP_ABOVE if gzip else _NEVER
    with capturing() as captured, mock.patch.object(sender, "GZIP_ABOVE", above):
        captured.accepts = count
        link = CachedSecret(Secret(secret(captured.url)))
        outcomes = sender.Sender(link, log=Log("connector")).deliver(
            sample.events(count), deadline=time.monotonic() + 10
        )
        if any(outcome is not sender.DELIVERED for outcome in outcomes):
            raise RuntimeError(f"The batch of {count} was not delivered.")
        ((head, body),) = captured.requests
        packed = b"content-encoding: gzip" in head.lower()
        arrived = zlib.decompress(body, wbits=31) if packed else body
        if arrived.decode() != sample.body(count) or packed != (len(arrived) > above):
            raise RuntimeError(f"The batch of {count} did not arrive as it was meant to.")
        return Sent(len(head), len(body))
