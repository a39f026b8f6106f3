"""What a demonstration counts and shows, and that two do not share a folder."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from local_cloud.demo import complaints, outcome
from local_cloud.demo.scratch import scratch
from local_cloud.errors import LocalCloudError
from support.twinspan_command import environment, twinspan

ROOT = Path(__file__).resolve().parents[2]


def sent(id: str, **fields: Any) -> dict[str, Any]:
    return {"device": "d1", "event_id": id, "fault": None, "acknowledged": True, **fields}


def stored(id: str) -> dict[str, Any]:
    return {"source": "/twins/t/devices/d1", "id": id}


def test_an_outcome_explains_each_count_by_others() -> None:
    record = [
        sent("a"),
        sent("b", fault="duplicate"),
        sent("b", fault="duplicate"),
        sent("c"),
        sent("d", fault="malformed"),
        sent("e", acknowledged=False),
        sent("f", fault="late"),
        sent("g", acknowledged=False),
        sent("g"),
    ]
    found = [stored("a"), stored("b"), stored("b"), stored("e"), stored("d"), stored("g")]
    assert outcome.outcome(record, found, dead_letters=3).sums() == [
        "9 messages = 7 readings + 2 repetitions",
        "7 readings = 5 to be stored + 1 unfit on purpose + 1 not acknowledged by the broker",
        "5 to be stored = 3 stored + 2 lost",
        "6 events read back = 3 stored + 1 stored twice + 2 not to be stored",
        "3 dead letters in the twin, where unfit readings end",
    ]


@pytest.mark.parametrize("seed", range(30))
def test_the_sums_on_screen_add_up(seed: int) -> None:
    """Whatever was sent, refused, repeated, lost and stored."""
    some = random.Random(seed)
    faults = (None, None, "duplicate", "malformed", "oversized", "spoofed", "late")
    record = [
        sent(str(some.randrange(40)), fault=some.choice(faults), acknowledged=some.random() < 0.8)
        for _ in range(60)
    ]
    found = [stored(str(some.randrange(40))) for _ in range(some.randrange(60))]
    counted = outcome.outcome(record, found, dead_letters=some.randrange(9))
    shown = dict[str, int]()
    for line in counted.sums()[:-1]:
        total, *parts = re.findall(r"(\d+) ([a-z ]+?)(?= =| \+|$)", line)
        assert int(total[0]) == sum(int(count) for count, _ in parts), line
        for count, name in (total, *parts):
            assert shown.setdefault(name, int(count)) == int(count), f"{name} has two values"
    assert shown["messages"] == len(record)
    assert shown["events read back"] == len(found)


def entry(event: str, level: str = "warning", **fields: Any) -> dict[str, Any]:
    return {"role": "writer", "level": level, "event": event, **fields}


def test_three_hundred_equal_warnings_do_not_hide_the_one_that_differs() -> None:
    equal = [entry("retrying", reason="no answer", traceparent=str(number)) for number in range(300)]
    other = entry("retrying", reason="the key is wrong", traceparent="7")
    lines = [*equal[:150], entry("handled", "info"), other, *equal[150:], entry("failed", "error")]
    assert complaints.grouped(enumerate(lines)) == [
        'writer warning retrying: {"reason": "the key is wrong", "traceparent": "7"}',
        "writer error failed: {}",
        'writer warning retrying: {"reason": "no answer", "traceparent": "0"} (300 times)',
    ]


def test_scratch_is_emptied_only_where_it_is_ours(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    with scratch(folder):
        (folder / "old").touch()
        (folder / "folder").mkdir()
    with scratch(folder):
        assert not (folder / "old").exists()
        assert not (folder / "folder").exists()
    (tmp_path / "mine").touch()
    with pytest.raises(LocalCloudError, match="contains other files"), scratch(tmp_path):
        pass
    assert (tmp_path / "mine").exists()


HOLDER = """
import sys, time
from pathlib import Path
from local_cloud.demo.scratch import scratch
with scratch(Path(sys.argv[1])):
    (Path(sys.argv[1]) / "file").touch()
    time.sleep(60)
"""


def test_a_second_demonstration_leaves_the_first_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    first = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], cwd=ROOT, env=environment())
    try:
        until = time.monotonic() + 30
        while not (folder / "file").exists() and time.monotonic() < until:
            time.sleep(0.02)
        given = {"TWINSPAN_LOCAL_CLOUD_FOLDER": str(folder)}
        second, former = (
            twinspan(*arguments, cwd=ROOT, given=given, module=module)
            for module, arguments in (("twinspan", ["demo"]), ("local_cloud", []))
        )
        assert (second.returncode, second.stdout) == (former.returncode, former.stdout) == (2, "")
        assert former.stderr.endswith(f": use twinspan demo.\n{second.stderr}")
        assert second.stderr == (
            f"{folder} is in use by another demonstration, process {first.pid}: end it, "
            "or name another folder in TWINSPAN_LOCAL_CLOUD_FOLDER.\n"
        )
        assert (folder / "file").exists()
    finally:
        first.kill()
        first.wait()
    with scratch(folder):  # the lock ended with its holder
        assert not (folder / "file").exists()
