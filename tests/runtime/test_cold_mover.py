"""cold_mover in memory: what moves, what stays; and that a row is never in neither tier, or in two files."""

from __future__ import annotations

import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.made_up import Counting, MadeUpStore
from support.properties import bounded
from support.samples import DOCUMENT, log
from support.tiers import DAY, DUE, NOW, TWIN, Killed, Tiers, Tripwire, many, row, unpacked
from twin_runtime import model, times
from twin_runtime.errors import Refused, Retry
from twin_runtime.events import cloudevents
from twin_runtime.functions.cold_mover import ColdMover
from twin_runtime.ports import Stored
from twin_runtime.roles import Role
from twin_runtime.storage import holds
from twin_runtime.storage.holds import Hold
from twin_runtime.storage.lifetimes import HotRows
from twin_runtime.tiers import cold_run, due_rows, tier_files
from twin_runtime.tiers.file_sinks import LocalFiles
from twinspan import alarms

DEVICES = ("pump-1", "thermostat-1", "thermostat-2")


def run(tiers: Tiers, partition: int = 0, partitions: int = 1, **options: object) -> None:
    moved = tiers.mover(**options).run(partition, partitions, budget=60)  # type: ignore[arg-type]
    assert moved.done


def test_what_is_due_moves_and_nothing_else() -> None:
    tiers = Tiers.empty()
    tiers.write(
        row(at=DUE - 1e-6, id="last"),
        row(at=DUE, id="first-that-stays"),
        row(at=DUE + 20 * DAY, id="new"),
        row(at="0001-01-01T00:00:00.000000Z", id="old"),
        row(at="9999-12-31T23:59:59.999998Z", id="future"),
        row("pump-1", id="pump"),
    )
    moved = tiers.mover().run(0, 1, budget=60)
    assert (moved.files, moved.rows, moved.done) == (3, 3, True)
    assert moved.bytes == sum(stored.size for _, stored in tiers.files().values())
    tiers.check_moved()
    again = tiers.mover().run(0, 1, budget=60)
    assert (again.files, again.done) == (0, True)


def test_files_are_of_one_type_and_one_day_and_in_order() -> None:
    tiers = Tiers.empty()
    tiers.write(*many(90, DEVICES))
    run(tiers)
    tiers.check_moved()
    found = {tier_files.parse_name(name) for name in tiers.files()}
    assert {(name.type, name.day) for name in found} == {
        (type, times.from_epoch(DUE - n * DAY)[:10]) for type in ("pump", "thermostat") for n in (1, 2, 3)
    }
    assert {(name.first, name.last) for name in found} == {
        ("pump-1", "pump-1"),
        ("thermostat-1", "thermostat-2"),
    }


def test_files_are_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_rows, "MAX_ROWS", 10)
    monkeypatch.setattr(due_rows, "_PAGE", 3)
    monkeypatch.setattr(due_rows, "_FIRST_PAGE", 2)
    tiers = Tiers.empty()
    tiers.write(*many(95, DEVICES, days=1, start=DUE - DAY))
    run(tiers)
    tiers.check_moved()
    assert max(stored.rows for _, stored in tiers.files().values()) == 10
    monkeypatch.setattr(due_rows, "MAX_BYTES", 1_000)
    tiers.write(*(row(id=f"long{n}", data='{"t":"' + "x" * 400 + '"}') for n in range(9)))
    run(tiers)
    tiers.check_moved()


def test_partitions_share_the_devices() -> None:
    devices = {f"thermostat-{n}": "thermostat" for n in range(40)}
    twin = model.parse(DOCUMENT | {"devices": devices, "cold_days": 90})
    tiers = Tiers.empty()
    tiers.write(*many(200, list(devices), days=1, start=DUE - DAY))
    moved = 0
    for partition in range(4):
        run(tiers, partition, 4, twin=twin)
        assert len(tiers.in_cold()) > moved
        moved = len(tiers.in_cold())
    tiers.check_moved()
    with pytest.raises(ValueError, match="partition 4"):
        tiers.mover().run(4, 4, budget=60)


def test_a_device_that_twin_yaml_has_no_more() -> None:
    tiers = Tiers.empty()
    run(tiers)  # notes the devices
    tiers.write(row(), row("pump-1"))
    smaller = model.parse(DOCUMENT | {"devices": {"thermostat-2": "thermostat"}, "cold_days": 90})
    run(tiers, twin=smaller)
    tiers.check_moved()
    assert {tier_files.parse_name(name).type for name in tiers.files()} == {"pump", "thermostat"}


