"""retention.hot_days is raised and lowered while rows of all ages are in the hot store, which deletes each
when it expires: a row is never deleted before it is in a file.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memory import MemoryQueue, MemorySecret, MemoryStore
from support.properties import bounded
from support.samples import DOCUMENT, event, log, message
from support.tiers import DAY, NOW, RECEIVER, Killed, Tiers, Tripwire
from twin_runtime import model, times
from twin_runtime.deadlines import UNBOUNDED
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import Retry
from twin_runtime.functions.persister import Persister
from twin_runtime.functions.writer import Writer
from twin_runtime.storage import rows
from twin_runtime.tiers import tier_files
from twin_runtime.wire.secret_cache import CachedSecret

HOUR = 3_600
LONGEST_STOP = 25
"""Days for which a mover may stand still: the safety days, less the days it takes whole."""


class Life:
    """A twin whose retention changes. `now` begins in the middle of a day."""

    def __init__(self, hot_days: int) -> None:
        self.tiers = Tiers.empty()
        self.tiers.now = NOW + DAY / 2
        self.writers: list[Writer] = []
        self.apply(hot_days)

    def apply(self, hot_days: int) -> None:
        """Deploy; functions of before may go on for a while."""
        ages = {"hot_days": hot_days, "safety_days": 30, "cold_days": 200}
        self.twin = model.parse(DOCUMENT | ages)
        logger = log("writer")[0]
        self.writers.append(
            Writer(
                twin=self.twin,
                store=self.tiers.hot,
                dead=DeadLetters(MemoryQueue(), logger),
                log=logger,
                link=CachedSecret(MemorySecret(RECEIVER)),
                clock=lambda: self.tiers.now,
            )
        )

    def write(self, *ages: float, by: int = -1, device: str = "thermostat-1") -> None:
        """Write events that are as many seconds old."""
        tiers = self.tiers
        made = [
            event(f"e{len(tiers.written) + n}", device=device, at=times.from_epoch(tiers.now - age))
            for n, age in enumerate(ages)
        ]
        assert self.writers[by].accept(made, [""] * len(made), UNBOUNDED.deadline()) == {}
        tiers.written.update({key: row for key, row in tiers.hot.rows.items() if key in tiers.in_hot()})
        self.check()

    def wait(self, days: float) -> None:
        """Pass time; the store deletes what has expired."""
        tiers = self.tiers
        tiers.now += days * DAY
        tiers.hot.rows = {key: row for key, row in tiers.hot.rows.items() if row.expires > tiers.now}
        self.check()

    def run(self, kill: int | None = None) -> None:
        wire = Tripwire(kill)
        if kill is not None:
            wire.watch = self.check
        try:
            assert self.tiers.mover(wire, twin=self.twin).run(0, 1, budget=60).done
        except Killed:
            self.check()
            self.tiers.now += 0.01 * DAY  # the claim of the dead run ends
            self.run()
        self.check()

    def check(self) -> None:
        self.tiers.check_nothing_is_lost()

    def ages_in_hot(self) -> list[int]:
        """The ages of the rows in the hot store, in whole days."""
        times_ = [key.partition("#")[0] for _, key in self.tiers.in_hot()]
        return sorted(int((self.tiers.now - times.to_epoch(time)) / DAY) for time in times_)


NUMBERS = [(1, 90), (30, 90), (1, 30, 90), (90, 30), (90, 1), (30, 1, 60), (90, 1, 90), (60, 90, 1, 30)]
FIRST_CHANGES = [0, 0.4, 0.99, 1.6, 2.5, 29, 30.2, 31.7, 45]
"""Days after the first writing: before anything is due, when a day is due in part, when it is due, and while
rows live on for their safety days alone.
"""


@pytest.mark.matrix
@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
@pytest.mark.parametrize("stopped", [0, 22])
@pytest.mark.parametrize(
    "pause", [0.02, pytest.param(0.7, marks=pytest.mark.slow), 3, pytest.param(20, marks=pytest.mark.slow)]
)
def test_no_row_is_lost_whenever_hot_days_changes(
    numbers: tuple[int, ...], stopped: float, pause: float
) -> None:
    """The mover stands still for days from the first change on. Devices write all the time, some late."""
    for first in FIRST_CHANGES:
        changes = [first + pause * n for n in range(len(numbers) - 1)]
        life, day, ran = Life(numbers[0]), 0.0, 0.0
        pending = list(zip(changes, numbers[1:], strict=True))
        while day < 20 or life.tiers.in_hot():
            while pending and pending[0][0] <= day:
                life.apply(pending.pop(0)[1])
                life.write(0, HOUR)
            if day < 20 or pending:
                life.write(0, 3 * HOUR, 20 * DAY)
            if not changes[0] <= day < changes[0] + stopped or day - ran >= stopped:
                life.run()
                ran = day
            step = min([1.0 if day < 20 else 3.0, *(at - day for at, _ in pending[:1] if at > day)])
            life.wait(step)
            day += step
        assert life.tiers.in_cold().keys() == life.tiers.written.keys()


def test_after_raising_what_is_written_stays_for_the_new_time() -> None:
    life = Life(1)
    life.write(0)
    life.run()
    life.apply(90)
    for _ in range(120):
        life.wait(1)
        life.write(0)
        life.run()
    assert life.ages_in_hot() == list(range(91))


def test_a_day_is_moved_as_a_whole() -> None:
    life = Life(1)
    for _ in range(5 * 24):
        life.write(0, HOUR / 2)
        life.run()
        life.wait(1 / 24)
    days = [tier_files.parse_name(name).day for name in life.tiers.cold.kept]
    assert days == ["2024-06-01", "2024-06-02", "2024-06-03", "2024-06-04"]


def test_lowering_takes_effect_at_once() -> None:
    life = Life(90)
    for _ in range(40):
        life.write(0)
        life.run()
        life.wait(1)
    life.apply(7)
    life.run()
    assert max(life.ages_in_hot()) == 7


def test_rows_of_a_short_time_between_two_long_ones_are_not_behind_older_ones_that_last_longer() -> None:
    life = Life(90)
    life.write(0)
    life.apply(1)
    life.write(0)
    life.apply(90)
    for _ in range(5):
        life.wait(20)
        life.run()
    assert not life.tiers.in_hot()


@pytest.mark.parametrize("numbers", [(1, 90), (30, 90)])
def test_rows_of_before_there_were_notes_go_by_their_own_expiry(numbers: tuple[int, int]) -> None:
    life = Life(numbers[1])
    before = model.parse(DOCUMENT | {"hot_days": numbers[0], "safety_days": 30, "cold_days": 200})
    tiers = life.tiers
    for hour in range(0, 48, 6):
        made = [event(f"old{hour}", at=times.from_epoch(tiers.now - late)) for late in (0, HOUR)]
        for each in made:
            old = rows.from_event(each, before, tiers.now)
            tiers.written[old.device, old.key] = old
            tiers.hot.put([old])
        life.wait(0.25)
    for _ in range(80):
        life.write(0)
        life.run()
        life.wait(1)
    assert len(tiers.in_hot()) == 80


def test_rows_of_before_the_twin_had_a_cold_tier() -> None:
    life = Life(30)
    old = rows.from_event(event(), model.parse(DOCUMENT), life.tiers.now)
    old = old._replace(time=times.from_epoch(life.tiers.now))
    life.tiers.hot.put([old])
    life.tiers.written[old.device, old.key] = old
    life.wait(1)
    life.run()
    assert (old.device, old.key) in life.tiers.in_cold()


ACTIONS = st.one_of(
    st.tuples(
        st.just("write"),
        st.lists(st.sampled_from([0, -300, HOUR, DAY, 5 * DAY, 40 * DAY, 100 * DAY]), min_size=1, max_size=3),
    ),
    st.tuples(st.just("wait"), st.sampled_from([0.01, 0.3, 1, 2, 9, LONGEST_STOP])),
    st.tuples(st.just("run"), st.none() | st.integers(1, 40)),
)
AGES = st.tuples(st.sampled_from([1, 2, 7, 30, 60, 90, 200]), st.lists(ACTIONS, max_size=5))


@bounded
@given(st.lists(AGES, min_size=2, max_size=6), st.data())
def test_no_row_is_lost_in_any_order(lives: list[tuple[int, list[Any]]], data: st.DataObject) -> None:
    life, idle = Life(lives[0][0]), 0.0
    steps = [step for hot_days, some in lives for step in (("apply", hot_days), ("write", [0]), *some)]
    for kind, given_ in [*steps, *([("wait", 20)] * 16)]:
        if kind == "apply":
            life.apply(given_)
        elif kind == "write":
            life.write(*given_, by=data.draw(st.sampled_from([-1, -1, 0])))
        elif kind == "run":
            life.run(given_)
            idle = 0
        else:
            if idle + given_ > LONGEST_STOP:
                life.run()
                idle = 0
            life.wait(given_)
            idle += given_
    life.run()
    assert life.tiers.in_cold().keys() == life.tiers.written.keys()


def test_the_notes_are_few_and_go_when_their_rows_have_gone() -> None:
    life = Life(7)
    for _ in range(40):
        life.write(0)
        life.wait(0.1)
    life.apply(90)
    life.write(0)
    assert [each.id for each in life.tiers.notes("~lifetimes")] == ["37", "120"]
    assert life.tiers.hot.writes <= 41 + 40 + 1
    for _ in range(70):
        life.write(0)
        life.run()
        life.wait(1)
    assert [each.id for each in life.tiers.notes("~lifetimes")] == ["120"]


def test_without_a_cold_tier_nothing_is_noted() -> None:
    store = MemoryStore()
    twin = model.parse(DOCUMENT)
    logger = log("writer")[0]
    Writer(
        twin=twin,
        store=store,
        dead=DeadLetters(MemoryQueue(), logger),
        log=logger,
        link=CachedSecret(MemorySecret(RECEIVER)),
    ).accept([event()], [""], UNBOUNDED.deadline())
    assert [device for device, _ in store.rows] == ["thermostat-1"]


def test_no_row_is_written_before_its_lifetime_is_noted() -> None:
    logger, store = log("persister")[0], MemoryStore()
    twin = model.parse(DOCUMENT | {"safety_days": 30, "cold_days": 90})
    persister = Persister(twin=twin, store=store, dead=DeadLetters(MemoryQueue(), logger), log=logger)
    store.faults.ahead = [Retry("Not now.")] * 4
    assert persister.handle([message(event())]) == ["m1"]
    assert not store.rows
    assert persister.handle([message(event())]) == []
    assert [device for device, _ in store.rows] == ["~lifetimes", "thermostat-1"]
