"""What each cloud's adapters must do, as test classes to inherit from.

    class TestSqs(QueueContract):
        @pytest.fixture
        def queue(self): return SqsQueue(url, client)
        def drain(self, queue): return [the bodies now in it]

The same tests run on the adapters in memory. A server that refuses something that the real service takes is
a reason to skip one test in the subclass, with the reason.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest

from support.dying import Fuse, Killed
from support.samples import DOCUMENT, log
from twin_runtime import model, times
from twin_runtime.deadlines import NO_TIME
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters, decode
from twin_runtime.errors import Refused, Retry, SecretMissing
from twin_runtime.log import Log
from twin_runtime.ports import (
    CONFLICT,
    PARTS,
    Objects,
    Page,
    Queue,
    Row,
    SecretSource,
    Store,
    Stored,
    Unstored,
)
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.catalogue import Catalogue
from twin_runtime.tiers.index import PENDING
from twin_runtime.tiers.tier_files import EVENTS

EXACT = (
    '{"f":1e-300,"i":1234567890123456789012345678901234567890,'
    '"n":{"a":[1,2.5,null,true]},"u":"\\u00e9\\ud83d"}'
)


class QueueContract:
    """Of `ports.Queue`."""

    @pytest.fixture
    def queue(self) -> Queue:
        raise NotImplementedError

    def drain(self, queue: Any) -> list[str]:
        """The bodies in the queue, as a consumer of the platform sees them."""
        raise NotImplementedError

    def test_what_is_sent_arrives_unchanged(self, queue: Queue) -> None:
        bodies = ["[" + EXACT + "]", "[]", '[{"a":"<&>\\" \\\\ \\u0000"}]']
        queue.send(bodies)
        assert sorted(self.drain(queue)) == sorted(bodies)

    def test_nothing_to_send_is_no_error(self, queue: Queue) -> None:
        queue.send([])
        assert self.drain(queue) == []

    def test_more_bodies_than_one_call_of_the_service_takes(self, queue: Queue) -> None:
        bodies = [json.dumps([{"n": number}]) for number in range(37)]
        queue.send(bodies)
        assert sorted(self.drain(queue)) == sorted(bodies)

    def test_bodies_of_the_declared_length(self, queue: Queue) -> None:
        frame = len(json.dumps([{"t": ""}]))
        bodies = [json.dumps([{"t": letter * (queue.max_body_bytes - frame)}]) for letter in "abc"]
        assert all(len(body) == queue.max_body_bytes for body in bodies)
        queue.send(bodies)
        assert sorted(self.drain(queue)) == bodies

    def test_equal_bodies_are_all_kept(self, queue: Queue) -> None:
        queue.send(["[1]", "[1]"])
        assert self.drain(queue) == ["[1]", "[1]"]

    def test_several_threads(self, queue: Queue) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: queue.send([f"[{n}]"]), range(12)))
        assert sorted(self.drain(queue)) == sorted(f"[{n}]" for n in range(12))


class DeadLetterContract:
    """Of the queue that DEAD_LETTER_QUEUE names."""

    @pytest.fixture
    def queue(self) -> Queue:
        raise NotImplementedError

    def drain(self, queue: Any) -> list[str]:
        raise NotImplementedError

    def test_a_letter_can_be_read_back(self, queue: Queue) -> None:
        event = {"id": "e1", "data": json.loads(EXACT)}
        dead = DeadLetters(queue, Log("writer", lambda _level, _line: None))
        dead.put([DeadLetter("No.", event=event), DeadLetter("Not JSON.", body=b"\xff{")])
        letters = [letter for body in self.drain(queue) for letter in decode(body)]
        assert {(letter.reason, letter.role) for letter in letters} == {
            ("No.", "writer"),
            ("Not JSON.", "writer"),
        }
        assert [letter.event for letter in letters if letter.event] == [event]
        assert [letter.body for letter in letters if letter.body] == [b"\xff{"]


def row(
    device: str = "d1", second: int = 0, id: str = "e", data: str = '{"t":1}', expires: int = 4_000_000_000
) -> Row:
    """A row at `second` after an hour in 2024."""
    return Row(
        device=device,
        time=times.from_epoch(1_709_208_000 + second),
        id=id,
        type="twinspan.telemetry.v1",
        data=data,
        traceparent=f"00-{'1' * 32}-{'2' * 16}-01",
        expires=expires,
    )


def conflict(index: int) -> Unstored:
    return Unstored(index, CONFLICT, permanent=True)


class StoreContract:
    """Of `ports.Store`."""

    SEVERAL = 30
    """Rows that take more than one call of the service."""

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    def dying(self, store: Any, fuse: Fuse) -> Store:
        """The same store in another process, whose calls burn the fuse."""
        raise NotImplementedError

    def read(self, store: Store, device: str = "d1", **changes: Any) -> Page:
        query: dict[str, Any] = {
            "start": times.EARLIEST,
            "end": times.LATEST,
            "limit": 100,
            "cursor": None,
            "descending": False,
        }
        return store.query(device, **(query | changes))

    def rows(self, store: Store, device: str = "d1", **changes: Any) -> list[Row]:
        return list(self.read(store, device, **changes).rows)

    def test_a_row_comes_back_exactly(self, store: Store) -> None:
        written = row(data=EXACT, id="A-z0.9_:@=+~-")
        assert list(store.put([written])) == []
        assert self.rows(store) == [written]

    def test_what_a_row_says_of_its_event_comes_back(self, store: Store) -> None:
        """The type that its device had, its receipt, and a clock that was wrong; or nothing of these."""
        said = {"device_time": "1970-01-01T00:00:07.000000Z", "clock": "behind"}
        received = row()._replace(subject="thermostat", received=row(second=1).time)
        written = [row(), received._replace(id="f"), received._replace(id="g", **said)]
        store.put(written)
        assert self.rows(store) == written

    def test_nothing_to_put(self, store: Store) -> None:
        assert list(store.put([])) == []

    def test_writing_twice_is_writing_once(self, store: Store) -> None:
        store.put([row(), row(second=1)])
        store.put([row(), row(second=2)])
        assert [r.time for r in self.rows(store)] == [row(second=n).time for n in range(3)]

    def test_the_same_time_and_another_id_is_another_row(self, store: Store) -> None:
        store.put([row(id="b"), row(id="a"), row(device="d2", id="a")])
        assert [r.id for r in self.rows(store)] == ["a", "b"]
        assert [r.id for r in self.rows(store, "d2")] == ["a"]

    def test_order_is_by_key_both_ways(self, store: Store) -> None:
        store.put([row(second=n) for n in (3, 1, 2, 0)])
        expected = [row(second=n) for n in range(4)]
        assert self.rows(store) == expected
        assert self.rows(store, descending=True) == expected[::-1]

    @pytest.mark.parametrize("descending", [False, True])
    def test_start_is_in_the_range_and_end_is_not(self, store: Store, descending: bool) -> None:
        store.put([row(second=n) for n in range(5)])
        found = self.rows(store, start=row(second=1).time, end=row(second=3).time, descending=descending)
        assert sorted(r.time for r in found) == [row(second=1).time, row(second=2).time]

    def test_an_empty_range_and_an_unknown_device(self, store: Store) -> None:
        store.put([row()])
        assert self.rows(store, start=row(second=1).time) == []
        assert self.rows(store, start=row().time, end=row().time) == []
        assert self.rows(store, "nobody") == []

    @pytest.mark.parametrize("descending", [False, True])
    def test_pages_by_cursor_meet_every_row_once(self, store: Store, descending: bool) -> None:
        written = [row(second=n // 2, id=f"e{n}") for n in range(11)]
        store.put(written)
        found: list[Row] = []
        cursor = None
        while page := self.rows(store, limit=3, cursor=cursor, descending=descending):
            assert len(page) <= 3
            found += page
            cursor = page[-1].key
        expected = sorted(written, key=lambda r: r.key, reverse=descending)
        assert found == expected

    @pytest.mark.parametrize("descending", [False, True])
    def test_a_cursor_inside_a_range(self, store: Store, descending: bool) -> None:
        store.put([row(second=n) for n in range(6)])
        found = self.rows(
            store,
            start=row(second=1).time,
            end=row(second=5).time,
            cursor=row(second=2).key,
            descending=descending,
        )
        wanted = [1] if descending else [3, 4]
        assert [r.time for r in found] == [row(second=n).time for n in wanted]

    def test_more_rows_than_one_call_of_the_service_takes(self, store: Store) -> None:
        store.put([row(second=n) for n in range(130)])
        assert len(self.rows(store, limit=1000)) == 130

    def test_what_is_deleted_is_gone_and_nothing_else(self, store: Store) -> None:
        store.put([row(second=n) for n in range(4)] + [row(device="d2", second=1)])
        store.delete("d1", [row(second=1).key, row(second=3).key])
        assert [r.time for r in self.rows(store)] == [row(second=n).time for n in (0, 2)]
        assert len(self.rows(store, "d2")) == 1

    def test_deleting_what_is_not_there_is_success(self, store: Store) -> None:
        store.put([row()])
        store.delete("d1", [])
        for _ in range(2):
            store.delete("d1", [row().key, row(second=9).key, row().key])
        store.delete("nobody", [row().key])
        assert self.rows(store) == []

    def test_deleting_more_rows_than_one_call_of_the_service_takes(self, store: Store) -> None:
        written = [row(second=n) for n in range(130)]
        store.put(written)
        store.delete("d1", [each.key for each in written[:-1]])
        assert self.rows(store, limit=1000) == written[-1:]

    def test_a_row_can_be_written_again_after_it_was_deleted(self, store: Store) -> None:
        store.put([row()])
        store.delete("d1", [row().key])
        store.put([row(data='{"t":2}')])
        assert [r.data for r in self.rows(store)] == ['{"t":2}']

    def test_a_new_row_comes_back_exactly(self, store: Store) -> None:
        written = row(data=EXACT, id="A-z0.9_:@=+~-")
        assert list(store.put_if_absent([])) == []
        assert list(store.put_if_absent([written])) == []
        assert self.rows(store) == [written]

    def test_the_first_row_of_a_key_stays(self, store: Store) -> None:
        store.put_if_absent([row()])
        assert list(store.put_if_absent([row(data='{"t":2}')])) == [conflict(0)]
        assert list(store.put_if_absent([row()._replace(type="twinspan.other.v1")])) == [conflict(0)]
        assert self.rows(store) == [row()]

    def test_the_same_content_again_is_success_and_changes_nothing(self, store: Store) -> None:
        first = row(data='{"a":1,"b":[true,null,0.5]}')
        other = row(data='{"b": [true, null, 5e-1], "a": 1.0}', expires=4_100_000_000)
        store.put_if_absent([first])
        for again in (first, other._replace(traceparent=f"00-{'3' * 32}-{'4' * 16}-01")):
            assert list(store.put_if_absent([again])) == []
        assert self.rows(store) == [first]

    def test_the_device_s_type_counts_where_both_rows_say_it(self, store: Store) -> None:
        written = [row()._replace(subject="pump"), row(second=1)]  # the second is of an earlier release
        store.put_if_absent(written)
        again = [row(), row(second=1)._replace(subject="pump")]
        assert list(store.put_if_absent(again)) == []
        assert list(store.put_if_absent([row()._replace(subject="valve")])) == [conflict(0)]
        assert self.rows(store) == written

    def test_when_it_was_received_is_no_content(self, store: Store) -> None:
        first = row()._replace(
            subject="pump", received=row().time, device_time=row(second=9).time, clock="behind"
        )
        store.put_if_absent([first])
        assert list(store.put_if_absent([first._replace(received=row(second=1).time, clock="")])) == []
        assert self.rows(store) == [first]

    def test_a_boolean_is_no_number(self, store: Store) -> None:
        store.put_if_absent([row(data='{"t":true}')])
        assert list(store.put_if_absent([row(data='{"t":1}')])) == [conflict(0)]

    def test_conflicts_among_many_rows_keep_no_other_back(self, store: Store) -> None:
        written = [row(second=n) for n in range(130)]
        there = {n: each._replace(data='{"t":2}') for n, each in enumerate(written) if n % 13 == 7}
        store.put(list(there.values()) + written[:5])
        unstored = store.put_if_absent(written)
        assert sorted(unstored, key=lambda each: each.index) == [conflict(n) for n in there]
        expected = [there.get(n, each) for n, each in enumerate(written)]
        assert self.rows(store, limit=1000) == expected

    def test_all_of_a_call_in_conflict(self, store: Store) -> None:
        written = [row(second=n) for n in range(self.SEVERAL)]
        store.put(written)
        unstored = store.put_if_absent([each._replace(data="[]") for each in written])
        assert sorted(unstored, key=lambda each: each.index) == [conflict(n) for n in range(self.SEVERAL)]
        assert self.rows(store) == written

    def test_of_writers_at_the_same_time_one_writes(self, store: Store) -> None:
        def write(writer: int) -> set[str]:
            written = [row(second=n, data=f'{{"t":{writer}}}') for n in range(self.SEVERAL)]
            for _ in range(9):  # as the runtime does
                unstored = store.put_if_absent(written)
                if all(each.permanent for each in unstored):
                    return {written[n].key for n in range(self.SEVERAL)} - {
                        written[each.index].key for each in unstored
                    }
            raise AssertionError("It was never done.")

        with ThreadPoolExecutor(4) as pool:
            won = list(pool.map(write, range(4)))
        stored = self.rows(store)
        assert len(stored) == self.SEVERAL
        for writer in range(4):
            assert won[writer] == {each.key for each in stored if each.data == f'{{"t":{writer}}}'}

    def test_a_row_is_written_over_by_put_alone(self, store: Store) -> None:
        store.put_if_absent([row()])
        assert list(store.put([row(data='{"t":2}')])) == []
        assert self.rows(store) == [row(data='{"t":2}')]

    def test_a_row_that_was_deleted_is_absent(self, store: Store) -> None:
        store.put_if_absent([row()])
        store.delete("d1", [row().key])
        assert list(store.put_if_absent([row(data='{"t":2}')])) == []
        assert self.rows(store) == [row(data='{"t":2}')]

    @pytest.mark.parametrize("way", ["put", "put_if_absent"])
    def test_nothing_begins_after_the_deadline(self, store: Store, way: str) -> None:
        with pytest.raises(Retry, match=NO_TIME):
            getattr(store, way)([row(second=n) for n in range(self.SEVERAL)], deadline=time.monotonic())
        assert self.rows(store) == []
        assert list(getattr(store, way)([row()], deadline=time.monotonic() + 60)) == []

    @pytest.mark.parametrize("done", [False, True], ids=["before a call", "before its answer"])
    def test_a_process_that_dies_between_two_calls(self, store: Store, done: bool) -> None:
        calls = -1
        killed = True
        while killed:
            calls += 1
            device = f"d{calls}"
            written = [row(device, second=n) for n in range(self.SEVERAL)]
            other = written[3]._replace(data='{"t":2}')
            store.put([written[2], other])
            try:
                unstored = self.dying(store, Fuse(calls, done=done)).put_if_absent(written)
            except Killed:
                unstored = store.put_if_absent(written)
            else:
                killed = False
            assert list(unstored) == [conflict(3)]
            assert self.rows(store, device) == [*written[:3], other, *written[4:]]
        assert calls > 0, "the process never died"


CATALOGUED = model.parse(DOCUMENT | {"safety_days": 30, "cold_days": 90})
FOLDER = "events/type=thermostat/day=2024-02-29/"


def named(number: int, folder: str = FOLDER) -> str:
    """A file's name as the movers make it."""
    return f"{folder}d{number:04}~d{number:04}.x-9_z~3~0123456789abcdef.jsonl.gz"


