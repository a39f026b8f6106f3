"""Holds, and what else is noted in the hot store under names that no device has."""

from __future__ import annotations

import pytest

from support.memory import MemoryStore
from support.samples import DOCUMENT
from support.tiers import DAY, NOW, row
from twin_runtime import model, times
from twin_runtime.errors import Retry
from twin_runtime.ports import Unstored
from twin_runtime.storage import holds, known_devices, notes
from twin_runtime.storage.holds import Hold, Holds

UNTIL = int(NOW) + 7 * DAY


def at(day: int) -> str:
    return f"2024-03-{day:02}T00:00:00.000000Z"


def hold(start: int, end: int, until: int = UNTIL, device: str = "thermostat-1") -> Hold:
    return Hold(device, at(start), at(end), until)


def put(store: MemoryStore, *found: Hold) -> None:
    for each in found:
        holds.put(store, each, clock=lambda: NOW)


def test_what_is_put_is_read_until_it_is_removed() -> None:
    store = MemoryStore()
    put(store, hold(1, 3), hold(1, 3), hold(5, 6), hold(1, 3, device="pump-1"))
    assert set(found := holds.read(store)) == {hold(1, 3), hold(5, 6), hold(1, 3, device="pump-1")}
    assert len(found) == 3
    holds.remove(store, hold(1, 3))
    assert set(holds.read(store)) == {hold(5, 6), hold(1, 3, device="pump-1")}


@pytest.mark.parametrize(
    "wrong",
    [
        hold(3, 1),
        hold(1, 1),
        hold(1, 2, int(NOW)),
        hold(1, 2, int(NOW) + 15 * DAY),
        Hold("d", "2024-03-01T00:00:00Z", at(2), UNTIL),
    ],
)
def test_holds_that_cannot_be(wrong: Hold) -> None:
    store = MemoryStore()
    with pytest.raises(ValueError, match=r"^A hold .*\.$"):
        put(store, wrong)
    assert not store.rows


def test_a_row_is_covered_by_its_range_and_its_end() -> None:
    found = Holds([hold(10, 12)])
    back = row(at=at(11))._replace(expires=UNTIL)
    assert found.covers(back)
    assert not found.covers(back._replace(expires=UNTIL + 1))
    assert not found.covers(back._replace(time=at(12)))
    assert not found.covers(back._replace(device="pump-1"))


def test_many_notes_are_read_by_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "_PAGE", 3)
    store = MemoryStore()
    notes.write_all(store, [notes.note("~x", f"n{number:02}", str(number)) for number in range(10)])
    assert [each.data for each in notes.read(store, "~x")] == [str(number) for number in range(10)]


def test_a_note_that_is_not_durable_is_no_note() -> None:
    store = MemoryStore()
    store.unstored = [[Unstored(0, "Not now.")]] * 4
    with pytest.raises(Retry, match="Not now"):
        notes.write(store, "~x", "n", "1", sleep=lambda _: None)


def test_devices_and_their_types_are_remembered() -> None:
    def twin(**devices: str) -> model.Twin:
        return model.parse(DOCUMENT | {"devices": devices})

    store = MemoryStore()
    assert known_devices.known(store, twin(a="pump", b="pump")) == {"a": "pump", "b": "pump"}
    assert known_devices.known(store, twin(b="thermostat", c="pump"), mine=lambda name: name != "c") == {
        "a": "pump",
        "b": "thermostat",
        "c": "pump",
    }
    assert known_devices.known(store, twin()) == {"a": "pump", "b": "thermostat"}
    expires = {each.expires for each in store.rows.values()}
    assert times.from_epoch(expires.pop()) == "9999-12-31T23:59:59.000000Z"