def test_the_devices_are_noted_once() -> None:
    tiers = Tiers.empty()
    run(tiers)
    noted = {each.id: each.data for each in tiers.notes("~devices")}
    assert noted == {
        "pump-1": '["pump"]',
        "thermostat-1": '["thermostat"]',
        "thermostat-2": '["thermostat"]',
    }
    writes = tiers.hot.writes
    run(tiers)
    assert tiers.hot.writes == writes + 2  # the claim, and its end


def test_what_comes_late_moves_in_a_file_of_its_own() -> None:
    tiers = Tiers.empty()
    tiers.write(row(id="a"))
    run(tiers)
    tiers.write(row(id="b"))
    run(tiers)
    tiers.check_moved()
    assert len(tiers.files()) == 2


def test_a_run_ends_with_its_budget_and_the_next_goes_on() -> None:
    tiers = Tiers.empty()
    tiers.write(*many(30, DEVICES))
    assert not tiers.mover().run(0, 1, budget=0).done
    assert tiers.in_cold() == {}
    run(tiers)
    tiers.check_moved()


def test_rows_are_only_deleted_when_the_store_has_what_was_sent() -> None:
    class Forgetful(LocalFiles):
        def __init__(self, tiers: Tiers, **changes: object) -> None:
            super().__init__(tiers.catalogue())
            self.changes = changes

        def store(self, file: tier_files.File, *, deadline: float) -> Stored:
            return super().store(file, deadline=deadline)._replace(**self.changes)

    tiers = Tiers.empty()
    tiers.write(row(), row(id="e2"))
    for changes in ({"rows": 1}, {"sha256": "0" * 64}, {"size": 1}, {"name": "events/other"}):
        with pytest.raises(Retry, match="something else"):
            tiers.mover(sink=Forgetful(tiers, **changes)).run(0, 1, budget=60)
        assert len(tiers.in_hot()) == 2
    run(tiers)
    tiers.check_moved()


class Picky(LocalFiles):
    """Refuses files that hold an event of these ids, for what they are, or for now."""

    def __init__(self, tiers: Tiers, *ids: str, error: type[Exception] = Refused) -> None:
        super().__init__(tiers.catalogue())
        self.ids = ids
        self._error = error
        self.calls = 0

    def store(self, file: tier_files.File, *, deadline: float) -> Stored:
        self.calls += 1
        if any(each.id in self.ids for each in unpacked(file.name, file.body)):
            raise self._error("The receiver answered 400.")
        return super().store(file, deadline=deadline)


def test_rows_that_are_refused_are_set_aside_and_tried_once_a_day() -> None:
    tiers = Tiers.empty()
    tiers.write(*many(60, DEVICES), row(id="bad"), row("pump-1", id="bad"))
    sink = Picky(tiers, "bad")
    moved = tiers.mover(sink=sink).run(0, 1, budget=60)
    assert (moved.done, moved.aside) == (True, 2)
    assert {key for _, key in tiers.written.keys() - tiers.in_cold().keys()} == {row(id="bad").key}
    tiers.check_nothing_is_lost()
    assert [line["aside"] for line in tiers.logged("behind")] == [2]
    assert len(tiers.logged("row_refused")) == 2
    calls = sink.calls
    tiers.now += 900
    assert tiers.mover(sink=sink).run(0, 1, budget=60).aside == 2
    assert sink.calls == calls, "not again on the same day"
    assert len(tiers.logged("behind")) == 2, "but reported as long as it is so"
    tiers.now += DAY
    assert tiers.mover(sink=sink).run(0, 1, budget=60).aside == 2
    assert sink.calls > calls
    sink.ids = ()
    tiers.now += DAY
    assert tiers.mover(sink=sink).run(0, 1, budget=60).aside == 0
    assert tiers.in_cold().keys() == tiers.written.keys()


def test_what_is_set_aside_stays_so_when_a_run_has_no_time_to_try_it() -> None:
    tiers = Tiers.empty()
    tiers.write(row(id="bad"))
    sink = Picky(tiers, "bad")
    tiers.mover(sink=sink).run(0, 1, budget=60)
    for _ in range(3):
        tiers.now += DAY
        assert tiers.mover(sink=sink).run(0, 1, budget=0).aside == 1
    assert set(tiers.in_hot()) == set(tiers.written)