class ObjectsContract:
    """Of `ports.Objects`."""

    @pytest.fixture
    def objects(self) -> Objects:
        """An empty store."""
        raise NotImplementedError

    def put(self, objects: Objects, name: str, body: bytes = b"\x1f\x8b", rows: int = 3) -> Stored:
        digest = sha256(body).hexdigest()
        objects.put(name, body, rows=rows, sha256=digest)
        return Stored(name, len(body), rows, digest)

    def test_an_object_comes_back_exactly(self, objects: Objects) -> None:
        body = bytes(range(256)) * 12_000 + b"\r\n--\n\r"
        written = self.put(objects, named(1), body, rows=40_000)
        assert objects.stat(named(1)) == written
        assert objects.get(named(1)) == body

    def test_what_is_not_there(self, objects: Objects) -> None:
        assert objects.stat(named(1)) is None
        assert list(objects.names("")) == []
        objects.delete(named(1))
        with pytest.raises(Refused):
            objects.get(named(1))
        with pytest.raises(Refused):
            objects.thaw(named(1), days=7)

    def test_putting_twice_leaves_one(self, objects: Objects) -> None:
        first, second = (self.put(objects, named(1)) for _ in range(2))
        assert list(objects.names("")) == [named(1)]
        assert objects.stat(named(1)) == first == second

    def test_what_is_deleted_is_gone(self, objects: Objects) -> None:
        self.put(objects, named(1))
        self.put(objects, named(2))
        objects.delete(named(1))
        assert objects.stat(named(1)) is None
        assert list(objects.names("")) == [named(2)]

    def test_names_are_in_the_order_of_text(self, objects: Objects) -> None:
        names = [f"{FOLDER}{text}" for text in ("a", "B", "a~", "a-b", "a_", "a/", "1", "a.b", "A=")]
        for name in names:
            self.put(objects, name)
        assert list(objects.names(FOLDER)) == sorted(names)

    def test_names_begin_with_the_prefix(self, objects: Objects) -> None:
        other = FOLDER.replace("29", "28")
        for folder in (FOLDER, other, PARTS):
            self.put(objects, named(1, folder))
        assert list(objects.names(FOLDER)) == [named(1)]
        assert list(objects.names("events/")) == [named(1, other), named(1)]
        assert list(objects.names(FOLDER[:-1])) == [named(1)]
        assert list(objects.names("events/type=other/")) == []

    def test_names_after_a_name_that_need_not_be_there(self, objects: Objects) -> None:
        for number in (1, 3, 5):
            self.put(objects, named(number))
        assert list(objects.names(FOLDER, after=named(3))) == [named(5)]
        assert list(objects.names(FOLDER, after=named(2))) == [named(3), named(5)]
        assert list(objects.names(FOLDER, after=FOLDER)) == [named(1), named(3), named(5)]
        assert list(objects.names(FOLDER, after=named(5))) == []

    @pytest.mark.parametrize("limit", [1, 3, 4, 100])
    def test_pages_meet_every_name_once(self, objects: Objects, limit: int) -> None:
        names = [named(number) for number in range(12)]
        for name in (*names, named(1, PARTS)):
            self.put(objects, name)
        found: list[str] = []
        while page := objects.names(FOLDER, after=found[-1] if found else "", limit=limit):
            assert len(page) <= limit
            found += page
        assert found == names

    def test_pages_go_on_where_names_come_and_go_between_them(self, objects: Objects) -> None:
        for number in range(0, 12, 2):
            self.put(objects, named(number))
        first = list(objects.names(FOLDER, limit=2))
        assert first == [named(0), named(2)]
        for name in first:
            objects.delete(name)
        self.put(objects, named(3))
        second = list(objects.names(FOLDER, after=first[-1], limit=3))
        assert second == [named(3), named(4), named(6)]
        assert list(objects.names(FOLDER, after=second[-1], limit=3)) == [named(8), named(10)]

    def test_a_part_of_an_object(self, objects: Objects) -> None:
        body = bytes(range(256)) * 40
        self.put(objects, named(1), body)
        for start, length in ((0, 1), (0, 10_240), (1, 10_239), (300, 4_000), (10_239, 1)):
            assert objects.get(named(1), start=start, length=length) == body[start : start + length]
        with pytest.raises(Refused):
            objects.get(named(2), start=0, length=5)

    def test_what_can_be_read_is_thawed(self, objects: Objects) -> None:
        self.put(objects, named(1))
        assert objects.thaw(named(1), days=7) is True

    def test_several_threads(self, objects: Objects) -> None:
        with ThreadPoolExecutor(4) as pool:
            written = list(pool.map(lambda n: self.put(objects, named(n), b"x" * n, rows=n), range(12)))
            assert list(pool.map(lambda n: objects.stat(named(n)), range(12))) == written


