"""Where a shorter way leads to the same place: a batch written at once, data taken as it is."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memory import MemoryQueue
from support.properties import bounded
from support.samples import TWIN, event
from twin_runtime import jsontext
from twin_runtime.delivery import batching
from twin_runtime.delivery.batching import Outbox
from twin_runtime.events import cloudevents, payload, user_child
from twin_runtime.events.user_code import try_out
from twin_runtime.events.user_results import Checks, Foreign
from twin_runtime.model import DeviceType
from twin_runtime.ports import BrokerMessage


@bounded
@given(st.lists(st.text("ab", max_size=150), max_size=12), st.integers(400, 1500), st.integers(1, 5))
def test_an_outbox_sends_the_groups_and_refuses_the_rest(texts: list[str], limit: int, most: int) -> None:
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
            read = cloudevents.read_batch(text, TWIN, cloudevents.TELEMETRY, **bounds)
            assert [text for _, text in heads] == [text for _, text, _ in read]
            assert [{**head, "data": json.loads(cloudevents.data_of(text))} for head, text in heads] == [
                item for item, _, problem in read if problem is None
            ]


@pytest.mark.parametrize(
    ("data", "known"),
    [
        ('{"a":"x","b":"x"}', True),
        ('{"a":"b","b":"a"}', True),
        ('{"a":"\\u00b0C","b":"\\\\"}', True),
        ('{"a":1,"b":2,"a":3}', False),
        ('{"a":"x","b":"x","a":1}', False),
        ('{"a":1,"\\u0061":2}', False),
        ('{"a":"\\"","b":1}', False),
        ('{"a":1e100}', False),
        ('{"a":[1]}', False),
        ('{"a":01}', False),
        ('{"a": 1}', False),
        ("{}", False),
    ],
)
def test_data_that_may_be_left_unread(data: str, known: bool) -> None:
    body = "[" + cloudevents.encode(event(data={"x": 0})).replace('{"x":0}', data) + "]"
    heads = cloudevents.read_heads(body, TWIN, max_bytes=10_000, max_events=1)
    assert (heads is not None) is known
    if heads:
        assert cloudevents.data_of(heads[0][1]) == data


def strictly(read: Callable[[], Any]) -> Any:
    """What the strict decoder and an encoder of one value at a time make of it."""
    with (
        mock.patch.object(jsontext, "_loads_quickly", lambda _: (None, 0, False)),
        mock.patch.object(jsontext, "dumps_each", lambda values: [jsontext.dumps(each) for each in values]),
    ):
        return read()


def verdict(read: Callable[[], Any]) -> str:
    try:
        return repr(read())
    except jsontext.Malformed as error:
        return str(error)


NUMBERS = st.integers() | st.floats(width=16) | st.sampled_from([1e308, -1e308, 1e-300])
MEASURED = st.dictionaries(
    st.text('ab},{"\\é', max_size=4),
    NUMBERS | st.booleans() | st.none() | st.text('a},{:"\\é', max_size=5) | st.just([{}, {"a": {}}]),
    max_size=4,
)
READINGS = st.fixed_dictionaries(
    {},
    optional={
        "data": MEASURED,
        "time": st.sampled_from(["2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000000Z", "later", "", 5]),
        "id": st.sampled_from([7, -1, True, 1.5, "a", "a b", "x" * 129]),
        "traceparent": st.sampled_from(["00-" + "a" * 32 + "-" + "b" * 16 + "-01", "no"]),
        "t": NUMBERS,
    },
)


@bounded
@given(
    st.lists(READINGS, max_size=4) | READINGS,
    st.integers(0, 300),
    st.integers(0, 2),
    st.sampled_from(
        ["", "", "", '"', "\\", '"a":1,', '"a":1,"a":"b",', "1e999,", "-", " ", "[" * 40, "NaN", "é"]
    ),
    st.booleans(),
)
def test_a_payload_is_read_the_same_whichever_way(
    readings: Any, at: int, out: int, extra: str, compact: bool
) -> None:
    text = json.dumps(readings, separators=(",", ":") if compact else None, ensure_ascii=not out)
    if extra:
        text = text[:at] + extra + text[at + out :]
    message = BrokerMessage("thermostat-1", text.encode("utf-8", "replace"), "2024-02-29T12:00:00Z")
    quick = payload.read(message, "thermostat-1", TWIN, 0.0)
    assert quick == strictly(lambda: payload.read(message, "thermostat-1", TWIN, 0.0))
    for found in quick:
        if isinstance(found, str):
            made = cloudevents.check(jsontext.loads(found, max_bytes=len(found)), TWIN)
            assert cloudevents.encode(made) == found
            assert cloudevents.traceparent_of(found) == made["traceparent"]
            assert cloudevents.data_of(found) == jsontext.dumps(made["data"])


@bounded
@given(
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    ),
    st.integers(0, 100),
    st.text('{}[]":,\\ -+e019tn', max_size=4),
)
def test_json_is_read_the_same_whichever_way(value: Any, at: int, extra: str) -> None:
    text = json.dumps(value)
    for each in (text, text[:at] + extra + text[at:], "[" * 9 + text + "]" * 9, f'{{"a":{text},"a":1}}'):
        read = partial(jsontext.loads, each, max_bytes=10**6, max_depth=9)
        quick, strict = verdict(read), verdict(partial(strictly, read))
        assert quick == strict


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_lacks_is_the_users_error(value: float) -> None:
    with pytest.raises(user_child.Wrong, match="JSON"):
        returned({"a": value}, Checks())


def test_a_changed_time_is_checked(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("def process(event):\n event['time'] = 'later'\n return event\n")
    (outcome,) = try_out(tmp_path / "p.py", TYPE, [event()], twin=TWIN)
    assert outcome.failure is not None
    assert "RFC 3339" in outcome.failure.text
