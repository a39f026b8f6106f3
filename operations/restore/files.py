"""Select the files that may contain the rows of a range."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os.path import commonprefix

from operations.restore.catalogues import Catalogue, Entry, State
from operations.restore.locations import ARCHIVE, COLD, Location
from twin_runtime.ports import Row
from twin_runtime.tiers.tier_files import EVENTS, Invalid, Name, day_of, first_of, folder, parse_name


@dataclass(frozen=True, slots=True)
class Range:
    """The events of a device with start <= time < end, both in the fixed-width form; None: of every type."""

    device: str
    type: str | None
    start: str
    end: str

    def has_day(self, day: str) -> bool:
        return day_of(self.start) <= day and first_of(day) < self.end

    def has(self, row: Row) -> bool:
        return row.device == self.device and self.start <= row.time < self.end


@dataclass(frozen=True, slots=True)
class File:
    """A file that may contain such events: its name has its first and last device only."""

    location: Location
    entry: Entry
    name: Name

    @property
    def tier(self) -> str:
        """The tier of the file, by its storage class if one bucket holds both tiers."""
        return ARCHIVE if self.entry.archived or self.location.tier == ARCHIVE else COLD


def find(catalogues: Iterable[tuple[Location, Catalogue]], wanted: Range) -> list[File]:
    """Return the files of the range, by day and name; raises `Retry`.

    A file that archive_mover is copying is in both buckets: the readable copy is returned.
    """
    days = [day_of(wanted.start), day_of(wanted.end)]
    shared = commonprefix(days)  # noqa: RUF071 - of the names' text, such as 2024-02-
    prefix = folder(wanted.type, shared) if wanted.type else EVENTS
    found: dict[str, File] = {}
    for location, catalogue in catalogues:
        for entry in catalogue.entries(prefix, lambda name: _matches(name, wanted)):
            file = File(location, entry, parse_name(entry.name))
            other = found.setdefault(entry.name, file)
            if file.entry.state is State.READY and other.entry.state is not State.READY:
                found[entry.name] = file
    return [found[name] for name in sorted(found)]


def _matches(text: str, wanted: Range) -> bool:
    """Return whether the file of that name may contain rows of the range."""
    try:
        name = parse_name(text)
    except Invalid:
        return False
    return wanted.type in (None, name.type) and wanted.has_day(name.day) and name.may_hold(wanted.device)