def test_a_sink_that_refuses_everything_is_not_asked_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold_run, "_MOST_REFUSALS", 30)
    made = many(600, DEVICES)
    tiers = Tiers.empty()
    tiers.write(*made)
    sink = Picky(tiers, *(each.id for each in made))
    with pytest.raises(Retry, match="400"):
        tiers.mover(sink=sink).run(0, 1, budget=60)
    assert sink.calls < 30 + 4
    tiers.now += 2 * DAY
    run(tiers)
    assert tiers.in_cold().keys() == tiers.written.keys()


def test_a_batch_that_cannot_be_stored_now_keeps_no_other_waiting() -> None:
    tiers = Tiers.empty()
    tiers.write(*many(60, DEVICES), row("pump-1", at=DUE - 40 * DAY, id="bad"))
    with pytest.raises(Retry, match="400"):
        tiers.mover(sink=Picky(tiers, "bad", error=Retry)).run(0, 1, budget=60)
    assert {device for device, _ in tiers.written.keys() - tiers.in_cold().keys()} == {"pump-1"}
    line = tiers.logged(alarms.RUN[Role.COLD_MOVER])[-1]
    assert set(alarms.MEASURED) <= line.keys()
    assert (line["done"], line["oldest_due_days"] > 39) == (False, True)
    run(tiers)
    tiers.check_moved()


def test_a_store_that_takes_nothing_now_ends_the_run() -> None:
    tiers = Tiers.empty()
    made = many(60, DEVICES, days=30, start=DUE - 30 * DAY)
    tiers.write(*made)
    sink = Picky(tiers, *(each.id for each in made), error=Retry)
    with pytest.raises(Retry, match="400"):
        tiers.mover(sink=sink).run(0, 1, budget=60)
    assert sink.calls == 3


def test_a_partition_that_never_gets_done_is_reported_after_six_hours() -> None:
    tiers = Tiers.empty()
    tiers.write(*many(30, DEVICES))
    for _ in range(25):
        assert not tiers.mover().run(0, 1, budget=0).done
        tiers.now += 900
    (line,) = tiers.logged("behind")
    assert (line["level"], line["hours"]) == ("error", 6.0)
    run(tiers)
    tiers.now += 900
    tiers.mover().run(0, 1, budget=0)
    assert tiers.logged("behind") == [line], "the six hours begin anew"


@pytest.mark.parametrize("ahead", [0, 1_800])
def test_rows_of_one_note_are_moved_although_clocks_differ(ahead: int) -> None:
    tiers = Tiers.empty()
    run(tiers)
    written = NOW - NOW % 300
    writer = HotRows(tiers.hot, TWIN, log("writer")[0], clock=lambda: written)
    for id in ("a", "b"):
        event = cloudevents.make(
            cloudevents.TELEMETRY,
            twin=TWIN.name,
            device="thermostat-1",
            subject="thermostat",
            data={"temperature": 20},
            time=times.from_epoch(DUE - 2 * DAY),
            id=id,
        )
        assert writer.write([event]) == {}
        written += 250
        tiers.now = written + ahead
        run(tiers)
    tiers.now += 2 * 3_600
    run(tiers)
    assert {key.partition("#")[2] for _, key in tiers.in_cold()} == {"a", "b"}


def steps(tiers: Tiers) -> int:
    """How many calls of ports a run makes."""
    wire = Tripwire()
    tiers.mover(wire).run(0, 1, budget=60)
    return wire.calls


def killed_and_again(made: list[object], kill: int, after: bool, late: bool = True) -> None:
    """A run dies at a call, rows come late, and a run ends what is left; nothing is lost at any call."""
    tiers = Tiers.empty()
    tiers.write(*made)  # type: ignore[arg-type]
    wire = Tripwire(kill, after=after)
    wire.watch = tiers.check_nothing_is_lost
    with pytest.raises(Killed):
        tiers.mover(wire).run(0, 1, budget=60)
    tiers.check_nothing_is_lost()
    if late:
        tiers.write(*(row(device, DUE - DAY / 2 + n, f"late{n}") for n, device in enumerate(DEVICES)))
    tiers.now += 1_000  # the claim of the dead run has ended
    again = Tripwire()
    again.watch = tiers.check_nothing_is_lost
    assert tiers.mover(again).run(0, 1, budget=60).done
    # Rows that have come of age meanwhile would be due too; here there are none.
    tiers.check_moved()


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_call(after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_rows, "MAX_ROWS", 4)
    monkeypatch.setattr(due_rows, "_PAGE", 2)
    monkeypatch.setattr(due_rows, "_FIRST_PAGE", 1)
    made = many(14, DEVICES, days=2, start=DUE - 2 * DAY)
    counted = Tiers.empty()
    counted.write(*made)
    calls = steps(counted)
    assert calls > 50
    for kill in range(1, calls + 1):
        killed_and_again(list(made), kill, after)


