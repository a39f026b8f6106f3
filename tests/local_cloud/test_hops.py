"""What an event passed, from the logs, and what a demonstration makes of it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from local_cloud import hops
from local_cloud.demo import outcome
from local_cloud.hops import Hop, Watch

TRACE = "0" * 31 + "1"


def line(role: str, event: str = "handled", trace: str = TRACE, **fields: Any) -> str:
    return json.dumps({"role": role, "event": event, "traceparent": f"00-{trace}-{'0' * 16}-01", **fields})


def test_hops_are_the_lines_of_work_that_is_done() -> None:
    lines = [
        (1.0, line("dispatcher", "dispatched")),
        (2.0, "INFO " + line("processor")),
        (3.0, line("processor", "processor_failed")),
        (4.0, line("persister", failed=2)),
        (5.0, 'cut {"role":"writer","traceparent":'),
        (6.0, '{"role":"writer","event":"received"}'),
    ]
    assert list(hops.parse(lines)) == [
        Hop("dispatcher", "dispatched", TRACE, 1.0),
        Hop("processor", "handled", TRACE, 2.0),
        Hop("persister", "handled", TRACE, 4.0, failed=True),
    ]


def test_a_watch_sees_each_line_once_and_those_that_come_late() -> None:
    written = [(10.0, line("writer"))]
    asked: list[float] = []

    def lines(since: float) -> list[tuple[float, str]]:
        asked.append(since)
        return [each for each in written if each[0] >= since]

    watch = Watch(lines, every=0.01)
    assert watch.first("writer", since=0, seconds=5) == Hop("writer", "handled", TRACE, 10.0)
    written.append((9.0, line("connector")))
    assert watch.first("connector", since=0, seconds=5) is not None
    assert watch.first("nobody", since=0, seconds=0.05) is None
    watch.close()
    assert [hop.role for hop in watch.hops()] == ["connector", "writer"]
    assert [hop.role for hop in watch.hops(since=9.5)] == ["writer"]
    assert max(asked) == 0.0  # ten seconds before the newest


def sent(id: str, **fields: Any) -> dict[str, Any]:
    moment = datetime.fromtimestamp(100, UTC).isoformat()
    return {"device": "d1", "event_id": id, "fault": None, "acknowledged": True, "sent": moment, **fields}


def stored(id: str, trace: str = TRACE) -> dict[str, Any]:
    return {"source": "/twins/t/devices/d1", "id": id, "traceparent": f"00-{trace}-{'0' * 16}-01"}


def test_delays_are_those_of_the_traces_that_are_known() -> None:
    seen = [
        Hop("persister", "handled", TRACE, 103.0),
        Hop("persister", "handled", TRACE, 109.0),
        Hop("dispatcher", "dispatched", TRACE, 101.5),
        Hop("dispatcher", "dispatched", "f" * 32, 100.5),
        Hop("writer", "received", TRACE, 102.0, failed=True),
        Hop("event_checker", "rule_fired", TRACE, 104.0),
    ]
    times = outcome.delays([sent("a")], [stored("a")], seen)
    assert times == {"dispatcher": [1.5], "persister": [3.0]}
    assert outcome.rows(times, {"persister": "AWS"}) == [
        ["dispatcher", "", "1", "1.50 s", "1.50 s"],
        ["persister", "AWS", "1", "3.00 s", "3.00 s"],
    ]


def test_a_watch_ends_soon() -> None:
    watch = Watch(lambda _since: [], every=0.01)
    before = time.monotonic()
    watch.close()
    assert time.monotonic() - before < 5