class ReplacedObjectsContract:
    """Of the objects of `ports.Objects` that change."""

    def test_an_object_is_replaced_in_its_version_alone(self, objects: Objects) -> None:
        assert objects.read("index/a") is None
        first = objects.replace("index/a", b"one", version=None)
        assert first is not None
        assert objects.read("index/a") == (b"one", first)
        assert objects.replace("index/a", b"other", version=None) is None
        second = objects.replace("index/a", b"two", version=first)
        assert second not in (None, first)
        assert objects.replace("index/a", b"other", version=first) is None
        assert objects.read("index/a") == (b"two", second)
        assert objects.get("index/a") == b"two"
        assert objects.names("index/") == ["index/a"]

    def test_an_object_that_was_deleted_has_no_version(self, objects: Objects) -> None:
        first = objects.replace("index/a", b"one", version=None)
        objects.delete("index/a")
        assert objects.read("index/a") is None
        assert objects.replace("index/a", b"two", version=first) is None
        again = objects.replace("index/a", b"two", version=None)
        assert objects.read("index/a") == (b"two", again)

    def test_of_writers_at_a_time_one_wins(self, objects: Objects) -> None:
        version: str | None = None
        for turn in range(3):
            bodies = [b"%d of %d" % (n, turn) for n in range(6)]
            with ThreadPoolExecutor(6) as pool:
                made = list(
                    pool.map(lambda body, at=version: objects.replace("index/a", body, version=at), bodies)
                )
            ((body, version),) = [each for each in zip(bodies, made, strict=True) if each[1] is not None]
            assert objects.read("index/a") == (body, version)