@pytest.mark.parametrize("error", [Retry("Not now."), OSError("broken")])
def test_every_call_fails_once(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_rows, "MAX_ROWS", 4)
    made = many(9, DEVICES, days=1, start=DUE - DAY)
    counted = Tiers.empty()
    counted.write(*made)
    for number in range(1, steps(counted) + 1):
        tiers = Tiers.empty()
        tiers.write(*made)
        wire = Tripwire()

        def fail(wire: Tripwire = wire, number: int = number) -> None:
            if wire.calls == number:
                raise error

        wire.watch = fail
        mover = tiers.mover(wire)
        try:
            mover.run(0, 1, budget=60)
        except (Retry, OSError):
            tiers.check_nothing_is_lost()
        tiers.now += 1_000
        run(tiers)
        tiers.check_moved()


@bounded
@given(st.data())
def test_rows_of_chance_and_kills_of_chance(data: st.DataObject) -> None:
    made = data.draw(
        st.lists(
            st.builds(
                row,
                st.sampled_from(DEVICES),
                st.integers(-40, 4).map(lambda hours: DUE + hours * 3600.0),
                st.text("ab9_:.~-", max_size=2).map(lambda text: f"e{text}"),
                st.sampled_from(['{"t":1}', r'{"t":"\u00e9\ud83d\n"}']),
            ),
            max_size=25,
        )
    )
    tiers = Tiers.empty()
    tiers.write(*made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(due_rows, "MAX_ROWS", data.draw(st.integers(1, 6)))
        patch.setattr(due_rows, "_PAGE", data.draw(st.integers(1, 5)))
        patch.setattr(due_rows, "_FIRST_PAGE", data.draw(st.integers(1, 5)))
        for _ in range(data.draw(st.integers(0, 4))):
            wire = Tripwire(data.draw(st.integers(1, 60)), after=data.draw(st.booleans()))
            wire.watch = tiers.check_nothing_is_lost
            try:
                tiers.mover(wire).run(0, 1, budget=60)
            except Killed:
                tiers.check_nothing_is_lost()
            for late in data.draw(st.lists(st.integers(-40, 4), max_size=3)):
                tiers.write(row(at=DUE + late * 3600.0, id=f"late{len(tiers.written)}"))
            tiers.now += 700
        run(tiers)
    tiers.check_moved()


def test_another_number_of_partitions_settles_what_the_last_one_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_rows, "MAX_ROWS", 4)
    made = many(14, DEVICES, days=1, start=DUE - DAY)
    counted = Tiers.empty()
    counted.write(*made)
    for kill in range(1, steps(counted) + 1):
        tiers = Tiers.empty()
        tiers.write(*made)
        with pytest.raises(Killed):
            tiers.mover(Tripwire(kill)).run(0, 1, budget=60)
        claimed, began = bool(tiers.notes("~cold_mover_claims")), bool(tiers.notes("~cold_mover"))
        if claimed:
            assert not tiers.mover().run(1, 2, budget=60).done
        tiers.now += 1_000
        assert tiers.mover().run(1, 2, budget=60).done is not began
        assert tiers.mover().run(0, 2, budget=60).done
        assert tiers.mover().run(1, 2, budget=60).done
        tiers.check_moved()


