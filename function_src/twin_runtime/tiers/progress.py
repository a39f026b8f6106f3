"""How far cold_mover is: up to which day all rows of a device are in files, and which days are set aside.

One note in the hot store for each bucket of devices:

    {"format": 1, "through": {device: day}, "within": {device: key},
     "aside": {device: {day: {"reason": "…", "tried": day}}}}

`within` is for a day that one run cannot end: its rows up to that key are in files. A mover that is killed
before it has written a note stores the same rows again, which is storing them once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from twin_runtime import jsontext, times
from twin_runtime.ports import Row, Store
from twin_runtime.storage import notes
from twin_runtime.tiers.buckets import bucket
from twin_runtime.tiers.due_rows import day_before, next_day
from twin_runtime.tiers.tier_files import day_of, first_of

DEVICE = "~progress"
_MAX_BYTES = 400_000
_LONGEST_REASON = 200


class Aside(NamedTuple):
    """Why rows of a device's day are in no file, and on which day this was tried last."""

    reason: str
    tried: str


@dataclass(slots=True)
class _Bucket:
    through: dict[str, str] = field(default_factory=dict[str, str])
    within: dict[str, str] = field(default_factory=dict[str, str])
    aside: dict[str, dict[str, Aside]] = field(default_factory=dict[str, dict[str, Aside]])


class Progress:
    """The progress of all devices, as it is in the store and as it was changed since. `save` writes it."""

    def __init__(self, store: Store, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._store = store
        self._sleep = sleep
        self._changed: set[str] = set()
        self._buckets = {row.id: _read(row) for row in notes.read(store, DEVICE)}

    def through(self, device: str) -> str:
        """The last day of which all rows are in files; empty where there is none."""
        return self._of(device).through.get(device, "")

    def start(self, device: str) -> tuple[str, str | None]:
        """The time from which on, and the key after which, the device's rows are in no file."""
        key = self._of(device).within.get(device)
        if key is not None:
            return key.partition("#")[0], key
        return self.first(device), None

    def first(self, device: str) -> str:
        """The start of the first day of which rows are in no file, but for what is set aside."""
        day = self.through(device)
        return first_of(next_day(day)) if day else times.EARLIEST

    def aside(self) -> Iterator[tuple[str, str, Aside]]:
        """Device, day and reason of what is set aside."""
        for each in self._buckets.values():
            for device, days in each.aside.items():
                for day, aside in days.items():
                    yield device, day, aside

    def reach(self, device: str, mark: str) -> None:
        """All rows of the device are in files up to a day, or up to a key of the day after `through`."""
        here = self._change(device)
        if "#" in mark:
            here.within[device] = mark
            mark = day_before(day_of(mark))
        else:
            here.within.pop(device, None)
        if mark > here.through.get(device, ""):
            here.through[device] = mark

    def set_aside(self, device: str, day: str, aside: Aside) -> None:
        days = self._change(device).aside.setdefault(device, {})
        days[day] = aside._replace(reason=aside.reason[:_LONGEST_REASON])

    def tried(self, device: str, day: str, today: str) -> None:
        """The device's day was stored again. It is set aside no more, unless it was anew, today."""
        days = self._of(device).aside.get(device, {})
        if day in days and days[day].tried != today:
            here = self._change(device)
            del days[day]
            if not days:
                del here.aside[device]

    def save(self) -> None:
        """Write what has changed; raises `errors.Retry`."""
        found = [notes.note(DEVICE, each, _text(self._buckets[each])) for each in sorted(self._changed)]
        if found:
            notes.write_all(self._store, found, sleep=self._sleep)
        self._changed.clear()

    def _of(self, device: str) -> _Bucket:
        return self._buckets.get(bucket(device)) or _Bucket()

    def _change(self, device: str) -> _Bucket:
        name = bucket(device)
        self._changed.add(name)
        return self._buckets.setdefault(name, _Bucket())


def _read(row: Row) -> _Bucket:
    note = jsontext.loads(row.data, max_bytes=_MAX_BYTES)
    aside = {
        device: {day: Aside(each["reason"], each["tried"]) for day, each in days.items()}
        for device, days in note["aside"].items()
    }
    return _Bucket(note["through"], note.get("within", {}), aside)


def _text(here: _Bucket) -> str:
    aside = {
        device: {day: each._asdict() for day, each in days.items()} for device, days in here.aside.items()
    }
    return jsontext.dumps({"format": 1, "through": here.through, "within": here.within, "aside": aside})
