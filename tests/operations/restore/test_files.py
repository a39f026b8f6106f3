"""Which files are chosen, what is read from them, and what is put back into the hot store; in memory."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from operations.errors import OperationError, UsageError
from operations.restore.files import File, Range, find
from operations.restore.locations import Location, Locations, of_outputs
from operations.restore.reading import Reader
from operations.restore.restoring import load
from support.catalogue import MemoryCatalogue
from support.memory import MemoryCloud, MemoryObjects, MemoryStore
from support.samples import TWIN
from twin_runtime import times
from twin_runtime.errors import Retry
from twin_runtime.ports import Unstored
from twin_runtime.storage import holds
from twin_runtime.storage.holds import Holds
from twin_runtime.tiers.due_rows import Turns

from . import samples
from .samples import DAYS, DEVICE, TYPE

COLD = Location("cold", "azure", "cold")
ARCHIVE = Location("archive", "gcp", "archive")
RANGE = Range(DEVICE, TYPE, times.normalise(samples.FROM), times.normalise(samples.TO))
KEYS = [
    f"{day}T{hour}"
    for day, hour in (("2024-02-26", 15), ("2024-02-27", 12), ("2024-02-27", 15), ("2024-02-28", 12))
]
NOW = 1_800_000_000.0
DAY = 86_400


@pytest.fixture
def cloud() -> MemoryCloud:
    return MemoryCloud()


@pytest.fixture
def cold(cloud: MemoryCloud) -> MemoryObjects:
    made = cloud.objects(COLD.address)
    samples.put(made, *(samples.file(samples.rows_of(day)) for day in DAYS))
    return made


def reader(cloud: Any) -> Reader:
    return Reader(lambda _: cloud, TWIN, RANGE)


def found(*objects: tuple[Location, MemoryObjects]) -> list[File]:
    return find([(location, MemoryCatalogue(each)) for location, each in objects], RANGE)


def moments(rows: Any) -> list[str]:
    return [row.time[:13] for row in rows]


class TestChoice:
    def test_files_of_the_days_and_devices_alone(self, cold: MemoryObjects) -> None:
        samples.put(cold, samples.file(samples.rows_of(DAYS[2], ["thermostat-2", "thermostat-3"])))
        samples.put(cold, samples.file([samples.row("other", DAYS[2], 1)]))
        cold.put("events/readme.txt", b"x", rows=1, sha256=hashlib.sha256(b"x").hexdigest())
        chosen = found((COLD, cold))
        assert [file.name.day for file in chosen] == list(DAYS[1:4])
        assert all(file.name.first == DEVICE for file in chosen)

    def test_no_day_is_left_out_at_midnight(self) -> None:
        whole = replace(RANGE, start="2024-02-26T00:00:00.000000Z", end="2024-02-27T00:00:00.000000Z")
        assert [day for day in DAYS if whole.has_day(day)] == ["2024-02-26"]
        longer = replace(whole, end="2024-02-27T00:00:00.000001Z")
        assert [day for day in DAYS if longer.has_day(day)] == ["2024-02-26", "2024-02-27"]

    def test_only_what_the_days_have_in_common_is_listed(self, cold: MemoryObjects) -> None:
        catalogue = MemoryCatalogue(cold)
        find([(COLD, catalogue)], RANGE)
        find([(COLD, catalogue)], replace(RANGE, start="1999-12-31T00:00:00.000000Z"))
        assert catalogue.prefixes == ["events/type=thermostat/day=2024-02-2", "events/type=thermostat/day="]

    def test_a_file_in_two_tiers_is_taken_where_it_can_be_read(
        self, cloud: MemoryCloud, cold: MemoryObjects
    ) -> None:
        archive = cloud.objects(ARCHIVE.address)
        samples.put(archive, *(samples.file(samples.rows_of(day)) for day in DAYS))
        archive.frozen.update(archive.kept)
        for order in ([(COLD, cold), (ARCHIVE, archive)], [(ARCHIVE, archive), (COLD, cold)]):
            chosen = found(*order)
            assert len(chosen) == 3
            assert {file.location for file in chosen} == {COLD}

    def test_the_tier_is_told_by_the_class_where_a_bucket_holds_both(self, cold: MemoryObjects) -> None:
        first = min(name for name in cold.kept if DAYS[1] in name)
        chosen = find([(COLD, MemoryCatalogue(cold, {first}))], RANGE)
        assert [file.tier for file in chosen] == ["archive", "cold", "cold"]
        assert [file.tier for file in found((ARCHIVE, cold))] == ["archive"] * 3


class TestReading:
    def test_each_event_once_and_in_order(self, cloud: MemoryCloud, cold: MemoryObjects) -> None:
        # A mover that was killed may write some rows again, in another file.
        samples.put(
            cold, samples.file(samples.rows_of(DAYS[2])[1:]), samples.file(samples.rows_of(DAYS[3])[:1])
        )
        chosen = found((COLD, cold))
        assert len(chosen) == 5
        rows = list(reader(cloud).rows(chosen))
        assert moments(rows) == KEYS
        assert {row.device for row in rows} == {DEVICE}
        assert [row.data for row in rows] == ['{"temperature":20.0}'] * 4

    def test_both_of_two_rows_with_one_key(self, cloud: MemoryCloud, cold: MemoryObjects) -> None:
        samples.put(cold, samples.file([samples.row(DEVICE, DAYS[2], 12, value=30.0)]))
        rows = list(reader(cloud).rows(found((COLD, cold))))
        assert moments(rows) == [*KEYS[:2], *KEYS[1:]]
        assert {row.data for row in rows[1:3]} == {'{"temperature":20.0}', '{"temperature":30.0}'}
        store = MemoryStore()
        loaded = load(store, rows, RANGE, days=7, clock=lambda: NOW)
        assert (loaded.rows, loaded.left_out) == (4, (rows[1].key,))
        assert rows[1]._replace(expires=NOW + 7 * DAY) in store.rows.values()

    def test_archived_files_are_retrieved_and_then_read(
        self, cloud: MemoryCloud, cold: MemoryObjects
    ) -> None:
        cold.frozen.update(name for name in cold.kept if DAYS[2] in name)
        chosen, read = found((COLD, cold)), reader(cloud)
        late = read.retrieve(chosen, days=7)
        assert [file.name.day for file in late] == [DAYS[2]]
        assert read.retrieve(found((COLD, cold)), days=7) == []
        assert moments(read.rows(found((COLD, cold)))) == KEYS

    def test_a_damaged_file_is_told_and_none_of_it_is_read(
        self, cloud: MemoryCloud, cold: MemoryObjects
    ) -> None:
        name = next(name for name in cold.kept if DAYS[2] in name)
        body, stored = cold.kept[name]
        cold.kept[name] = (samples.file(samples.rows_of(DAYS[2])[:3]).body, stored)
        rows = reader(cloud).rows(found((COLD, cold)))
        assert moments([next(rows)]) == KEYS[:1]
        with pytest.raises(OperationError, match="is damaged: The rows are not those that the name tells of"):
            next(rows)
        cold.kept[name] = (body[:-4], stored)
        with pytest.raises(OperationError, match="not whole gzip"):
            list(reader(cloud).rows(found((COLD, cold))))

    def test_a_file_that_went_on_meanwhile(self, cloud: MemoryCloud, cold: MemoryObjects) -> None:
        chosen = found((COLD, cold))
        cold.delete(chosen[1].entry.name)
        with pytest.raises(OperationError, match="Run the command again"):
            list(reader(cloud).rows(chosen))


class TestLoading:
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    def load(
        self, store: MemoryStore, cloud: MemoryCloud, cold: MemoryObjects, days: int = 7, now: float = NOW
    ) -> Any:
        rows = reader(cloud).rows(found((COLD, cold)))
        return load(store, rows, RANGE, days=days, clock=lambda: now)

    @staticmethod
    def loaded(store: MemoryStore) -> dict[str, int]:
        return {row.time[:13]: row.expires for row in store.rows.values() if row.device == DEVICE}

    def test_rows_come_back_for_some_days(
        self, store: MemoryStore, cloud: MemoryCloud, cold: MemoryObjects
    ) -> None:
        done = self.load(store, cloud, cold)
        assert (done.rows, done.until) == (4, NOW + 7 * DAY)
        assert self.loaded(store) == dict.fromkeys(KEYS, NOW + 7 * DAY)
        (hold,) = holds.read(store)
        assert hold == holds.Hold(DEVICE, RANGE.start, RANGE.end, int(NOW + 7 * DAY))

    def test_running_twice_is_running_once(
        self, store: MemoryStore, cloud: MemoryCloud, cold: MemoryObjects
    ) -> None:
        self.load(store, cloud, cold)
        before = dict(store.rows)
        assert self.load(store, cloud, cold, now=NOW + 600).until == NOW + 7 * DAY
        assert store.rows == before
        assert self.load(store, cloud, cold, days=2, now=NOW + 600).until == NOW + 7 * DAY
        assert store.rows == before

    def test_a_later_run_makes_the_time_longer(
        self, store: MemoryStore, cloud: MemoryCloud, cold: MemoryObjects
    ) -> None:
        self.load(store, cloud, cold)
        done = self.load(store, cloud, cold, now=NOW + DAY)
        assert done.until == NOW + 8 * DAY
        assert self.loaded(store) == dict.fromkeys(KEYS, NOW + 8 * DAY)

    def test_part_of_a_range_stays_as_long_as_the_whole(
        self, store: MemoryStore, cloud: MemoryCloud, cold: MemoryObjects
    ) -> None:
        self.load(store, cloud, cold)
        part = replace(RANGE, start="2024-02-27T00:00:00.000000Z")
        rows = [row for row in reader(cloud).rows(found((COLD, cold))) if part.has(row)]
        assert load(store, rows, part, days=1, clock=lambda: NOW).until == NOW + 7 * DAY
        assert self.loaded(store) == dict.fromkeys(KEYS, NOW + 7 * DAY)

    def test_a_hold_that_ends_soon_is_none_for_a_day(
        self, store: MemoryStore, cloud: MemoryCloud, cold: MemoryObjects
    ) -> None:
        self.load(store, cloud, cold, days=1)
        assert self.load(store, cloud, cold, days=1, now=NOW + DAY - 60).until == NOW + 2 * DAY - 60

    def test_the_mover_leaves_them_until_then(
        self, store: MemoryStore, cloud: MemoryCloud, cold: MemoryObjects
    ) -> None:
        late = samples.row(DEVICE, "2024-01-01", 1)
        store.put([late])
        self.load(store, cloud, cold)

        turns = Turns(
            store,
            {DEVICE: (times.EARLIEST, None)},
            before="2024-06-01T00:00:00.000000Z",
            holds=Holds(holds.read(store)),
        )
        assert [row for batch in turns.all() for row in batch.rows] == [late]

    def test_the_hold_comes_before_the_rows(
        self, store: MemoryStore, cloud: MemoryCloud, cold: MemoryObjects
    ) -> None:
        name = next(iter(found((COLD, cold)))).entry.name
        cold.kept[name] = (b"", cold.kept[name][1])
        with pytest.raises(OperationError, match="damaged"):
            self.load(store, cloud, cold)
        assert holds.read(store)
        assert self.loaded(store) == {}

    def test_a_row_that_the_store_refuses(
        self, store: MemoryStore, cloud: MemoryCloud, cold: MemoryObjects
    ) -> None:
        store.unstored = [[], [Unstored(0, "It is too large.", permanent=True)]]
        with pytest.raises(OperationError, match=r"It is too large\. Run the command again"):
            self.load(store, cloud, cold)

    def test_a_mover_that_took_rows_back_is_noticed(
        self, store: MemoryStore, cloud: MemoryCloud, cold: MemoryObjects, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put = store.put

        def losing(rows: Any, **bounds: Any) -> Any:
            missed = put(rows, **bounds)
            store.rows.pop((rows[0].device, rows[0].key)) if rows[0].device == DEVICE else None
            return missed

        monkeypatch.setattr(store, "put", losing)
        with pytest.raises(OperationError, match="Only 3 of 4 rows are in the hot store"):
            self.load(store, cloud, cold)

    def test_a_store_that_is_away(self, store: MemoryStore, cloud: MemoryCloud, cold: MemoryObjects) -> None:
        store.faults.ahead = [Retry("It is away.")]
        with pytest.raises(Retry, match="It is away"):
            self.load(store, cloud, cold)


class TestLocations:
    def test_tiers_in_three_clouds(self) -> None:
        outputs = {
            "aws": {"storage_tiers": {"hot": {"cloud": "aws", "address": "table"}}},
            "azure": {
                "storage_tiers": {"sensitive": False, "value": {"cold": {"cloud": "azure", "address": "c"}}}
            },
            "gcp": {"storage_tiers": {"archive": {"cloud": "gcp", "address": "a"}}},
        }
        assert of_outputs(outputs).of_files == (
            Location("cold", "azure", "c"),
            Location("archive", "gcp", "a"),
        )

    def test_one_bucket_for_both_is_listed_once(self) -> None:
        hot = Location("hot", "aws", "t")
        cold = Location("cold", "aws", "s3://b?class=STANDARD_IA")
        assert Locations(hot, cold, replace(cold, tier="archive")).of_files == (cold,)
        assert Locations(hot, cold).of_files == (cold,)
        with pytest.raises(UsageError, match="has no cold tier"):
            _ = Locations(hot).of_files

    @pytest.mark.parametrize(
        ("outputs", "words"),
        [
            ({}, "deploy the twin first"),
            ({"aws": {}}, "The stack aws has no output storage_tiers"),
            ({"aws": {"storage_tiers": {}}}, "No output storage_tiers has the hot store"),
            (
                {"aws": {"storage_tiers": {"hot": {"cloud": "gcp", "address": "x"}}}},
                "does not know the entry hot",
            ),
            (
                {"aws": {"storage_tiers": {"warm": {"cloud": "aws", "address": "x"}}}},
                "does not know the entry warm",
            ),
        ],
    )
    def test_outputs_that_are_not_a_twins(self, outputs: Any, words: str) -> None:
        with pytest.raises(UsageError, match=words):
            of_outputs(outputs)
