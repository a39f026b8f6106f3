"""Faults, as the functions see them."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.errors import SimulatorError
from simulator.faults import Fault, Injector, Message
from simulator.options import Options
from simulator.payloads import Reading, Source
from support.fleets import device
from twin_runtime.events.payload import Unreadable


def run(shares: dict[Fault, float], messages: int = 40, per_message: int = 1, seed: int = 3) -> list[Message]:
    source = Source(device(), seed=seed, run="r")
    injector = Injector("d-1", seed=seed, shares=shares, others=["d-1", "d-2", "d-3"])
    sent: list[Message] = []
    for _ in range(messages):
        sent += injector.messages([source.next() for _ in range(per_message)])
    return [*sent, *injector.rest()]


def ids(sent: list[Message]) -> list[int]:
    return [int((reading.id or "").split("-")[1]) for message in sent for reading in message.readings]


def test_without_faults_every_reading_arrives_once_in_order(receive: Any) -> None:
    sent = run({}, messages=7, per_message=3)
    assert ids(sent) == list(range(1, 22))
    for message in sent:
        events = receive(message.body)
        assert [event["id"] for event in events] == [reading.event_id for reading in message.readings]


def test_a_duplicate_is_the_same_message_again_and_only_the_second_is_marked() -> None:
    sent = run({Fault.DUPLICATE: 1})
    assert ids(sent) == [number for number in range(1, 41) for _ in range(2)]
    assert [message.fault for message in sent] == [None, Fault.DUPLICATE] * 40
    assert all(first.body == second.body for first, second in zip(sent[::2], sent[1::2], strict=True))


def test_late_readings_are_an_hour_old_on_the_wire_and_in_the_record(receive: Any) -> None:
    on_time, late = run({}, 1)[0], run({Fault.LATE: 1}, 1)[0]
    (event,) = receive(late.body)
    assert event["time"] == late.readings[0].time
    assert (late.readings[0].time or "~") < (on_time.readings[0].time or "")


def test_a_wrong_clock_is_decades_off_and_the_reading_is_stored(receive: Any) -> None:
    clocks: set[str] = set()
    for message in run({Fault.WRONG_CLOCK: 1}):
        (event,) = receive(message.body)
        (reading,) = message.readings
        assert (event["id"], event["devicetime"]) == (reading.event_id, reading.time)
        assert event["time"] == event["received"]
        clocks.add(event["clock"])
    assert clocks == {"ahead", "behind"}


def test_out_of_order_swaps_neighbours_and_loses_nothing() -> None:
    sent = run({Fault.OUT_OF_ORDER: 0.4})
    assert sorted(ids(sent)) == list(range(1, 41))
    assert ids(sent) != sorted(ids(sent))
    held = [message.readings[0].id for message in sent if message.fault]
    assert len(held) > 5


def test_a_message_that_is_held_back_at_the_end_is_sent() -> None:
    assert ids(run({Fault.OUT_OF_ORDER: 1}, messages=3)) == [2, 1, 3]


@pytest.mark.parametrize("fault", [Fault.MALFORMED, Fault.OVERSIZED])
@pytest.mark.parametrize("per_message", [1, 4])
def test_the_functions_refuse_what_is_malformed_or_oversized(
    fault: Fault, per_message: int, receive: Any
) -> None:
    for message in run({fault: 1}, per_message=per_message):
        assert all(isinstance(found, Unreadable) for found in receive(message.body)), message.body[:80]


def test_a_spoofed_message_is_right_but_for_its_name() -> None:
    for message in run({Fault.SPOOFED: 1}):
        assert message.sender == "d-1"
        assert message.device in ("d-2", "d-3")


def test_shares_and_seeds_hold() -> None:
    shares = {Fault.DUPLICATE: 0.1, Fault.LATE: 0.2, Fault.MALFORMED: 0.3}
    kinds = [message.fault for message in run(shares, 2000)]
    for fault, share in shares.items():
        assert abs(kinds.count(fault) / 2000 - share) < 0.05
    assert kinds == [message.fault for message in run(shares, 2000)]
    assert kinds != [message.fault for message in run(shares, 2000, seed=4)]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rate": 0}, "rate must be more than 0, got 0."),
        ({"count": -1}, "count must be more than 0"),
        ({"per_message": 501}, "1 to 500 readings, got 501"),
        ({"trip": 1.5}, "The fraction trip must be from 0 to 1"),
        ({"shares": {Fault.LATE: -0.1}}, "The fraction late must be from 0 to 1"),
        ({"shares": {Fault.LATE: 0.6, Fault.DUPLICATE: 0.6}}, "add up to more than 1"),
        ({"shares": {Fault.LATE: 0.1}, "flat": True}, "leave out flat"),
        ({"shares": {Fault.WRONG_CLOCK: 0.1}, "flat": True}, "leave out flat"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(SimulatorError, match=says):
        Options(**options)


def test_flat_readings_have_no_identity_of_their_own() -> None:
    assert Reading("d-1", None, None, {"on": True}).document() == {"on": True}
