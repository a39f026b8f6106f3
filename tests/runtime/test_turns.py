"""cold_mover's time is shared among devices."""

from __future__ import annotations

import pytest

from support.samples import DOCUMENT
from support.tiers import DAY, DUE, NOW, Tiers, Tripwire, row
from twin_runtime import deadlines, model
from twin_runtime.functions import cold_mover
from twin_runtime.ports import Stored
from twin_runtime.tiers import cold_run, due_rows, tier_files
from twin_runtime.tiers.file_sinks import LocalFiles

HONEST = [f"thermostat-{n}" for n in range(2, 21)]
HOSTILE = "pump-1"


class Slow(LocalFiles):
    """Takes five seconds for a file."""

    def __init__(self, tiers: Tiers, clock: Clock) -> None:
        super().__init__(tiers.catalogue())
        self._clock = clock

    def store(self, file: tier_files.File, *, deadline: float) -> Stored:
        self._clock.now += 5
        return super().store(file, deadline=deadline)


class Clock:
    """In place of the module `time`."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return NOW + self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(cold_run, "time", made)
    monkeypatch.setattr(cold_mover, "time", made)
    monkeypatch.setattr(deadlines, "time", made)
    return made


def twin_of(hostile: str) -> model.Twin:
    devices = {HOSTILE: hostile, **dict.fromkeys(HONEST, "thermostat")}
    return model.parse(DOCUMENT | {"devices": devices, "safety_days": 30, "cold_days": 90})


@pytest.mark.parametrize("type", ["thermostat", "pump"])
@pytest.mark.parametrize("turn", range(3))
def test_a_device_with_500_ancient_days_keeps_no_other_waiting(clock: Clock, type: str, turn: int) -> None:
    tiers = Tiers.empty()
    tiers.now += 900 * turn
    tiers.write(*(row(HOSTILE, f"1{n:03d}-01-01T00:00:00.000000Z") for n in range(500)))
    honest = [row(name, DUE - 3 * DAY + hours * 3_600) for name in HONEST for hours in range(0, 72, 9)]
    tiers.write(*honest)
    moved = tiers.mover(twin=twin_of(type), sink=Slow(tiers, clock)).run(0, 1, budget=595)
    assert {(each.device, each.key) for each in honest} <= tiers.in_cold().keys()
    assert not moved.done
    assert clock.now > 580, "the rest of its time is the hostile device's"
    while not tiers.mover(twin=twin_of(type), sink=Slow(tiers, clock)).run(0, 1, budget=595).done:
        tiers.check_nothing_is_lost()
    tiers.check_moved()


def test_a_device_with_very_many_rows_keeps_no_other_waiting(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_rows, "MAX_ROWS", 5)
    tiers = Tiers.empty()
    tiers.write(*(row(HOSTILE, DUE - DAY + n, f"e{n}") for n in range(1_003)))
    honest = [row(name, DUE - DAY) for name in HONEST]
    tiers.write(*honest)
    twin = twin_of("thermostat")
    assert not tiers.mover(twin=twin, sink=Slow(tiers, clock)).run(0, 1, budget=120).done
    assert {(each.device, each.key) for each in honest} <= tiers.in_cold().keys()
    assert tiers.mover(twin=twin, sink=Slow(tiers, clock)).run(0, 1, budget=5_000).done
    tiers.check_moved()
    assert max(stored.rows for _, stored in tiers.files().values()) == 5


def test_devices_that_have_fallen_behind_together_share_their_files() -> None:
    tiers = Tiers.empty()
    tiers.write(
        *(row(name, DUE - n * DAY) for at, name in enumerate(HONEST) for n in range(1, 31) if 3 * at + n & 7)
    )
    assert tiers.mover(twin=twin_of("pump")).run(0, 1, budget=60).done
    tiers.check_moved()
    assert len(tiers.files()) < 2 * 30


def test_a_device_is_asked_for_once_a_day() -> None:
    calls: list[list[int]] = []
    for count in (10, 110):
        devices = {f"thermostat-{n}": "thermostat" for n in range(count)}
        twin = model.parse(DOCUMENT | {"devices": devices, "safety_days": 30, "cold_days": 90})
        tiers = Tiers.empty()
        tiers.write(*(row(name, DUE + (n + 2) * DAY) for name in devices for n in range(9)))
        tiers.mover(twin=twin).run(0, 1, budget=60)
        calls.append([])
        for later in (900, DAY):
            tiers.now += later
            wire = Tripwire()
            assert tiers.mover(wire, twin=twin).run(0, 1, budget=60).done
            calls[-1].append(wire.calls)
    (few_again, few), (many_again, many) = calls
    assert (many_again - few_again, many - few) == (0, 100)


def test_a_run_is_not_failed_by_much_to_do_alone(clock: Clock) -> None:
    tiers = Tiers.empty()
    tiers.write(*(row(at=DUE - n * DAY) for n in range(1, 200)))
    assert not tiers.mover(sink=Slow(tiers, clock)).run(0, 1, budget=100).done
