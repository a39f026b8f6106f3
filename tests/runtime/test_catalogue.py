"""Each row is in one file, and the index finds it there: whatever dies, meets, comes twice or is merged."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from support.memory import MemoryObjects
from support.samples import log
from support.tiers import DAY, DUE, NOW, TWIN, Identity, Killed, Tripwire, Wired, many, row, unpacked
from twin_runtime import times
from twin_runtime.errors import Refused, Retry
from twin_runtime.ports import Row
from twin_runtime.storage.range_query import RangeQuery
from twin_runtime.tiers import catalogue as module
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.catalogue import Catalogue
from twin_runtime.tiers.index import ADOPTED, PENDING, Index
from twin_runtime.tiers.tier_files import EVENTS, File
from twin_runtime.tiers.tier_reader import TierReader

DEVICES = ["thermostat-1", "thermostat-2", "thermostat-3", "thermostat-4"]
KEPT = replace(TWIN, archive_days=None)


class Cold:
    """A cold tier; `now` is what its catalogues take the time for."""

    def __init__(self) -> None:
        self.objects = MemoryObjects()
        self.now = NOW
        self.log, self.lines = log("cold_mover")

    def catalogue(self, wire: Tripwire | None = None, *, workers: int = 1) -> Catalogue:
        objects: Any = Wired(self.objects, wire or Tripwire())
        return Catalogue(objects, KEPT, log=self.log, clock=lambda: self.now, workers=workers)

    def files(self) -> list[str]:
        return list(self.objects.names(EVENTS))

    def in_files(self) -> Counter[Identity]:
        return Counter(
            (each.device, each.key)
            for name in self.files()
            for each in unpacked(name, self.objects.kept[name][0])
        )

    def indexed(self) -> Counter[Identity]:
        """What the index finds, of the devices; each entry has as many rows as it says."""
        found: Counter[Identity] = Counter()
        for device in DEVICES:
            for entry in self.catalogue().find(device):
                body = self.objects.get(entry.file, start=entry.offset, length=entry.length)
                keys = [key for key, _ in tier_files.events_of(body, KEPT, device)]
                assert (entry.rows, entry.first, entry.last) == (len(keys), keys[0], keys[-1])
                found.update((device, key) for key in keys)
        return found

    def check(self, *rows: Row) -> None:
        """Each of the rows, and no other, is in one file, and found in it; and nothing is pending."""
        wanted = Counter({(each.device, each.key): 1 for each in rows})
        assert self.in_files() == wanted
        assert self.indexed() == wanted
        assert list(self.objects.names(PENDING)) == []


def packed(rows: Sequence[Row]) -> File:
    return tier_files.pack(sorted(rows, key=lambda each: (each.device, each.key)), KEPT, "thermostat")


def of_day(count: int, devices: Sequence[str] = DEVICES, *, first: int = 0) -> list[Row]:
    """Rows of one day, from number `first` on."""
    return [
        row(devices[n % len(devices)], DUE - DAY + n * 60.0, f"e{n}", f'{{"n":{n}}}', subject="thermostat")
        for n in range(first, first + count)
    ]


def test_what_is_added_is_found() -> None:
    cold, rows = Cold(), of_day(40)
    file = packed(rows)
    stored = cold.catalogue().add(file)
    assert stored == (file.name, len(file.body), file.rows, file.sha256)
    assert cold.files() == [file.name]
    cold.check(*rows)


def test_adding_again_is_adding_once() -> None:
    cold, rows = Cold(), of_day(40)
    for some in (rows, rows, rows[:10], rows[5:30], [*rows, *of_day(5, first=40)], rows):
        file = packed(some)
        assert cold.catalogue().add(file).sha256 == file.sha256
    cold.check(*rows, *of_day(5, first=40))
    assert sorted(tier_files.parse_name(name).rows for name in cold.files()) == [5, 40]


def test_a_file_that_was_deleted_is_stored_again() -> None:
    cold, rows = Cold(), of_day(40)
    file = packed(rows)
    for _ in range(2):
        cold.catalogue().add(file)
        cold.check(*rows)
        cold.objects.delete(file.name)
    cold.catalogue().add(packed(rows[:30]))
    assert cold.in_files().keys() == {(each.device, each.key) for each in rows[:30]}
    assert {line["name"] for line in cold.lines.named("file_unread")} == {file.name}


def test_a_file_that_was_deleted_is_stored_again_but_for_what_others_have() -> None:
    cold, rows = Cold(), of_day(8)
    file = packed(rows)
    cold.catalogue().add(file)
    cold.objects.delete(file.name)
    cold.catalogue().add(packed(rows[:3]))
    cold.catalogue().add(file)
    assert cold.in_files() == Counter({(each.device, each.key): 1 for each in rows})


def test_two_rows_with_a_key_are_both_kept_and_the_first_is_read() -> None:
    cold, rows = Cold(), of_day(8)
    one = rows[0]
    other = one._replace(data='{"n":7}')
    cold.catalogue().add(packed(rows))
    cold.catalogue().add(packed([one._replace(traceparent=f"00-{'3' * 32}-{'4' * 16}-01")]))
    assert not cold.lines.named("file_conflict")
    for _ in range(3):
        cold.now += 60
        cold.catalogue().add(packed([other]))
    conflicts = [(line["device"], line["id"]) for line in cold.lines.named("file_conflict")]
    assert conflicts == [(one.device, one.id)], "what is there already is no new conflict"
    kept = {(each.id, each.data) for name in cold.files() for each in unpacked(name, cold.objects.get(name))}
    assert kept == {(each.id, each.data) for each in [*rows, other]}
    reader = TierReader(cold.objects, KEPT, clock=lambda: cold.now)
    for descending in (False, True):
        query = RangeQuery(one.device, times.EARLIEST, times.LATEST, 10, None, descending)
        found = dict(reader.page(query).events)
        assert len(found) == sum(each.device == one.device for each in rows)
        assert '"n":0' in found[one.key]


def test_rows_with_a_key_stay_in_two_files_when_files_are_merged() -> None:
    cold, rows = Cold(), of_day(40)
    other = rows[0]._replace(data='{"n":-1}')
    for n in range(1, 8):
        cold.catalogue().add(packed([rows[0], *rows[n::7]]))
        cold.catalogue().add(packed([other, *rows[n::7]]))
    assert cold.lines.named("merged")
    wanted = Counter((each.device, each.key) for each in [*rows, other])
    assert cold.in_files() == cold.indexed() == wanted
    kept = {(each.id, each.data) for name in cold.files() for each in unpacked(name, cold.objects.get(name))}
    assert kept == {(each.id, each.data) for each in [*rows, other]}


def test_rows_of_two_types_of_a_day() -> None:
    cold, rows = Cold(), of_day(8)
    cold.catalogue().add(packed(rows))
    lamps = [each._replace(subject="lamp") for each in [*rows, *of_day(4, first=8)]]
    cold.catalogue().add(tier_files.pack(sorted(lamps, key=lambda r: (r.device, r.key)), KEPT, "lamp"))
    cold.check(*rows, *of_day(4, first=8))


@pytest.mark.parametrize("descending", [False, True])
def test_a_range_is_found_in_order(descending: bool) -> None:
    cold = Cold()
    rows = many(60, DEVICES[:1], days=90, start=DUE - 90 * DAY)
    for each in rows:
        cold.catalogue().add(packed([each]))
    wanted = [each.key for each in rows[10:50]]
    found = cold.catalogue().find(DEVICES[0], rows[10].time, rows[50].time, descending=descending)
    assert [entry.first for entry in found] == (wanted[::-1] if descending else wanted)
    rest = cold.catalogue().find(
        DEVICES[0], rows[10].time, rows[50].time, cursor=rows[30].key, descending=descending
    )
    assert [entry.first for entry in rest] == (wanted[:20][::-1] if descending else wanted[21:])
    assert list(cold.catalogue().find("thermostat-2")) == []


# What dies.


def lived(cold: Cold, at: int, after: bool, work: Callable[[Catalogue], Any]) -> bool:
    """Whether work was done before call number `at` of the store; who does it dies there, before or after."""
    wire = Tripwire(at, after=after)
    try:
        work(cold.catalogue(wire))
    except Killed:
        cold.now += 700
        return False
    return True


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("again", ["same", "more", "less and more"])
def test_adding_dies_at_any_call(after: bool, again: str) -> None:
    rows, more = of_day(24), of_day(32)
    second = {"same": rows, "more": more, "less and more": more[6:]}[again]
    for at in range(1, 200):
        cold = Cold()
        cold.catalogue().add(packed(of_day(4)))
        done = lived(cold, at, after, lambda its: its.add(packed(rows)))
        found = cold.in_files()
        assert not done or found.keys() >= {(each.device, each.key) for each in rows}
        # The next run settles, then adds what it has; or it adds first, and another settles later.
        if at % 2:
            assert cold.catalogue().settle()
        cold.catalogue().add(packed(second))
        cold.catalogue().add(packed(rows))
        cold.now += 8_000
        assert cold.catalogue().settle()
        cold.check(*rows, *second)
        if done:
            assert at > 20
            return
    raise AssertionError("adding has no end")


@pytest.mark.parametrize("after", [False, True])
def test_settling_dies_at_any_call(after: bool) -> None:
    rows = of_day(24)
    for at in range(1, 200):
        cold = Cold()
        cold.catalogue().add(packed(of_day(4)))
        lived(cold, 14, False, lambda its: its.add(packed(rows)))
        assert list(cold.objects.names(PENDING))
        cold.catalogue().add(packed(rows[3:9]))
        done = lived(cold, at, after, lambda its: its.settle())
        cold.now += 8_000
        cold.catalogue().settle()
        cold.catalogue().add(packed(rows))
        cold.check(*rows)
        if done:
            assert at > 15
            return
    raise AssertionError("settling has no end")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kept", [[], DEVICES[:1], DEVICES[1:]])
def test_rewriting_dies_at_any_call(after: bool, kept: list[str]) -> None:
    rows = of_day(24)
    wanted = [each for each in rows if each.device in kept]
    for at in range(1, 200):
        cold = Cold()
        cold.catalogue().add(packed(rows))
        (name,) = cold.files()

        def without(its: Catalogue, name: str = name) -> None:
            its.rewrite(name, lambda row: row.device in kept)

        done = lived(cold, at, after, without)
        assert cold.in_files().keys() >= {(each.device, each.key) for each in wanted}
        if at % 2:
            cold.catalogue().settle()
        for name in cold.files():
            without(cold.catalogue(), name)
        cold.now += 8_000
        assert cold.catalogue().settle()
        cold.check(*wanted)
        if done:
            assert at > 8
            return
    raise AssertionError("rewriting has no end")


# Writers at a time.


@pytest.mark.parametrize("others", ["same", "some", "more", "none"])
def test_two_writers_at_a_time(others: str) -> None:
    """Whatever one does in the midst of the other."""
    rows = of_day(24)
    second = {
        "same": rows,
        "some": rows[5:12],
        "more": [*rows[7:], *of_day(5, first=24)],
        "none": of_day(9, first=24),
    }[others]
    for at in range(1, 200):
        cold, wire = Cold(), Tripwire()

        def meet(wire: Tripwire = wire, at: int = at, cold: Cold = cold) -> None:
            if wire.calls == at:
                cold.catalogue().add(packed(second))

        wire.watch = meet
        cold.catalogue(wire).add(packed(rows))
        if wire.calls < at:
            assert at > 15
            return
        cold.now += 8_000
        assert cold.catalogue().settle()
        cold.check(*{(each.device, each.key): each for each in [*rows, *second]}.values())
    raise AssertionError("adding has no end")


def test_writers_meet_and_die_at_random() -> None:
    """Adding, settling and rewriting, each in the midst of others, some of which die."""
    for seed in range(100):
        dice, cold = random.Random(seed), Cold()
        rows = of_day(60)
        erased = {(each.device, each.key) for each in rows if each.device == DEVICES[0]}

        def act(depth: int, cold: Cold = cold, dice: random.Random = dice, rows: list[Row] = rows) -> None:
            wire = Tripwire(dice.randrange(1, 60) if dice.random() < 0.5 else None, after=dice.random() < 0.5)
            at = dice.randrange(1, 40)

            def meet() -> None:
                if wire.calls == at and depth < 3:
                    act(depth + 1)

            wire.watch = meet
            its = cold.catalogue(wire)
            start = dice.randrange(50)
            try:
                match dice.randrange(6):
                    case 0:
                        cold.now += 700
                        its.settle()
                    case 1 if cold.files():
                        its.rewrite(dice.choice(cold.files()), lambda row: row.device != DEVICES[0])
                    case _:
                        its.add(packed(rows[start : start + dice.randrange(1, 25)]))
            except Killed:
                pass
            except (Retry, Refused):
                pass

        for _ in range(12):
            act(0)
        for _ in range(3):
            cold.now += 8_000
            assert cold.catalogue().settle()
        cold.catalogue().add(packed(rows))
        wanted = Counter((each.device, each.key) for each in rows)
        assert cold.indexed() == wanted, seed
        assert cold.in_files() == wanted, seed
        for _ in range(3):
            for entry in cold.catalogue().find(DEVICES[0]):
                try:
                    cold.catalogue().rewrite(entry.file, lambda row: row.device != DEVICES[0])
                except Refused:
                    continue
        assert not cold.in_files().keys() & erased
        cold.check(*(each for each in rows if each.device != DEVICES[0]))


def test_threads_at_a_time() -> None:
    from concurrent.futures import ThreadPoolExecutor

    cold, rows = Cold(), of_day(200, [f"thermostat-{n}" for n in range(1, 40)])
    cold.catalogue().settle()
    files = [packed(rows[at : at + 40]) for at in range(0, 180, 10)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda file: cold.catalogue(workers=4).add(file), files))
    cold.now += 700
    assert cold.catalogue().settle()
    wanted = Counter((each.device, each.key) for each in rows)
    assert cold.in_files() == wanted


# Files that overlap.


def test_files_that_overlap_are_merged() -> None:
    cold, rows = Cold(), of_day(400, DEVICES[:2])
    dice = random.Random(3)
    late = dice.sample(rows, 60)
    cold.catalogue().add(packed([each for each in rows if each not in late]))
    most = 0
    for at in range(0, 60, 3):
        cold.catalogue().add(packed(late[at : at + 3]))
        entries = list(cold.catalogue().find(DEVICES[0]))
        most = max(
            most, *(sum(other.overlaps(each.first, each.first) for other in entries) for each in entries)
        )
    assert most <= module.MOST_OVERLAPPING
    cold.check(*rows)
    assert len(cold.files()) <= module.MOST_OVERLAPPING + 1


def test_a_merged_file_is_no_longer_than_files_may_be() -> None:
    """Each row has more text than data: files of as many rows as a file may have would be too long."""
    cold, devices = Cold(), [f"thermostat-{n}-{'x' * 100}" for n in range(2)]
    rows = [
        row(devices[n // 4 % 2], DUE - DAY + n, f"{n:0128}", f'{{"a":"{"y" * 1_190}"}}', subject="thermostat")
        for n in range(9_600)
    ]
    for n in range(4):
        cold.catalogue().add(packed(rows[n::4]))
    assert cold.lines.named("merged")[0]["files"] == 2, "all four are longer"
    assert cold.in_files() == Counter((each.device, each.key) for each in rows)
    assert len(cold.files()) == 3


@pytest.mark.parametrize("after", [False, True])
def test_merging_dies_at_any_call(after: bool) -> None:
    rows = of_day(40, DEVICES[:2])
    for at in range(1, 200):
        cold = Cold()
        for some in (rows[::5], rows[1::5], rows[2::5]):
            cold.catalogue().add(packed(some))
        done = lived(cold, at, after, lambda its: its.add(packed(rows[3::5])))
        cold.catalogue().settle()
        cold.catalogue().add(packed(rows))
        cold.now += 8_000
        assert cold.catalogue().settle()
        cold.check(*rows)
        if done:
            assert at > 25
            return
    raise AssertionError("merging has no end")


# Files of the release before.


def old(cold: Cold, *batches: Sequence[Row], frozen: Sequence[int] = ()) -> list[str]:
    """Files that no index names."""
    names: list[str] = []
    for number, rows in enumerate(batches):
        file = packed(rows)
        cold.objects.put(file.name, file.body, rows=file.rows, sha256=file.sha256)
        names.append(file.name)
        if number in frozen:
            cold.objects.frozen.add(file.name)
    return names


def test_files_of_the_release_before_are_indexed_first() -> None:
    cold, rows = Cold(), many(60, DEVICES, days=3)
    days = [[each for each in rows if each.time[:10] == day] for day in sorted({r.time[:10] for r in rows})]
    old(cold, *days)
    with pytest.raises(Retry, match="not indexed yet"):
        cold.catalogue().add(packed(days[0][:3]))
    for at in range(1, 400):
        if lived(cold, at, False, lambda its: its.settle()):
            break
    cold.now += 700
    cold.catalogue().settle()
    cold.catalogue().add(packed(days[0]))
    cold.check(*rows)
    assert not Index(cold.objects).read(ADOPTED)[0].get("before")


def test_what_a_function_of_the_release_before_still_puts_is_indexed_later() -> None:
    cold, rows = Cold(), of_day(40)
    old(cold, rows[:10])
    assert cold.catalogue().settle()
    old(cold, rows[10:30])
    cold.catalogue().add(packed(rows[20:]))
    assert cold.catalogue().settle()
    assert cold.in_files().most_common(1)[0][1] == 2
    cold.now += 3_700
    assert cold.catalogue().settle()
    cold.check(*rows)
    calls = Tripwire()
    cold.catalogue(calls).settle()
    assert calls.calls == 2


def test_a_file_that_cannot_be_read_is_noted() -> None:
    cold, rows = Cold(), of_day(8)
    old(cold, rows, frozen=[0])
    assert cold.catalogue().settle()
    day = rows[0].time[:10]
    assert day < Index(cold.objects).read(ADOPTED)[0]["before"] <= "2024-05-02"
    assert len(cold.lines.named("file_unread")) == 1
    cold.catalogue().add(packed(of_day(4, first=8)))
    assert sum(cold.indexed().values()) == 4
