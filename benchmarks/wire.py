"""Bytes per event on a remote link, against the bare JSON of its data.

The product's sender sends to a local server that counts: body and head (request line and headers: API key,
signature by two keys), with gzip and without. TLS, TCP and the answers are not counted; the host's name is
that of loopback. Events have four measurements (see hops/sample.py), random ids and traceparents.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
BATCHES = (1, 10, 100, 500)
_NEVER = 1 << 40


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes of one request."""

    head: int
    body: int


def main() -> None:
    sys.path[:0] = [str(ROOT / "function_src"), str(ROOT), str(ROOT / "tests")]
    from benchmarks.hops import sample

    print("bytes per event: body + head, and in all as a multiple of the data's JSON")
    for count in BATCHES:
        data = sum(len(json.dumps(e["data"], separators=(",", ":"))) for e in sample.events(count)) / count
        cells = [f"{count:>4}  data {data:6.1f}"]
        for name, gzip in (("gzip", True), ("plain", False)):
            sent = send(count, gzip=gzip)
            body, head = sent.body / count, sent.head / count
            cells.append(f"{name} {body:7.1f} + {head:6.1f}  {(body + head) / data:5.2f} x")
        print("  |  ".join(cells))


def send(count: int, *, gzip: bool) -> Sent:
    """One batch over the link; bodies of up to 1 KiB are never packed."""
    from benchmarks.hops import sample
    from benchmarks.hops.capture import capturing
    from benchmarks.hops.pairs import secret
    from benchmarks.hops.services import Secret
    from twin_runtime.log import Log
    from twin_runtime.wire import sender
    from twin_runtime.wire.secret_cache import CachedSecret

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
        return Sent(len(head), len(body))


if __name__ == "__main__":
    main()