class CatalogueContract:
    """Of a catalogue in `ports.Objects`; not on moto, which closes what another thread reads."""

    def test_a_catalogue_in_it(self, objects: Objects) -> None:
        """Writers at a time, of files that overlap: each row is in one file, and is found there."""
        devices = [f"thermostat-{number}" for number in range(1, 4)]
        found = [
            row(device=devices[n % 3], second=n)._replace(id=f"e{n}", subject="thermostat") for n in range(45)
        ]

        def add(start: int) -> None:
            some = sorted(found[start : start + 15], key=lambda each: (each.device, each.key))
            catalogue = Catalogue(objects, CATALOGUED, log=log()[0], workers=2)
            catalogue.add(tier_files.pack(some, CATALOGUED, "thermostat"))

        Catalogue(objects, CATALOGUED, log=log()[0]).settle()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(add, range(0, 35, 5)))
        catalogue = Catalogue(objects, CATALOGUED, log=log()[0])
        assert catalogue.settle()
        assert not objects.names(PENDING)
        inside = Counter(
            (each.device, each.key)
            for name in objects.names(EVENTS)
            for each in tier_files.unpack(objects.get(name), name, CATALOGUED)
        )
        assert inside == Counter((each.device, each.key) for each in found)
        for device in devices:
            keys = [
                key
                for entry in catalogue.find(device)
                for key, _ in tier_files.events_of(
                    objects.get(entry.file, start=entry.offset, length=entry.length), CATALOGUED, device
                )
            ]
            assert sorted(keys) == [each.key for each in found if each.device == device]


class SecretContract:
    """Of `ports.SecretSource`."""

    @pytest.fixture
    def secret(self) -> SecretSource:
        """A secret that has no version yet."""
        raise NotImplementedError

    def write(self, secret: Any, text: str) -> None:
        """Write a version of the secret."""
        raise NotImplementedError

    def test_a_secret_without_a_version_is_missing(self, secret: SecretSource) -> None:
        with pytest.raises(SecretMissing):
            secret.fetch()

    def test_the_newest_version_is_read(self, secret: SecretSource) -> None:
        self.write(secret, '{"signing_keys":["a"]}')
        assert json.loads(secret.fetch()) == {"signing_keys": ["a"]}
        self.write(secret, '{"signing_keys":["a","b"]}')
        assert json.loads(secret.fetch()) == {"signing_keys": ["a", "b"]}
