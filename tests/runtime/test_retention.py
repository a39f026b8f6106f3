"""retention.hot_days and cold_days are raised and lowered while rows of all ages are in the hot store, movers
stand still for as long as they like, and the store deletes what has expired at any later time: a row is never
deleted before it is in a file.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memory import MemoryExpiry, MemoryQueue, MemorySecret, MemoryStore
from support.properties import bounded
from support.samples import DOCUMENT, event, log, message
from support.tiers import DAY, NOW, RECEIVER, Killed, Tiers, Tripwire
from twin_runtime import model, times
from twin_runtime.deadlines import UNBOUNDED
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import Retry
from twin_runtime.functions.persister import Persister
from twin_runtime.functions.writer import Writer
from twin_runtime.storage import notes, rows
from twin_runtime.tiers import cold_run, tier_files
from twin_runtime.wire.secret_cache import CachedSecret

HOUR = 3_600


class Life:
    """A twin whose retention changes. `now` begins in the middle of a day.

    `expires`: the store deletes expired rows by itself while the mover allows it, as DynamoDB does. Else it
    deletes none, and the mover deletes what is in a file.
    """

    def __init__(self, hot_days: int, *, expires: bool = True, cold: bool = True) -> None:
        self.tiers = Tiers.empty()
        self.tiers.now = NOW + DAY / 2
        self.expires = expires
        self.writers: list[Writer] = []
        self.apply(hot_days, cold=cold)

    def apply(self, hot_days: int, cold_days: int = 200, *, cold: bool = True) -> None:
        """Deploy; functions of before may go on for a while."""
        ages = {"hot_days": hot_days, "safety_days": 30, "cold_days": cold_days}
        self.twin = model.parse(DOCUMENT | (ages if cold else {"hot_days": hot_days}))
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

    def wait(self, days: float, *, expire: bool = True) -> None:
        """Pass time; the store deletes what has expired, if it comes to it."""
        end = self.tiers.now + days * DAY
        while self.tiers.now < end:
            self.tiers.now = min(self.tiers.now + max(days / 8, 0.2) * DAY, end)
            if expire and self.expires:
                self.tiers.expiry.expire()
            self.check()

    def run(self, kill: int | None = None) -> None:
        wire = Tripwire(kill)
        if kill is not None:
            wire.watch = self.check
        try:
            assert self.tiers.mover(wire, twin=self.twin, expires=self.expires).run(0, 1, budget=60).done
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


NUMBERS = [
    *[(1, 90), (1, 30, 90), (90, 30), (90, 1), (30, 1, 60), (90, 1, 90), (60, 90, 1, 30)],
    pytest.param((30, 90), marks=pytest.mark.slow),
]
FIRST_CHANGES = [0, 0.4, 0.99, 1.6, 2.5, 29, 30.2, 31.7, 45]
"""Days after the first writing: before anything is due, when a day is due in part, when it is due, and while
rows live on for their safety days alone.
"""


@pytest.mark.matrix
@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
@pytest.mark.parametrize(
    "stopped", [0, 60, *(pytest.param(days, marks=pytest.mark.slow) for days in (22, 400))]
)
@pytest.mark.parametrize(
    "pause", [0.02, pytest.param(0.7, marks=pytest.mark.slow), 3, pytest.param(20, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("expires", [True, False])
def test_no_row_is_lost_whenever_hot_days_changes(
    numbers: tuple[int, ...], stopped: float, pause: float, expires: bool
) -> None:
    """The mover stands still for days from the first change on. Devices write all the time, some late."""
    for first in FIRST_CHANGES:
        changes = [first + pause * n for n in range(len(numbers) - 1)]
        life, day, ran = Life(numbers[0], expires=expires), 0.0, 0.0
        pending = list(zip(changes, numbers[1:], strict=True))
        while day < 20 or life.tiers.in_cold().keys() < life.tiers.written.keys():
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
    life = Life(1, expires=False)
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
    days = [tier_files.parse_name(name).day for name in life.tiers.files()]
    assert days == ["2024-06-01", "2024-06-02", "2024-06-03", "2024-06-04"]


def test_lowering_takes_effect_at_once() -> None:
    life = Life(90, expires=False)
    for _ in range(40):
        life.write(0)
        life.run()
        life.wait(1)
    life.apply(7)
    life.run()
    assert max(life.ages_in_hot()) == 7


def test_rows_go_from_the_store_when_they_are_in_files_and_their_time_is_over() -> None:
    life = Life(2)
    life.write(0)
    for _ in range(60):
        life.write(0)
        life.run()
        life.wait(1)
    assert max(life.ages_in_hot()) == 31, "all of hot_days and the safety days"
    assert not life.tiers.logged("behind")


def test_expiry_stops_by_itself_when_no_mover_runs() -> None:
    life = Life(2)
    for _ in range(60):
        life.write(0)
        life.run()
        life.wait(1)
    assert life.tiers.expiry.deletes
    held = len(life.tiers.in_hot())
    for _ in range(20):
        life.write(0)
        life.wait(20)
    assert not life.tiers.expiry.deletes
    assert len(life.tiers.in_hot()) > held - 30 + 20
    life.run()
    assert not life.tiers.expiry.deletes, "in the run before which nothing had moved"
    life.run()
    life.wait(1)
    assert life.tiers.expiry.deletes
    assert life.tiers.in_cold().keys() >= life.tiers.written.keys() - life.tiers.in_hot()


def test_expiry_is_switched_once_when_all_is_well() -> None:
    """DynamoDB takes a change an hour: what goes on and off would be refused in between."""
    life = Life(7)
    states = []
    for _ in range(80):
        life.write(0, 3 * HOUR, 5 * DAY)
        life.run()
        life.wait(0.5)
        states.append(life.tiers.expiry.deletes)
    switches = sum(a != b for a, b in itertools.pairwise(states))
    assert switches == 1
    assert states[-1]


def test_a_device_that_twin_yaml_gets_does_not_stop_the_expiry() -> None:
    life = Life(2)
    for _ in range(40):
        life.write(0)
        life.run()
        life.wait(1)
    assert life.tiers.expiry.deletes
    document = DOCUMENT | {"hot_days": 2, "safety_days": 30, "cold_days": 200}
    life.twin = model.parse(document | {"devices": {**DOCUMENT["devices"], "new-1": "pump"}})
    life.run()
    assert life.tiers.expiry.deletes


@pytest.mark.parametrize("days", [1, 30])
@pytest.mark.parametrize("stop", [0, 100])
def test_rows_of_before_there_were_notes(days: int, stop: float) -> None:
    """Expiry was on when the first run of this release began, and nothing says how long the rows last."""
    life = Life(90)
    tiers = life.tiers
    tiers.expiry = MemoryExpiry(tiers.hot, lambda: tiers.now, on=True)
    before = model.parse(DOCUMENT | {"hot_days": days})
    for hour in range(0, 48, 6):
        made = [event(f"old{hour}", at=times.from_epoch(tiers.now - late)) for late in (0, HOUR)]
        for each in made:
            old = rows.from_event(each, before, tiers.now)
            tiers.written[old.device, old.key] = old
            tiers.hot.put([old])
        life.wait(0.1)
    life.run()
    life.wait(stop)
    for _ in range(140):
        life.write(0)
        life.run()
        life.wait(1)
    assert {key for _, key in tiers.written if "old" in key} <= {key for _, key in tiers.in_cold()}
    assert life.tiers.expiry.deletes


def test_rows_of_a_time_without_a_cold_tier_are_moved_when_there_is_one_again() -> None:
    life = Life(5)
    for _ in range(10):
        life.write(0)
        life.run()
        life.wait(1)
    life.apply(5, cold=False)
    life.expires = False  # what expires meanwhile need be nowhere else
    for _ in range(4):
        life.write(0, 8 * DAY)
        life.wait(1)
    life.expires = True
    life.apply(5)
    life.run()
    life.wait(40)
    for _ in range(2):
        life.run()
        life.wait(1)
    assert life.tiers.in_cold().keys() == life.tiers.written.keys()


def test_nothing_moves_while_writers_of_the_release_before_may_be_at_work() -> None:
    """They note no late rows. Their own note says until when they write."""
    life = Life(1)
    life.write(3 * DAY)
    until = int(life.tiers.now) + 2 * HOUR
    life.tiers.hot.put([notes.note("~lifetimes", "31", str(until))])
    assert not life.tiers.mover(twin=life.twin).run(0, 1, budget=60).done
    assert not life.tiers.in_cold()
    life.wait(0.2)
    life.run()
    assert life.tiers.in_cold()


def test_late_rows_of_days_that_were_moved_are_moved_too() -> None:
    life = Life(1)
    for _ in range(5):
        life.write(0, HOUR)
        life.run()
        life.wait(1)
    life.write(3 * DAY, 3 * DAY - 1, 100 * DAY, device="thermostat-1")
    life.run()
    assert len(life.tiers.notes("~late")) == 2, "their writer may still be at work"
    life.wait(0.05)
    life.run()
    assert life.tiers.notes("~late") == []
    late = {key for key in life.tiers.written if times.to_epoch(key[1][:27]) < life.tiers.now - 2.5 * DAY}
    assert late <= life.tiers.in_cold().keys()


def test_a_run_takes_a_bounded_number_of_notes_of_late_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold_run, "MOST_LATE", 2)
    life = Life(1)
    for _ in range(8):
        life.write(0)
        life.run()
        life.wait(1)
    # The first notes are young, and keep no others waiting.
    life.write(*(n * DAY for n in range(3, 8)), device="thermostat-1")
    life.wait(0.05)
    left = []
    while not life.tiers.mover(twin=life.twin).run(0, 1, budget=60).done:
        left.append(len(life.tiers.notes("~late")))
    assert left == [3, 1]
    assert life.tiers.notes("~late") == []
    late = {key for key in life.tiers.written if times.to_epoch(key[1][:27]) < life.tiers.now - 2.5 * DAY}
    assert late <= life.tiers.in_cold().keys()


def test_late_rows_whose_day_is_not_due_wait_for_it_without_a_note() -> None:
    life = Life(30)
    life.write(0)
    life.run()
    for _ in range(10):
        life.write(*(DAY + n * HOUR for n in range(48)))
        life.wait(0.05)
        life.run()
    assert life.tiers.notes("~late") == []
    assert not life.tiers.in_cold()


def test_late_rows_of_a_device_and_day_are_noted_once_in_five_minutes() -> None:
    life = Life(30)
    for n in range(20):
        life.write(2 * DAY + n)
        life.tiers.now += 1
    assert len(life.tiers.notes("~late")) <= 2


ACTIONS = st.one_of(
    st.tuples(
        st.just("write"),
        st.lists(st.sampled_from([0, -300, HOUR, DAY, 5 * DAY, 40 * DAY, 100 * DAY]), min_size=1, max_size=3),
    ),
    st.tuples(st.sampled_from(["wait", "stay"]), st.sampled_from([0.01, 0.05, 0.3, 1, 2, 9, 25, 50, 200])),
    st.tuples(st.just("run"), st.none() | st.integers(1, 40)),
    st.tuples(st.just("refuse"), st.booleans()),
)
AGES = st.tuples(
    st.sampled_from([1, 2, 7, 30, 60, 90, 200]),
    st.sampled_from([250, 400, 4_000]),
    st.lists(ACTIONS, max_size=6),
)


@bounded
@given(st.lists(AGES, min_size=2, max_size=6), st.booleans(), st.data())
def test_no_row_is_lost_in_any_order(
    lives: list[tuple[int, int, list[Any]]], expires: bool, data: st.DataObject
) -> None:
    """Edits, outages of movers, late rows, rows that no file takes for a while, and a store that deletes what
    has expired at once, or at any later time.
    """
    life = Life(lives[0][0], expires=expires)
    steps = [step for hot, cold, some in lives for step in (("apply", (hot, cold)), ("write", [0]), *some)]
    end = [("refuse", False), *([("wait", 20)] * 16)]
    for kind, given_ in [*steps, *end]:
        if kind == "apply":
            life.apply(*given_)
        elif kind == "write":
            life.write(*given_, by=data.draw(st.sampled_from([-1, -1, 0])))
        elif kind == "run":
            life.run(given_)
        elif kind == "refuse":
            life.tiers.refuses = given_
        else:
            life.wait(given_, expire=kind == "wait")
    for _ in range(2):
        life.run()
        life.wait(1)
    life.run()
    assert life.tiers.in_cold().keys() == life.tiers.written.keys()


def test_the_notes_are_few_and_go_when_their_rows_have_gone() -> None:
    life = Life(7)
    for _ in range(40):
        life.write(0)
        life.wait(0.1)
    life.apply(90)
    life.write(0)
    assert [each.id for each in life.tiers.notes("~lifetimes.1")] == ["37", "120"]
    assert life.tiers.hot.writes <= 41 + 40 + 1
    for _ in range(200):
        life.write(0)
        life.run()
        life.wait(1)
    assert [each.id for each in life.tiers.notes("~lifetimes.1")] == ["120"]


def test_no_row_is_written_before_its_lifetime_is_noted() -> None:
    logger, store = log("persister")[0], MemoryStore()
    twin = model.parse(DOCUMENT | {"safety_days": 30, "cold_days": 90})
    persister = Persister(twin=twin, store=store, dead=DeadLetters(MemoryQueue(), logger), log=logger)
    store.faults.ahead = [Retry("Not now.")] * 4
    assert persister.handle([message(event())]) == ["m1"]
    assert not store.rows
    assert persister.handle([message(event())]) == []
    assert [device for device, _ in store.rows] == ["~late", "~lifetimes.1", "thermostat-1"]
