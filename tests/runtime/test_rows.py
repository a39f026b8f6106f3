"""Writing rows that are not there, over a store that does not take all of them at once."""

from __future__ import annotations

from typing import Any

import pytest

from contract.adapter_contract import conflict, row
from support.memory import MemoryStore
from support.samples import log
from twin_runtime.errors import Retry
from twin_runtime.ports import CONFLICT, Row, Unstored
from twin_runtime.storage import rows


def write(store: MemoryStore, written: list[Row], **named: Any) -> dict[int, Unstored]:
    return rows.store_if_absent(store, written, log()[0], sleep=lambda _: None, **named)


def of(*values: int) -> list[Row]:
    """Rows of one key, each with its data."""
    return [row(data=f'{{"t":{value}}}') for value in values]


def reasons(lost: dict[int, Unstored]) -> dict[int, tuple[str, bool]]:
    return {position: (each.reason, each.permanent) for position, each in lost.items()}


def test_of_rows_with_one_key_the_first_is_stored() -> None:
    store = MemoryStore()
    assert reasons(write(store, of(1, 2, 1, 3))) == {1: (CONFLICT, True), 3: (CONFLICT, True)}
    assert [each.data for each in store.rows.values()] == ['{"t":1}']


def test_rows_with_one_key_are_each_compared_with_the_store() -> None:
    """The first is another event than the stored one, but the second is the very one, delivered again."""
    store = MemoryStore()
    store.put(of(2))
    assert reasons(write(store, of(1, 2, 3, 1, 2))) == dict.fromkeys((0, 2, 3), (CONFLICT, True))


def test_what_is_not_stored_now_is_in_no_conflict_with_the_rest() -> None:
    store = MemoryStore()
    store.unstored = [[Unstored(0, "Busy.")]] * 4
    assert reasons(write(store, of(1, 2, 1))) == dict.fromkeys(range(3), ("Busy.", False))
    assert store.rows == {}


def test_a_row_that_never_fits_leaves_its_key_to_the_next() -> None:
    store = MemoryStore()
    store.unstored = [[Unstored(0, "Too large.", permanent=True)]]
    assert reasons(write(store, of(1, 1, 2))) == {0: ("Too large.", True), 1: ("Too large.", True)}
    assert [each.data for each in store.rows.values()] == ['{"t":2}']


def test_a_store_that_fails_at_the_second_look_keeps_what_the_first_one_found() -> None:
    store = MemoryStore()
    store.put(of(3))
    many = [*of(1, 2), row(second=1)]
    put, calls = store.put_if_absent, []

    def fails_later(given: list[Row], *, deadline: float) -> Any:
        calls.append(len(given))
        if len(calls) > 1:
            raise Retry("Down.")
        return put(given, deadline=deadline)

    store.put_if_absent = fails_later  # type: ignore[method-assign,assignment]
    assert reasons(write(store, many)) == {0: (CONFLICT, True), 1: ("Down.", False)}
    assert calls == [2, 1, 1, 1, 1]
    assert len(store.rows) == 2


def test_nothing_stored_raises() -> None:
    store = MemoryStore()
    store.faults.ahead = [OSError("down")] * 4
    with pytest.raises(Retry, match="The store failed"):
        write(store, of(1, 2))


def test_a_conflict_is_not_tried_again() -> None:
    store = MemoryStore()
    store.put(of(1))
    store.unstored = [[Unstored(1, "Busy.")], []]
    assert write(store, [*of(2), row(second=1)]) == {0: conflict(0)}
    assert store.unstored == []
    assert len(store.rows) == 2
