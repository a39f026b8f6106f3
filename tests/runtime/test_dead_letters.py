"""Dead letters carry the reason and the original, and can be read back."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memory import MemoryQueue
from support.properties import bounded
from support.samples import event, log
from twin_runtime.delivery import dead_letters
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters
from twin_runtime.errors import Retry

LIMIT = 2_000


def round_trip(letter: DeadLetter, limit: int = LIMIT) -> DeadLetter:
    text = dead_letters.encode(letter, role="writer", time="2024-02-29T12:00:00.000000Z", max_bytes=limit)
    assert len(text) <= limit
    assert text.isascii()
    (read,) = dead_letters.decode(text)
    assert read.role == "writer"
    assert read.reason == letter.reason
    return read


def test_the_shape() -> None:
    queue, (logger, lines) = MemoryQueue(), log("writer")
    DeadLetters(queue, logger, clock=lambda: 0.0).put([DeadLetter("No.", event=event(), detail="why")])
    assert json.loads(queue.bodies[0]) == {
        "dead_letter": 1,
        "role": "writer",
        "time": "1970-01-01T00:00:00.000000Z",
        "reason": "No.",
        "detail": "why",
        "event": event(),
    }
    (line,) = lines.named("dead_letter")
    assert line["reason"] == "No."
    assert line["level"] == "error"
    assert "why" not in lines.lines[0]
    assert "21.5" not in lines.lines[0]


def test_nothing_is_nothing() -> None:
    queue = MemoryQueue()
    DeadLetters(queue, log()[0]).put([])
    assert queue.sends == 0


@bounded
@given(st.binary(max_size=300))
def test_any_body_survives(body: bytes) -> None:
    read = round_trip(DeadLetter("No.", body=body, device="d", received="t"))
    got = read.body.encode() if isinstance(read.body, str) else read.body
    assert got == body
    assert (read.device, read.received) == ("d", "t")


def test_an_event_survives_as_it_is() -> None:
    assert round_trip(DeadLetter("No.", event=event())).event == event()


@pytest.mark.parametrize(
    "letter",
    [
        DeadLetter("No.", event=event(data={"text": "a" * 20_000})),
        DeadLetter("No.", body="b" * 20_000),
        DeadLetter("No.", body=b"\xff" * 20_000),
    ],
)
def test_a_long_one_is_packed(letter: DeadLetter) -> None:
    read = round_trip(letter)
    body = letter.body.encode() if isinstance(letter.body, str) else letter.body
    assert (read.event, read.body) == (letter.event, body)


def test_one_that_is_too_long_even_so_is_not_cut() -> None:
    noise = random.Random(1).randbytes(20_000)
    queue, (logger, lines) = MemoryQueue(max_body_bytes=20_000), log("writer")
    with pytest.raises(Retry, match=r"A dead letter of \d+ bytes is longer than its queue takes \(20000\)"):
        DeadLetters(queue, logger).put([DeadLetter("No.", body=noise)])
    assert queue.bodies == []
    assert lines.named("dead_letter") == []


def test_an_event_that_json_cannot_carry_is_kept_as_text() -> None:
    read = round_trip(DeadLetter("No.", event={"data": {"x": float("nan")}}))
    assert read.body is not None
    assert "nan" in str(read.body)


def test_what_a_queue_moves_by_itself() -> None:
    letters = dead_letters.decode(json.dumps([event(), event("e2")]))
    assert [(letter.event or {})["id"] for letter in letters] == ["e1", "e2"]
    assert {letter.reason for letter in letters} == {dead_letters.MOVED_BY_QUEUE}


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", '"x"', b"\xff"])
def test_anything_else_is_a_letter_too(text: Any) -> None:
    (letter,) = dead_letters.decode(text)
    assert letter.body == text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"reason": 5},
        {"reason": "No.", "event": []},
        {"reason": "No.", "event_gzip": "bm8gZ3ppcA=="},
        {"reason": "No.", "body_base64": "?"},
        {"reason": "No.", "body": "x", "time": 5},
    ],
)
def test_a_letter_that_somebody_else_wrote_is_kept_as_it_is(fields: dict[str, Any]) -> None:
    text = json.dumps({"dead_letter": 1, **fields})
    assert dead_letters.decode(text) == [DeadLetter(dead_letters.MOVED_BY_QUEUE, body=text)]
