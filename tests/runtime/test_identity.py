"""One reading is one event, with a plausible time and the type that its device had: from the dispatcher to
the stores, the files and the readers.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from support.memory import MemoryQueue, MemorySecret, MemoryStore
from support.samples import API_KEY, log
from support.tiers import NOW, TWIN, Direct, Tiers, link_to, writer_of
from twin_runtime import times
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.functions.dispatcher import Dispatcher
from twin_runtime.functions.hot_reader import HotReader
from twin_runtime.functions.persister import Persister
from twin_runtime.model import Twin
from twin_runtime.ports import BrokerMessage, Event, Request
from twin_runtime.storage import notes
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.tier_client import RemoteTier
from twin_runtime.tiers.tier_reader import ColdTier, TierReader
from twin_runtime.wire.callers import Callers
from twin_runtime.wire.secret_cache import CachedSecret

KEPT = replace(TWIN, archive_days=None)
DEVICE = "thermostat-1"
DAY = 86_400


class Chain:
    """From a device to the hot store and the event checker, with the twin of each moment."""

    def __init__(self, twin: Twin = KEPT) -> None:
        self.twin = twin
        self.tiers = Tiers.empty()
        self.shown: list[Event] = []
        """To the event checker."""
        self.dead = MemoryQueue()
        self.now = NOW

    def send(self, reading: Any, *, at: float | None = None) -> None:
        received = times.from_epoch(self.now if at is None else at)
        between, shown = MemoryQueue(1_000_000), MemoryQueue(1_000_000)
        dead = DeadLetters(self.dead, log()[0])
        common: dict[str, Any] = {"twin": self.twin, "dead": dead, "log": log()[0]}
        dispatcher = Dispatcher(queue=between, clock=lambda: self.now, **common)
        dispatcher.handle([BrokerMessage(DEVICE, json.dumps(reading).encode(), received)])
        store: MemoryStore = self.tiers.hot
        persister = Persister(store=store, events=shown, clock=lambda: self.now, **common)
        assert persister.handle(between.take()) == []
        self.shown += [event for body in shown.bodies for event in json.loads(body)]

    def read(self, cold: ColdTier | None = None, **query: str) -> list[Event]:
        role = HotReader(
            twin=self.twin,
            store=self.tiers.hot,
            log=log()[0],
            callers=Callers(CachedSecret(MemorySecret(json.dumps({"api_keys": [API_KEY]})))),
            cold=cold,
            clock=lambda: self.now,
        )
        answer = role.handle(Request("GET", {"x-api-key": API_KEY}, b"", {"device": DEVICE, **query}))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)["events"]


def test_a_counter_that_starts_again_at_each_boot_swallows_no_row_and_no_alarm() -> None:
    chain = Chain()
    for boot in range(2):
        for count in range(3):
            at = NOW + boot * 3_600 + count
            chain.send({"id": count, "time": times.from_epoch(at), "data": {"temperature": 95 + boot}}, at=at)
    assert [event["data"]["temperature"] for event in chain.read()] == [95, 95, 95, 96, 96, 96]
    assert len({event["id"] for event in chain.read()}) == 6
    assert len({(each["source"], each["id"]) for each in chain.shown}) == 6, "an alarm is of one identity"
    assert chain.dead.bodies == []


@pytest.mark.parametrize("copies", [2, 5])
def test_a_reading_that_a_device_sends_again_is_one_row_and_one_alarm(copies: int) -> None:
    for reading in ({"id": 7, "time": times.from_epoch(NOW)}, {"time": times.from_epoch(NOW)}):
        chain = Chain()
        for copy in range(copies):
            chain.send(reading | {"data": {"temperature": 95}}, at=NOW + copy)
        (event,) = chain.read()
        assert event["time"] == times.from_epoch(NOW)
        assert {(each["source"], each["id"]) for each in chain.shown} == {(event["source"], event["id"])}


@pytest.mark.parametrize(
    ("said", "clock"), [("1970-01-01T00:00:07Z", "behind"), ("2100-01-01T00:00:00Z", "ahead")]
)
def test_a_wrong_clock_loses_no_reading_and_pins_no_value(said: str, clock: str) -> None:
    chain = Chain()
    chain.send({"id": 1, "time": said, "data": {"temperature": 1}})
    chain.send({"id": 2, "data": {"temperature": 2}}, at=NOW + 1)
    first, second = chain.read()
    assert (first["time"], first["clock"]) == (times.from_epoch(NOW), clock)
    assert (first["devicetime"], first["received"]) == (times.normalise(said), times.from_epoch(NOW))
    assert second.keys() & {"clock", "devicetime"} == set()
    assert chain.read(latest="true") == [second]
    days = (row.expires - NOW for row in chain.tiers.hot.rows.values() if row.device == DEVICE)
    assert max(days) <= chain.twin.expire_days * DAY + 3_600


def test_readings_of_500_ancient_days_make_no_500_files() -> None:
    chain = Chain()
    ancient = [times.from_epoch(NOW - DAY * (31 + 20 * number)) for number in range(500)]
    chain.send([{"id": n, "time": time, "data": {"temperature": n}} for n, time in enumerate(ancient)])
    stored = [row for row in chain.tiers.hot.rows.values() if row.device == DEVICE]
    assert {row.time for row in stored} == {times.from_epoch(NOW)}
    assert sorted(row.device_time for row in stored) == sorted(ancient)
    chain.tiers.now = NOW + 40 * DAY
    chain.tiers.mover(twin=chain.twin).run(0, 1, budget=60)
    assert [stored.rows for _, stored in chain.tiers.files().values()] == [500]


def test_a_row_of_the_year_9999_is_not_the_latest() -> None:
    """An earlier release stored it."""
    chain = Chain()
    chain.send({"time": times.from_epoch(NOW), "data": {"temperature": 1}})
    (row,) = (each for each in chain.tiers.hot.rows.values() if each.device == DEVICE)
    chain.tiers.hot.put([row._replace(time="9999-12-31T00:00:00.000000Z")])
    assert [event["time"] for event in chain.read(latest="true")] == [row.time]
    assert len(chain.read()) == 2


def local(tiers: Tiers, twin: Twin) -> ColdTier:
    return TierReader(tiers.cold, twin, clock=lambda: tiers.now)


def remote(tiers: Tiers, twin: Twin) -> ColdTier:
    return RemoteTier(link_to(Direct(writer_of(tiers.cold, twin))))


@pytest.mark.parametrize("cold", [local, remote])
def test_a_device_that_gets_another_type_keeps_its_history(cold: Any) -> None:
    """In the hot store, in files that were written before and after, and when it is read from either."""
    chain = Chain()
    as_pump = replace(KEPT, devices={**KEPT.devices, DEVICE: "pump"})

    def move(now: float) -> None:
        chain.now = chain.tiers.now = now
        chain.tiers.mover(twin=chain.twin).run(0, 1, budget=60)

    old, middle, new = NOW - 36 * DAY, NOW - 34 * DAY, NOW
    chain.now = old
    chain.send({"temperature": 1})
    chain.now = middle
    chain.send({"temperature": 2})
    move(old + 32 * DAY)
    assert types_in(chain.tiers) == ["thermostat"]
    chain.twin = as_pump
    chain.now = new - 1
    chain.send({"flow": 3})
    subjects = [(event["subject"], [*event["data"]]) for event in chain.read()]
    assert subjects == [("thermostat", ["temperature"]), ("thermostat", ["temperature"]), ("pump", ["flow"])]
    move(NOW)
    assert types_in(chain.tiers) == ["thermostat", "thermostat"]
    found = chain.read(cold(chain.tiers, chain.twin), tier="all")
    assert [(event["subject"], *event["data"].values()) for event in found] == [
        ("thermostat", 1),
        ("thermostat", 2),
        ("pump", 3),
    ]
    assert found[0].keys() >= {"received"}


def types_in(tiers: Tiers) -> list[str]:
    return [tier_files.parse_name(name).type for name in tiers.files()]


def test_rows_of_two_types_of_one_day_are_two_files_and_rows_of_earlier_releases_of_todays_type() -> None:
    tiers = Tiers.empty()
    chain = Chain()
    chain.tiers, chain.now = tiers, NOW - 40 * DAY
    for number in range(4):
        if number == 2:
            chain.twin = replace(KEPT, devices={**KEPT.devices, DEVICE: "pump"})
        chain.send({"n": number}, at=chain.now + number)
    plain = [row for row in tiers.hot.rows.values() if row.device == DEVICE]
    tiers.hot.put([plain[3]._replace(subject="", received="", id="before")])
    tiers.now = NOW
    tiers.mover(twin=chain.twin).run(0, 1, budget=60)
    files = {
        tier_files.parse_name(name).type: list(tier_files.unpack(body, name, KEPT))
        for name, (body, _) in tiers.files().items()
    }
    assert {type: [json.loads(row.data)["n"] for row in found] for type, found in files.items()} == {
        "thermostat": [0, 1],
        "pump": [2, 3, 3],
    }
    assert all(row.subject == type for type, found in files.items() for row in found)


def test_the_types_of_a_device_are_noted_in_order() -> None:
    from twin_runtime.storage import known_devices

    store = MemoryStore()
    notes.write(store, known_devices.DEVICE, DEVICE, '"lamp"')  # as earlier releases did
    notes.write(store, known_devices.DEVICE, f"{DEVICE}0", '["pump"]')
    for type in ("thermostat", "pump", "thermostat"):
        known_devices.known(store, replace(KEPT, devices={DEVICE: type}))
    noted = {row.id: json.loads(row.data) for row in notes.read(store, known_devices.DEVICE)}
    assert noted[DEVICE] == ["lamp", "pump", "thermostat"]
    assert known_devices.known(store, replace(KEPT, devices={})) == {
        DEVICE: "thermostat",
        f"{DEVICE}0": "pump",
    }
