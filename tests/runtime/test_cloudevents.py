"""The one shape of an event: made, checked, carried in batches."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded
from support.samples import TIME, TWIN, event
from twin_runtime import jsontext
from twin_runtime.events import cloudevents


def test_what_is_made_is_valid() -> None:
    made = event()
    assert cloudevents.check(made, TWIN) is made
    assert made["source"] == "/twins/factory/devices/thermostat-1"
    assert made["type"] == "twinspan.telemetry.v1"
    assert made["subject"] == "thermostat"
    assert cloudevents.device_of(made, TWIN) == "thermostat-1"


def test_a_traceparent_is_made_once_and_follows_from_the_identity() -> None:
    assert event()["traceparent"] == event()["traceparent"]
    assert event()["traceparent"] != event(id="e2")["traceparent"]
    assert cloudevents.check_traceparent(event()["traceparent"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"specversion": 1.0}, "specversion"),
        ({"type": "twinspan.command.v1"}, "The type is not"),
        ({"type": None}, "The type is not"),
        ({"source": "/twins/other/devices/thermostat-1"}, "not a device of this twin"),
        ({"source": "/twins/factory/devices/"}, "not known"),
        ({"source": "/twins/factory/devices/thermostat-9"}, "not known"),
        ({"source": "/twins/factory/devices/thermostat-1/"}, "not known"),
        ({"source": ["x"]}, "not a device of this twin"),
        ({"subject": "pump"}, "subject"),
        ({"id": ""}, "id must be"),
        ({"id": "a/b"}, "id must be"),
        ({"id": "a#b"}, "id must be"),
        ({"id": "a" * 161}, "id must be"),
        ({"id": "a\n"}, "id must be"),
        ({"id": 5}, "id must be"),
        ({"time": "2024-02-29T12:00:00Z"}, "six fractional digits"),
        ({"time": "2024-02-29T13:00:00.000000+01:00"}, "six fractional digits"),
        ({"time": 5}, "RFC 3339"),
        ({"data": []}, "data is not"),
        ({"datacontenttype": "text/plain"}, "data is not"),
        ({"traceparent": "00-" + "0" * 32 + "-" + "1" * 16 + "-01"}, "traceparent"),
        ({"traceparent": "x"}, "traceparent"),
        ({"extension": "x"}, "unknown attribute"),
        ({"received": "2024-02-29T12:00:00Z"}, "six fractional digits"),
        ({"received": None}, "RFC 3339"),
        ({"clock": "ahead"}, "received, devicetime and clock"),
        ({"devicetime": TIME}, "received, devicetime and clock"),
        ({"devicetime": TIME, "clock": "late"}, "received, devicetime and clock"),
        ({"devicetime": TIME, "clock": ["ahead"]}, "received, devicetime and clock"),
        ({"devicetime": "noon", "clock": "ahead"}, "RFC 3339"),
    ],
)
def test_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(cloudevents.Invalid, match=reason):
        cloudevents.check(event() | change, TWIN)


@pytest.mark.parametrize("name", sorted(cloudevents.ATTRIBUTES))
def test_every_attribute_is_needed(name: str) -> None:
    made = event()
    del made[name]
    with pytest.raises(cloudevents.Invalid):
        cloudevents.check(made, TWIN)


@pytest.mark.parametrize("value", [None, 1, "x", []])
def test_an_event_is_an_object(value: object) -> None:
    with pytest.raises(cloudevents.Invalid, match="not a JSON object"):
        cloudevents.check(value, TWIN)


@pytest.mark.parametrize(("value", "id"), [("a-1.B_2:@=+~", "a-1.B_2:@=+~"), (17, "17"), (0, "0")])
def test_ids_of_devices(value: object, id: str) -> None:
    assert cloudevents.dated_id(value, TIME) == f"{id}@20240229T120000Z"


def test_events_of_earlier_releases_and_of_wrong_clocks_are_accepted() -> None:
    made = event()
    flagged = made | {"devicetime": "1970-01-01T00:00:00.000000Z", "clock": "behind"}
    old = {name: value for name, value in made.items() if name != "received"}
    for each in (made, flagged, old):
        assert cloudevents.check(each, TWIN) is each
    with pytest.raises(cloudevents.Invalid, match="received, devicetime and clock"):
        cloudevents.check(old | {"devicetime": TIME, "clock": "ahead"}, TWIN)


@pytest.mark.parametrize("value", [True, -1, 10**18, 1.5, None, "", ".a", "_a", "é", "\ud800"])
def test_ids_that_are_refused(value: object) -> None:
    with pytest.raises(cloudevents.Invalid):
        cloudevents.dated_id(value, TIME)


def test_a_hashed_id_is_of_the_values_not_of_their_order() -> None:
    assert cloudevents.hashed_id("d", "t", {"a": 1, "b": 2.5}) == cloudevents.hashed_id(
        "d", "t", {"b": 2.5, "a": 1}
    )
    assert cloudevents.hashed_id("d", "t", {"a": 1}) != cloudevents.hashed_id("d", "t", {"a": 1.0})
    assert cloudevents.hashed_id("d", "t", {"a": "1"}) != cloudevents.hashed_id("d", "t", {"a": 1})
    assert cloudevents.check(event(id=cloudevents.hashed_id("\ud800")), TWIN)


NESTED = st.dictionaries(
    st.text(max_size=5),
    st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text() | st.lists(st.integers()),
    max_size=5,
)


@bounded
@given(st.lists(NESTED, max_size=5))
def test_a_batch_round_trip_is_exact(items: list[dict[str, Any]]) -> None:
    events = [event(id=f"e{n}", data=data) for n, data in enumerate(items)]
    text = cloudevents.encode_batch(events)
    found = cloudevents.decode_batch(text.encode(), max_bytes=1_000_000, max_events=5)
    assert [item for item, _ in found] == events
    assert [json.loads(part) for _, part in found] == events


def test_batches_are_arrays_within_bounds() -> None:
    for body, reason in ((b"{}", "not a JSON array"), (b"[1,2]", "more than 1 items"), (b"[", "not JSON")):
        with pytest.raises(jsontext.Malformed, match=reason):
            cloudevents.decode_batch(body, max_bytes=100, max_events=1)


def test_commands_are_those_of_the_devices_type() -> None:
    made = cloudevents.make(
        cloudevents.COMMAND,
        twin="factory",
        device="thermostat-1",
        subject="set_point",
        data={"command": "set_point", "value": 20},
        time="2024-02-29T12:00:00.000000Z",
        id="c1",
    )
    assert cloudevents.check(made, TWIN, cloudevents.COMMAND)
    for change in ({"subject": "explode"}, {"data": {"command": "explode"}}, {"data": {}}):
        with pytest.raises(cloudevents.Invalid, match="not one of the device's type"):
            cloudevents.check(made | change, TWIN, cloudevents.COMMAND)
