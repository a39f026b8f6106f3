"""From what devices send to events: forms of a payload, and who is believed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memory import MemoryQueue
from support.properties import bounded
from support.samples import DOCUMENT, TIME, TWIN, log
from twin_runtime import model, times
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters, decode
from twin_runtime.errors import Retry
from twin_runtime.events import cloudevents
from twin_runtime.functions.dispatcher import Dispatcher
from twin_runtime.model import Twin
from twin_runtime.ports import BrokerMessage, Event

NOW = 1_709_208_000.0
"""TIME in Unix seconds."""
DAY = 86_400
EPOCH = "1970-01-01T00:00:07Z"


def message(payload: object, **changes: Any) -> BrokerMessage:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    fields: dict[str, Any] = {"device": "thermostat-1", "body": body, "received": "2024-02-29T12:00:00Z"}
    return BrokerMessage(**(fields | changes))


def typed(**limits: Any) -> Twin:
    """The sample twin, with limits of the thermostats."""
    types = DOCUMENT["device_types"]
    return model.parse(DOCUMENT | {"device_types": types | {"thermostat": types["thermostat"] | limits}})


class Bench:
    def __init__(self, twin: Twin = TWIN, **queue: Any) -> None:
        self.queue, self.dead = MemoryQueue(**queue), MemoryQueue()
        logger, self.lines = log("dispatcher")
        self.close = logger.close
        letters = DeadLetters(self.dead, logger)
        self.role = Dispatcher(twin=twin, queue=self.queue, dead=letters, log=logger, clock=lambda: NOW)

    def send(self, payload: object, **changes: Any) -> None:
        self.role.handle([message(payload, **changes)])

    def events(self) -> list[Event]:
        return [event for body in self.queue.bodies for event in json.loads(body)]

    def letters(self) -> list[DeadLetter]:
        return [letter for body in self.dead.bodies for letter in decode(body)]


def one(payload: object, **changes: Any) -> Event:
    bench = Bench()
    bench.send(payload, **changes)
    assert bench.letters() == []
    (event,) = bench.events()
    return cloudevents.check(event, TWIN)


def reason(payload: object, **changes: Any) -> str:
    bench = Bench()
    bench.send(payload, **changes)
    assert bench.events() == []
    (letter,) = bench.letters()
    return letter.reason


def test_flat_measurements_get_the_brokers_time_and_a_hash_as_id() -> None:
    event = one({"temperature": 21.5, "humidity": 40})
    assert event["data"] == {"temperature": 21.5, "humidity": 40}
    assert event["time"] == TIME
    assert event == one({"humidity": 40, "temperature": 21.5})
    assert event["id"] != one({"temperature": 21.6, "humidity": 40})["id"]
    assert event["id"] != one({"temperature": 21.5, "humidity": 40}, device="thermostat-2")["id"]


def test_an_envelope() -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    sent = {"time": "2024-02-01T01:00:00.25+01:00", "id": 7, "traceparent": trace, "data": {"temperature": 1}}
    event = one(sent)
    assert (event["time"], event["id"]) == ("2024-02-01T00:00:00.250000Z", "7@20240201T000000.250000Z")
    assert (event["received"], event.keys() & {"clock", "devicetime"}) == (TIME, set())
    assert (event["traceparent"], event["data"]) == (trace, {"temperature": 1})


def test_flat_with_time_and_id() -> None:
    event = one({"time": "2024-02-01T00:00:00Z", "id": "x", "temperature": 1})
    assert (event["time"], event["id"], event["data"]) == (
        "2024-02-01T00:00:00.000000Z",
        "x@20240201T000000Z",
        {"temperature": 1},
    )


def test_an_id_of_the_device_without_a_time_is_of_the_message() -> None:
    """Published twice it is two readings, delivered twice by the broker it is one."""
    ids = [one({"id": 7, "t": 1}, received=at)["id"] for at in (TIME, TIME, "2024-02-29T12:00:00.5Z")]
    assert ids == ["7@20240229T120000Z", "7@20240229T120000Z", "7@20240229T120000.500000Z"]


def test_the_longest_id_of_a_device_is_one_of_an_event() -> None:
    event = one({"id": "a" * 128, "time": "2024-02-29T12:00:00.000001Z", "t": 1})
    assert event["id"] == "a" * 128 + "@20240229T120000.000001Z"
    assert "The id must be" in reason({"id": "a" * 129, "t": 1})


def test_the_time_of_a_signature_counts_where_a_reading_has_none() -> None:
    signed = "2024-02-29T11:59:58.750000Z"
    first, again = (one({"t": 1}, sent=signed, received=at) for at in (TIME, "2024-02-29T12:00:04Z"))
    assert (first["time"], first["id"]) == (signed, again["id"])
    assert first["received"] != again["received"]
    assert one({"id": 7, "t": 1}, sent=signed)["id"] == "7@20240229T115958.750000Z"
    assert one({"t": 1, "time": TIME}, sent=signed)["time"] == TIME
    wrong = [one({"t": 1, "time": EPOCH}, sent=signed, received=at) for at in (TIME, "2024-02-29T12:00:04Z")]
    assert {(each["time"], each["id"]) for each in wrong} == {(signed, wrong[0]["id"])}


def test_a_measurement_named_data() -> None:
    assert one({"data": 5, "other": 6})["data"] == {"data": 5, "other": 6}


def test_an_array_is_judged_reading_by_reading() -> None:
    bench = Bench()
    bench.send([{"temperature": 1}, 5, {"temperature": 1}, {"time": "noon", "temperature": 2}, {}])
    first, second = bench.events()
    assert first["data"] == second["data"]
    assert first["id"] != second["id"]
    letters = bench.letters()
    assert [letter.reason.split(".")[0][:18] for letter in letters] == [
        "A reading must be ",
        "The time must be R",
        "The reading has no",
    ]
    assert {(letter.device, letter.received) for letter in letters} == {
        ("thermostat-1", "2024-02-29T12:00:00Z")
    }
    assert [letter.body for letter in letters] == ["5", '{"time":"noon","temperature":2}', "{}"]


@pytest.mark.parametrize(
    ("off", "clock"),
    [
        (300, ""),
        (300.001, "ahead"),
        (3_600, "ahead"),
        (250_000_000_000, "ahead"),
        (-30 * DAY, ""),
        (-30 * DAY - 0.001, "behind"),
        (-NOW, "behind"),
    ],
)
def test_a_reading_whose_clock_is_wrong_has_the_time_of_its_receipt(off: float, clock: str) -> None:
    bench = Bench()
    said = times.from_epoch(NOW + off)
    bench.send([{"temperature": 2}, {"id": 7, "time": said, "data": {"temperature": 1}}])
    before, event = bench.events()
    assert before.keys() & {"clock", "devicetime"} == set()
    assert cloudevents.check(event, TWIN)["id"] == f"7@{times.compact(said)}"
    if clock:
        assert [event[name] for name in ("time", "received", "devicetime", "clock")] == [
            TIME,
            TIME,
            said,
            clock,
        ]
    else:
        assert (event["time"], event["received"]) == (said, TIME)
        assert event.keys() & {"clock", "devicetime"} == set()


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        (60, None),
        (60.001, "The time is more than 1 minute after the broker received the message."),
        (250_000_000_000, "The time is more than 1 minute after the broker received the message."),
        (-90_000, None),
        (-90_000.001, "The time is more than 25 hours before the broker received the message."),
        (-NOW, "The time is more than 25 hours before the broker received the message."),
    ],
)
def test_a_type_may_refuse_a_reading_whose_clock_is_wrong_and_no_other(
    off: float, expected: str | None
) -> None:
    bench = Bench(typed(clock={"ahead": 60, "behind": 90_000, "refuse": True}))
    wrong = {"time": times.from_epoch(NOW + off), "data": {"temperature": 1}}
    bench.send([{"temperature": 2}, wrong, {"time": TIME, "temperature": 3}])
    letters = bench.letters()
    assert [each["data"]["temperature"] for each in bench.events()] == ([2, 3] if expected else [2, 1, 3])
    assert [letter.reason for letter in letters] == ([expected] if expected else [])
    if expected:
        assert json.loads(letters[0].body or "") == wrong
        assert (letters[0].device, letters[0].received) == ("thermostat-1", "2024-02-29T12:00:00Z")


def test_limits_are_those_of_the_devices_type() -> None:
    bench = Bench(typed(clock={"ahead": 0, "behind": 0}))
    for device in ("thermostat-1", "pump-1"):
        bench.send({"time": times.from_epoch(NOW - 1), "flow": 1}, device=device)
    assert [each.get("clock") for each in bench.events()] == ["behind", None]


def test_a_reading_that_comes_late_is_judged_by_the_time_of_its_receipt() -> None:
    """A redelivery or a resend, days after the broker took it."""
    taken = times.from_epoch(NOW - 14 * DAY)
    old = {"time": times.from_epoch(NOW - 43 * DAY), "data": {"temperature": 1}}
    assert one(old, received=taken)["time"] == old["time"]
    assert one(old)["clock"] == "behind"
    assert one({"time": TIME, "data": {"temperature": 1}}, received=taken)["clock"] == "ahead"


@pytest.mark.parametrize("received", ["", "noon", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_without_a_time_of_receipt_the_dispatchers_own_clock_counts(received: str) -> None:
    assert one({"time": TIME, "temperature": 1}, received=received)["time"] == TIME
    ahead = one({"time": "2024-02-29T12:05:01Z", "temperature": 1}, received=received)
    assert (ahead["time"], ahead["received"], ahead["clock"]) == (TIME, TIME, "ahead")


def test_a_device_sends_no_more_than_the_rate_of_its_type() -> None:
    """What is refused counts as well: each is a dead letter."""
    bench = Bench(typed(rate={"per_second": 2, "burst": 5}))
    for second, readings in (
        (0, [{"t": n} for n in range(4)]),
        (0, ["x", {"t": 4}]),
        (0, {"t": 5}),
        (1, "y"),
    ):
        bench.send(readings, received=times.from_epoch(NOW + second))
    bench.send([{"t": 6}, {"t": 7}], received=times.from_epoch(NOW + 1))
    assert [event["data"]["t"] for event in bench.events()] == [0, 1, 2, 3, 6]
    assert [letter.body for letter in bench.letters()] == ['"x"', '"y"']
    told = [(line["over_rate"], line["refused"]) for line in bench.lines.named("dispatched")]
    assert told == [(0, 0), (1, 1), (1, 0), (0, 1), (1, 0)]
    # The first at once, the others by the minute: the log cannot be flooded either.
    assert [(each["device"], each["count"]) for each in bench.lines.named("over_rate")] == [
        ("thermostat-1", 1)
    ]
    bench.close()
    assert [each["count"] for each in bench.lines.named("over_rate")] == [1, 2]
    assert {each["level"] for each in bench.lines.named("over_rate")} == {"warning"}


def test_one_device_takes_nothing_from_another_and_has_its_burst_again_after_a_pause() -> None:
    bench = Bench(typed(rate={"per_second": 2, "burst": 500}))
    flood = [{"t": n} for n in range(500)]
    for second in (0, 0, 250, 249):
        bench.send(flood, received=times.from_epoch(NOW + second))
        bench.send({"t": 0}, device="thermostat-2", received=times.from_epoch(NOW + second))
    sources = [event["source"][-1] for event in bench.events()]
    assert (sources.count("1"), sources.count("2")) == (1_000, 4)


def test_what_waited_in_the_broker_is_no_flood() -> None:
    """An hour of readings that the dispatcher gets at once, because it did not run."""
    bench = Bench(typed(rate={"per_second": 1, "burst": 500}))
    bench.role.handle([message({"t": n}, received=times.from_epoch(NOW - 3_600 + n)) for n in range(3_600)])
    assert len(bench.events()) == 3_600


def test_a_redelivery_gives_the_same_events() -> None:
    bench = Bench()
    for _ in range(2):
        bench.send([{"temperature": 1}, {"temperature": 1}, {"id": "a", "temperature": 2}])
    events = bench.events()
    assert events[:3] == events[3:]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"t":NaN}', "NaN is not JSON"),
        (b'{"t":1,"t":2}', "same key twice"),
        (b"[" * 50_000, "deeper"),
        (b" " * 131_073, "longer than 131072"),
        ({"t": "x" * 128_000}, "longer than 128000"),
        (5, "must be a JSON object"),
        ("x", "must be a JSON object"),
        (None, "must be a JSON object"),
        ([], "1 to 500 readings"),
        ([{"t": 1}] * 501, "1 to 500 readings"),
        ({}, "no measurement"),
        ({"data": {}}, "no measurement"),
        ({"time": TIME}, "no measurement"),
        ({"data": {"t": 1}, "x": 1}, "no other key"),
        ({"t": 1, "id": "a b"}, "The id must be"),
        ({"t": 1, "id": None}, "The id must be"),
        ({"t": 1, "time": 1709208000}, "RFC 3339"),
        ({"t": 1, "traceparent": "x"}, "traceparent"),
    ],
)
def test_malformed(payload: object, expected: str) -> None:
    assert expected in reason(payload)


def test_only_the_broker_says_who_sent_it() -> None:
    sent = {"temperature": 1, "device": "thermostat-2", "source": "/twins/factory/devices/thermostat-2"}
    assert one(sent)["source"] == "/twins/factory/devices/thermostat-1"
    assert "not known" in reason({"temperature": 1}, device="stranger")
    assert "did not say" in reason({"temperature": 1}, device=None)
    assert reason({"temperature": 1}, problem="The HMAC is wrong.") == "The HMAC is wrong."


def test_messages_of_revoked_devices_are_dropped_and_counted_and_no_others() -> None:
    bench = Bench(replace(TWIN, revoked=frozenset({"thermostat-2", "pump-1"})))
    flood = [message({"temperature": n}, device="thermostat-2") for n in range(3)]
    bench.role.handle([*flood, message(b"{", device="pump-1"), message({"temperature": 7}), *flood])
    assert [event["data"] for event in bench.events()] == [{"temperature": 7}]
    assert bench.letters() == []
    told = [(line["level"], line["device"], line["messages"]) for line in bench.lines.named("revoked")]
    assert told == [("warning", "thermostat-2", 6), ("warning", "pump-1", 1)]
    (dispatched,) = bench.lines.named("dispatched")
    assert (dispatched["messages"], dispatched["events"], dispatched["revoked"]) == (8, 1, 7)


def test_values_are_exact() -> None:
    data = {"f": 1e-300, "i": 10**40, "u": "é\ud83d", "n": {"a": [None, True, -0.0]}}
    event = one(data)
    assert repr(event["data"]) == repr(data)


def test_an_event_that_the_queue_cannot_take() -> None:
    bench = Bench(max_body_bytes=1_000)
    bench.send([{"t": "a" * 2000}, {"t": 1}, {"t": "b" * 400}, {"t": "c" * 400}])
    assert [event["data"]["t"] for event in bench.events()] == [1, "b" * 400, "c" * 400]
    assert len(bench.queue.bodies) == 3
    (letter,) = bench.letters()
    assert "larger than the queue takes (1000 bytes)" in letter.reason
    assert letter.event is not None


def test_nothing_is_acknowledged_that_is_not_durable() -> None:
    bench = Bench()
    bench.queue.faults.ahead = [Retry("down")]
    with pytest.raises(Retry):
        bench.send({"t": 1})
    bench.dead.faults.ahead = [OSError("down")]
    with pytest.raises(OSError, match="down"):
        bench.send(b"{")


@bounded
@given(st.binary(max_size=100))
def test_whatever_a_device_sends_ends_somewhere(body: bytes) -> None:
    bench = Bench()
    bench.send(body)
    assert len(bench.events()) + len(bench.letters()) >= 1
    for event in bench.events():
        cloudevents.check(event, TWIN)


def test_the_log_holds_counts_and_no_payload() -> None:
    bench = Bench()
    bench.send([{"temperature": 98765.4321}, "98765.4321"])
    assert bench.lines.named("dispatched")[0]["events"] == 1
    assert "98765" not in "".join(bench.lines.lines)


def test_a_letter_names_no_device_that_was_not_authenticated() -> None:
    """The dispatcher trusts the device that a resent letter names."""
    letters = MemoryQueue()
    role = Dispatcher(twin=TWIN, queue=MemoryQueue(), dead=DeadLetters(letters, log()[0]), log=log()[0])
    role.handle([BrokerMessage("thermostat-1", b"{}", TIME, problem="The signature is wrong.")])
    (letter,) = decode(letters.bodies[0])
    assert (letter.device, letter.reason) == (None, "The signature is wrong.")
