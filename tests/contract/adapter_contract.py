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
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from twin_runtime import times
from twin_runtime.dead_letters import DeadLetter, DeadLetters, decode
from twin_runtime.errors import SecretMissing
from twin_runtime.log import Log
from twin_runtime.ports import Page, Queue, Row, SecretSource, Store

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


class StoreContract:
    """Of `ports.Store`."""

    @pytest.fixture
    def store(self) -> Store:
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