def test_two_runs_at_once() -> None:
    for number in range(10):
        tiers = Tiers.empty()
        tiers.write(*many(60, DEVICES))
        mover = tiers.mover()
        threads = [
            threading.Thread(target=mover.run, args=(0, 1), kwargs={"budget": 60})
            for _ in range(2 + number % 2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run(tiers)
        tiers.check_moved()


def test_a_run_meets_another_at_every_call() -> None:
    made = many(6, DEVICES, days=1, start=DUE - DAY)
    counted = Tiers.empty()
    counted.write(*made)
    for at in range(1, steps(counted) + 1):
        tiers = Tiers.empty()
        tiers.write(*made)
        wire = Tripwire()

        def meet(wire: Tripwire = wire, at: int = at, tiers: Tiers = tiers) -> None:
            tiers.check_nothing_is_lost()
            if wire.calls == at:
                tiers.mover().run(0, 1, budget=60)

        wire.watch = meet
        tiers.mover(wire).run(0, 1, budget=60)
        run(tiers)
        tiers.check_moved()


@pytest.mark.parametrize("expires", [True, False])
def test_rows_on_hold_stay_and_others_of_the_range_move(expires: bool) -> None:
    tiers = Tiers.empty()
    until = int(tiers.now) + 7 * DAY
    held = Hold("thermostat-1", times.from_epoch(DUE - 2 * DAY), times.from_epoch(DUE - DAY), until)
    holds.put(tiers.hot, held, clock=lambda: tiers.now)
    back = [row(at=DUE - 1.5 * DAY, id=f"back{n}")._replace(expires=until) for n in range(3)]
    tiers.hot.put(back)
    tiers.write(row(at=DUE - 1.5 * DAY, id="late"), row(at=DUE - 2.5 * DAY), row(at=DUE - 1, id="after"))
    run(tiers, expires=expires)
    assert set(tiers.in_cold()) == tiers.written.keys()
    assert {(each.device, each.key) for each in back} <= tiers.in_hot()
    tiers.now = until + 1  # the rows have expired, and are still there
    run(tiers, expires=expires)
    assert set(tiers.in_cold()) == tiers.written.keys()
    left = {each.key for each in back} & {key for _, key in tiers.in_hot()}
    assert len(left) == (3 if expires else 0), "DynamoDB deletes them without charge"
    assert len(tiers.notes("~holds")) == (1 if expires else 0)


def test_a_store_without_expiry_is_emptied_of_what_has_moved() -> None:
    tiers = Tiers.empty()
    tiers.write(*many(95, DEVICES), row(at=DUE + DAY, id="new"))
    run(tiers, expires=False)
    tiers.check_moved()
    assert tiers.in_hot() == tiers.written.keys() - tiers.due()
    tiers.write(row(id="late"))
    run(tiers, expires=False)
    assert tiers.in_hot() == tiers.written.keys() - tiers.due()


def test_a_store_that_expires_its_rows_is_left_as_it_is() -> None:
    tiers = Tiers.empty()
    tiers.write(*many(95, DEVICES))
    wire = Tripwire()
    deleted: list[str] = []
    delete = tiers.hot.delete
    tiers.hot.delete = lambda device, keys: (deleted.append(device), delete(device, keys))[1]  # type: ignore[method-assign]
    run(tiers, wire=wire)
    assert all(device.startswith("~") for device in deleted)
    assert tiers.in_hot() == tiers.written.keys()


def test_rows_that_are_brought_back_during_a_run_stay() -> None:
    tiers = Tiers.empty()
    until = int(tiers.now) + DAY
    held = Hold("thermostat-1", times.from_epoch(DUE - 2 * DAY), times.from_epoch(DUE), until)
    back = row(id="back")._replace(expires=until)
    tiers.write(row(id="other"), row("pump-1"))
    calls = steps(tiers)
    for at in range(1, calls + 1):
        tiers = Tiers.empty()
        tiers.write(row(id="other"), row("pump-1"))
        wire = Tripwire()

        def bring(wire: Tripwire = wire, at: int = at, tiers: Tiers = tiers) -> None:
            if wire.calls == at:
                holds.put(tiers.hot, held, clock=lambda: tiers.now)
                tiers.hot.put([back])

        wire.watch = bring
        tiers.mover(wire).run(0, 1, budget=60)
        assert (back.device, back.key) in tiers.in_hot()
        assert (back.device, back.key) not in tiers.in_cold()


def peak(rows: int, devices: int) -> tuple[int, int]:
    """The most memory that a run takes in bytes, and the number of its files."""
    named = {f"thermostat-{n}": "thermostat" for n in range(devices)}
    twin = model.parse(DOCUMENT | {"devices": named, "cold_days": 90})
    store, sink = MadeUpStore(list(named), rows // devices, start=int(DUE) - 90 * DAY, step=60), Counting()
    mover = ColdMover(
        twin=twin,
        store=store,
        sink=sink,
        log=log()[0],
        clock=lambda: NOW,
        sleep=lambda _: None,
        workers=1,
    )
    tracemalloc.start()
    assert mover.run(0, 1, budget=60).done
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (sink.rows, store.left()) == (rows, 0)
    return found, sink.files


def test_memory_does_not_grow_with_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_rows, "MAX_ROWS", 200)
    monkeypatch.setattr(due_rows, "_PAGE", 50)
    few, _ = peak(200, 5)
    more, files = peak(2_000, 5)
    assert files == 10
    assert more < few * 1.2


@pytest.mark.slow
def test_memory_is_the_same_for_5_000_rows_and_for_50_000() -> None:
    few, _ = peak(5_000, 100)
    more, files = peak(50_000, 100)
    assert files == 10
    assert more < few * 1.2 < 15_000_000
