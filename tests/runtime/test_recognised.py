"""An event that is recognised by its text is read exactly as the decoder and the checks read it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.properties import bounded
from support.samples import TWIN, event
from twin_runtime import jsontext, model
from twin_runtime.events import cloudevents

BOUNDS: dict[str, int] = {"max_bytes": 100_000, "max_events": 4}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def slowly(body: str | bytes) -> list[tuple[str, str, str | None]]:
    """What the decoder and the checks make of a batch: each item, its text, and why it is refused."""
    found: list[tuple[str, str, str | None]] = []
    for item, text in cloudevents.decode_batch(body, **BOUNDS):
        problem = None
        try:
            cloudevents.check(item, TWIN)
        except cloudevents.Invalid as error:
            problem = str(error)
        found.append((repr(item), text, problem))
    return found


def quickly(body: str | bytes) -> list[tuple[str, str, str | None]]:
    found = cloudevents.read_batch(body, TWIN, cloudevents.TELEMETRY, **BOUNDS)
    return [(repr(item), text, None if problem is None else str(problem)) for item, text, problem in found]


def outcome(read: Any, body: str | bytes) -> Any:
    try:
        return read(body)
    except jsontext.Malformed as error:
        return str(error)


def recognised(body: str) -> bool:
    return cloudevents._recognise(TWIN)(body, 1) is not None


def with_data(data: str) -> str:
    """A batch of one event with this text in place of its data."""
    return "[" + cloudevents.encode(event(data={"x": 0})).replace('{"x":0}', data) + "]"


def test_what_the_runtime_writes_is_recognised() -> None:
    nested = event(data={"a": {"b": [1, {"c": 1e-300}]}, "i": 10**40, "z": -0.0, "u": "\ud83d :é"})
    flagged = {**event(), "devicetime": "1970-01-01T00:00:00.000000Z", "clock": "behind"}
    old = {name: value for name, value in event().items() if name != "received"}
    for each in (
        event(),
        nested,
        event(id="a:b@c", device="pump-1"),
        flagged | {"data": flagged.pop("data")},
        old,
    ):
        body = cloudevents.encode_batch([each])
        assert recognised(body)
        assert quickly(body) == slowly(body) == [(repr(each), body[1:-1], None)]


@bounded
@given(st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=5), max_size=4))
def test_any_data(items: list[dict[str, Any]]) -> None:
    body = cloudevents.encode_batch([event(id=f"e{n}", data=data) for n, data in enumerate(items)])
    assert quickly(body) == slowly(body)
    assert [problem for _, _, problem in quickly(body)] == [None] * len(items)


@pytest.mark.parametrize(
    "data",
    [
        '{"a":1,"a":2}',
        '{"a":1,"\\u0061":2}',
        '{"a" :1,"a":2}',
        '{"a" :1,"a" :2,"b":":"}',
        '{"a":":","a":1}',
        '{"a":1,"b":{"c":1,"c":2}}',
        '{"a":{},"b":{}}',
        '{"a":[{}],"b":[]}',
        '{"a":1e400}',
        '{"a":-1e400}',
        '{"a":[1e400]}',
        '{"a":{"b":-1e400}}',
        '{"a":NaN}',
        '{"a":-Infinity}',
        '{"a":' + "1" * 5000 + "}",
        '{"a":' * 31 + "1" + "}" * 31,
        '{"a":' * 32 + "1" + "}" * 32,
        '{"a":' + "[" * 30 + "]" * 30 + "}",
        '{"a":' + "[" * 31 + "]" * 31 + "}",
        '{"a":' + "[" * 40_000 + "]" * 40_000 + "}",
        "[]",
        "1",
        "{}",
        "{ }",
        '{"a": 1 }',
        '{"a":1} ',
        '{"a":1,}',
        '{"a":}',
        '{"a":1',
        '{"a":"\t"}',
        '{"a":"é"}',
        '{"a":1},"extension":1',
        '{"a":1},"id":"e2"',
    ],
)
def test_data_on_the_edge(data: str) -> None:
    body = with_data(data)
    assert outcome(quickly, body) == outcome(slowly, body)


@pytest.mark.parametrize(
    "change",
    [
        {"time": "2024-02-30T12:00:00.000000Z"},
        {"time": "2024-02-29T24:00:00.000000Z"},
        {"time": "2024-02-29T12:00:00Z"},
        {"source": "/twins/factory/devices/thermostat-9"},
        {"source": "/twins/other/devices/thermostat-1"},
        {"subject": "pump"},
        {"id": "a#b"},
        {"id": 5},
        {"type": cloudevents.COMMAND},
        {"traceparent": "00-" + "0" * 32 + "-" + "1" * 16 + "-01"},
        {"traceparent": "00-" + "1" * 32 + "-" + "0" * 16 + "-01"},
        {"received": "2024-02-30T12:00:00.000000Z"},
        {"received": ""},
        {"clock": "ahead"},
    ],
)
def test_what_is_refused_is_refused_with_the_same_reason(change: dict[str, Any]) -> None:
    body = cloudevents.encode_batch([event() | change, event(id="e2")])
    assert quickly(body) == slowly(body)
    assert [problem is None for _, _, problem in quickly(body)] == [False, True]


@pytest.mark.parametrize(
    ("clock", "said", "good"),
    [
        ("ahead", "2100-01-01T00:00:00.000000Z", True),
        ("behind", "1970-01-01T00:00:00.000000Z", True),
        ("ahead", "2100-02-29T00:00:00.000000Z", False),
        ("late", "2100-01-01T00:00:00.000000Z", False),
        ("", "2100-01-01T00:00:00.000000Z", False),
    ],
)
def test_what_a_wrong_clock_said(clock: str, said: str, good: bool) -> None:
    made = event()
    data = made.pop("data")
    body = cloudevents.encode_batch([{**made, "devicetime": said, "clock": clock, "data": data}])
    assert quickly(body) == slowly(body)
    assert recognised(body) is good
    assert (quickly(body)[0][2] is None) is good


@settings(bounded, max_examples=400)
@given(st.data())
def test_any_text_near_a_batch(data: st.DataObject) -> None:
    """Some characters of a batch are taken out, put in, or replaced."""
    text = cloudevents.encode_batch(
        [event(data={"a": 1.5, "b": "x:y"}), event(id="e2", data={"n": {"m": [1]}})]
    )
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        out = data.draw(st.integers(0, 2))
        text = text[:at] + data.draw(st.text('"\\:,{}[] 0e-aZé\n', max_size=2)) + text[at + out :]
    assert outcome(quickly, text) == outcome(slowly, text)
    assert outcome(quickly, text.encode()) == outcome(slowly, text.encode())


def test_names_that_are_patterns_are_taken_as_they_are() -> None:
    twin = model.Twin("a.c", 1, TWIN.device_types, TWIN.devices, ())
    for name, good in (("a.c", True), ("abc", False)):
        made = event() | {"source": f"/twins/{name}/devices/thermostat-1"}
        body = cloudevents.encode_batch([made])
        ((_, _, problem),) = cloudevents.read_batch(body, twin, cloudevents.TELEMETRY, **BOUNDS)
        assert (problem is None) is good
