"""The work of a hop by hand: parse, do the one thing, write. No check of anything, no signature, no log, no
dead letter, no second try. What it leaves behind is what the role leaves, ids and traceparents included.
"""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from twin_runtime.events import cloudevents

from . import sample
from .services import Stored

_RETENTION_S = 30 * 86_400
_ROOT = Path(__file__).resolve().parents[2]


def dispatch(payload: bytes) -> str:
    """Readings to a batch of events."""
    source = f"/twins/{sample.TWIN}/devices/{sample.DEVICE}"
    return json.dumps(
        [
            {
                "specversion": "1.0",
                "type": cloudevents.TELEMETRY,
                "source": source,
                "id": (id := f"{reading['id']}@{_compact(reading['time'])}"),
                "time": reading["time"],
                "subject": sample.KIND,
                "datacontenttype": "application/json",
                "traceparent": _trace(source, id),
                "received": sample.RECEIVED,
                "data": reading["data"],
            }
            for reading in json.loads(payload)
        ]
    )


def load(path: Path) -> Callable[[Any], Any]:
    """The user's `process`."""
    return runpy.run_path(str(path))["process"]


def process(body: str, function: Callable[[Any], Any]) -> str:
    """A batch of events through the user's code."""
    return json.dumps([result for event in json.loads(body) if (result := function(event)) is not None])


class Child:
    """The user's code in a process of its own, without a check or a limit: a batch is a line in, its results
    are a line out.
    """

    def __init__(self, path: Path) -> None:
        program = f"from {__name__} import serve; serve({str(path)!r})"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="ascii",
        )
        self.pid = self._process.pid

    def process(self, body: str) -> str:
        """As `process`."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(body + "\n")
        process.stdin.flush()
        return process.stdout.readline()


def serve(path: str) -> None:
    """The program of `Child`, until its input ends."""
    function = load(Path(path))
    for line in sys.stdin:
        print(process(line, function), flush=True)


def rows(body: str | bytes) -> list[Stored]:
    """The rows of a batch of events."""
    expires = int(time.time()) + _RETENTION_S
    return [
        {
            "device": event["source"].rpartition("/")[2],
            "time": event["time"],
            "id": event["id"],
            "type": event["type"],
            "data": json.dumps(event["data"]),
            "traceparent": event["traceparent"],
            "expires": expires,
            "subject": event["subject"],
            "received": event["received"],
        }
        for event in json.loads(body)
    ]


def read(found: Sequence[Stored]) -> str:
    """The answer to a read of these rows."""
    events = [
        {
            "specversion": "1.0",
            "type": row["type"],
            "source": f"/twins/{sample.TWIN}/devices/{row['device']}",
            "id": row["id"],
            "time": row["time"],
            "subject": row["subject"],
            "datacontenttype": "application/json",
            "traceparent": row["traceparent"],
            "received": row["received"],
            "data": json.loads(row["data"]),
        }
        for row in found
    ]
    return json.dumps({"device": sample.DEVICE, "events": events, "cursor": None})


def check(body: str, state: str) -> tuple[str, str, str] | None:
    """The message with the command that a batch of events fires, and the device's record before it is sent
    and after; None where none fires. `state` is the record.

    It decides by the rule's comparison and by whether the rule has fired, and by no time and no order.
    """
    hot = (event for event in json.loads(body) if event["data"].get("temperature", 0) > sample.THRESHOLD)
    event = next(hot, None)
    if json.loads(state)["rules"] or event is None:
        return None
    now = datetime.now(UTC)
    expires = now + timedelta(seconds=sample.EXPIRES_IN_S)
    command = {
        "specversion": "1.0",
        "type": cloudevents.COMMAND,
        "source": event["source"],
        "id": _id("overheating", event["source"], event["id"]),
        "time": event["time"],
        "subject": "set_point",
        "datacontenttype": "application/json",
        "traceparent": event["traceparent"],
        "data": {
            "command": "set_point",
            "value": 20,
            "rule": "overheating",
            "event_id": event["id"],
            "expires": expires.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }
    fired = {"overheating": {"fired": event["id"], "at": now.timestamp()}}
    begun, done = ({"rules": fired, "firings": firings} for firings in ([event["id"]], []))
    return json.dumps([command]), json.dumps(begun), json.dumps(done)


def _id(*parts: str) -> str:
    return sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()[:32]


def _compact(time: str) -> str:
    return time.replace("-", "").replace(":", "").replace(".000000Z", "Z")


def _trace(source: str, id: str) -> str:
    digest = sha256(f"{source}\0{id}".encode()).hexdigest()
    return f"00-{digest[:31]}1-{digest[32:47]}1-01"
