"""Where a shorter way leads to the same place: a batch written at once, data taken as it is."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memory import MemoryQueue
from support.properties import bounded
from support.samples import TWIN, event
from twin_runtime import jsontext
from twin_runtime.delivery import batching
from twin_runtime.delivery.batching import Outbox
from twin_runtime.events import cloudevents, user_child
from twin_runtime.events.user_code import try_out
from twin_runtime.events.user_results import Checks, Foreign
from twin_runtime.model import DeviceType


@bounded
@given(st.lists(st.text("ab", max_size=150), max_size=12), st.integers(400, 1500), st.integers(1, 5))
def test_an_outbox_sends_the_same_bodies_whichever_way(texts: list[str], limit: int, most: int) -> None:
    events = [event(id=f"e{n}", data={"t": text}) for n, text in enumerate(texts)]
    encoded = batching.encode(events)
    groups = batching.pack(encoded, max_bytes=limit, max_events=most)
    bodies = [batching.array(encoded, group) for group in groups]
    queue = MemoryQueue(limit)
    refused = Outbox(queue, most).send(events)
    assert queue.bodies == [body for body in bodies if len(body) <= limit]
    assert len(refused) == sum(len(body) > limit for body in bodies)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**320)
    | st.floats()
    | st.text(max_size=600)
)


DATA = (
    st.dictionaries(
        st.text(max_size=5) | st.integers() | st.just("k" * 600),
        SCALARS | st.lists(SCALARS, max_size=2) | st.tuples(SCALARS) | st.just({"a": {"b": [1]}}),
        max_size=4,
    )
    | st.just({f"k{n}": n for n in range(150)})
    | st.just({f"k{n}": "x" * 500 for n in range(2_000)})  # short texts that are too much together
)
TYPE = DeviceType("thermostat", {}, {}, "p.py")


def returned(data: dict[Any, Any], checks: Checks) -> dict[str, Any]:
    """The event that follows where user code leaves this data in it."""
    given_ = event()
    fields = user_child.fields({**given_, "data": data}, {**given_, "data": data}, given_)
    (text,) = checks.results((TYPE, given_, cloudevents.encode(given_)), fields[1:])
    return json.loads(text)


@bounded
@given(DATA)
def test_data_of_user_code_is_what_text_would_give_back(data: dict[Any, Any]) -> None:
    try:
        text = jsontext.dumps(data)
        read = jsontext.loads(text, max_bytes=len(text))
        expected = repr(read)
        cloudevents.check_size(read, text)
    except ValueError as error:
        with pytest.raises((ValueError, user_child.Wrong)) as caught:
            returned(data, Checks())
        assert str(caught.value)[:40] == str(error)[:40] or "bytes" in str(caught.value)
    else:
        assert repr(returned(data, Checks())["data"]) == expected


@bounded
@given(
    st.lists(DATA, min_size=1, max_size=6),
    st.lists(st.text('{}[]":,.\\\\-+eE019untrfalse\n\té', max_size=30)),
)
def test_a_known_shape_admits_nothing_that_reading_refuses(
    known: list[dict[Any, Any]], texts: list[str]
) -> None:
    checks, given_ = Checks(), event()
    call = (TYPE, given_, cloudevents.encode(given_))
    for data in known:
        with contextlib.suppress(ValueError, user_child.Wrong):
            returned(data, checks)
    candidates = [json.dumps(data, skipkeys=True, separators=(",", ":")) for data in known]
    candidates += [
        text[:at] + extra + text[at:] for text in candidates for extra in texts for at in (1, 5, -1)
    ]
    for text in [*candidates, *texts]:
        try:
            expected = jsontext.loads(text, max_bytes=900_000, max_depth=31)
        except jsontext.Malformed:
            expected = None
        try:
            made = checks.kept(call, text)
        except (ValueError, Foreign):
            continue
        assert isinstance(expected, dict)
        assert repr(json.loads(made)["data"]) == repr(expected)


@bounded
@given(st.lists(DATA, max_size=4), st.text('{}[]":, \\\\-+e019unrf\n\té', max_size=3), st.integers(0, 2_000))
def test_events_whose_data_is_left_unread_are_the_same(
    datas: list[dict[Any, Any]], extra: str, at: int
) -> None:
    plain = [{str(name): value for name, value in data.items()} for data in datas]
    events = [event(f"e{n}", data, device=("thermostat-1", "pump-1")[n % 2]) for n, data in enumerate(plain)]
    with contextlib.suppress(jsontext.Malformed):
        body = cloudevents.encode_batch(events)
        bounds = {"max_bytes": 2_000_000, "max_events": 3}
        for text in (body, body[:at] + extra + body[at:]):
            heads = cloudevents.read_heads(text, TWIN, **bounds)
            assert heads == cloudevents.read_heads(text.encode(), TWIN, **bounds)
            if heads is None:
                continue
            try:
                read = cloudevents.read_batch(text, TWIN, cloudevents.TELEMETRY, **bounds)
            except jsontext.Malformed as error:
                assert "same key twice" in str(error)
                continue
            assert [text for _, text in heads] == [text for _, text, _ in read]
            assert [
                {**head, "data": item["data"]} for (head, _), (item, _, _) in zip(heads, read, strict=True)
            ] == [item for item, _, problem in read if problem is None]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_lacks_is_the_users_error(value: float) -> None:
    with pytest.raises(user_child.Wrong, match="JSON"):
        returned({"a": value}, Checks())


def test_a_changed_time_is_checked(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("def process(event):\n event['time'] = 'later'\n return event\n")
    (outcome,) = try_out(tmp_path / "p.py", TYPE, [event()], twin=TWIN)
    assert outcome.failure is not None
    assert "RFC 3339" in outcome.failure.text
