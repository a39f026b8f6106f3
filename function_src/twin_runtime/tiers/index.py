"""The index of the files of the cold tier: in which bytes of which files the rows of a device are.

Objects of the same store, in gzip, which are replaced version by version. Devices are in 256 buckets
(`buckets`), so that an object stays small and writers seldom meet:

    index/<bucket>/devices.json.gz   {"format": 1, "devices": {device: [month, …]}}
    index/<bucket>/<month>.json.gz   {"format": 1, "files": {number: [name, written]}, "devices":
                                      {device: {day: [[number, offset, length, rows, first, last], …]}},
                                      "gone": {name: when}}
    index/pending/<when>~<random>    {"format": 1, "file": name or null, "replaces": [name, …],
                                      "buckets": [bucket, …]}
    index/adopted.json.gz            {"format": 1, "passes": n, "after": name, "at": when, "before": day}

Times are Unix seconds, in whole numbers; `first` and `last` are keys. `number` stands for a file in one
object alone. `gone` are files that others replaced a short time ago.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from twin_runtime.errors import Retry
from twin_runtime.ports import Objects
from twin_runtime.tiers.buckets import bucket
from twin_runtime.tiers.tier_files import Block

if TYPE_CHECKING:
    from twin_runtime.storage.range_query import RangeQuery

INDEX = "index/"
PENDING = f"{INDEX}pending/"
ADOPTED = f"{INDEX}adopted.json.gz"
GONE_S = 7_200
"""How long a replaced file is remembered: longer than any function runs."""
_FORMAT = 1


class Entry(NamedTuple):
    """Rows of one device in a file: where they are, how many, the keys of the first and the last; and when
    the file was written.
    """

    file: str
    offset: int
    length: int
    rows: int
    first: str
    last: str
    written: int

    @property
    def day(self) -> str:
        return self.first[:10]

    def overlaps(self, first: str, last: str) -> bool:
        """Whether rows with keys from `first` to `last` can be among these."""
        return self.first <= last and first <= self.last


class Month:
    """What is indexed of a bucket's devices and a month."""

    def __init__(self, document: Mapping[str, Any] | None = None) -> None:
        found = document or {}
        self._files: dict[str, list[Any]] = found.get("files", {})
        self._devices: dict[str, dict[str, list[list[Any]]]] = found.get("devices", {})
        self._gone: dict[str, int] = found.get("gone", {})

    def files(self) -> set[str]:
        return {name for name, _ in self._files.values()}

    def is_gone(self, name: str, now: int) -> bool:
        """Whether the file was replaced a short time ago."""
        return self._gone.get(name, 0) > now - GONE_S

    def entries(self, device: str, day: str | None = None) -> list[Entry]:
        """Those of a device, of one day or of all, in the order of their first rows."""
        days = self._devices.get(device, {})
        some = days.values() if day is None else [days.get(day, [])]
        found: list[Entry] = []
        for number, offset, length, rows, first, last in chain.from_iterable(some):
            name, written = self._files[str(number)]
            found.append(Entry(name, offset, length, rows, first, last, written))
        return sorted(found, key=lambda each: each.first)

    def change(
        self, add: str | None, blocks: Sequence[Block], drop: Collection[str], now: int, *, put: bool = True
    ) -> bool:
        """Take files out, and put one in; whether that changed anything. `put`: the store has got it just
        now, also where it is in the index from before, and a rule has deleted it since.
        """
        changed = False
        out = {number for number, (name, _) in self._files.items() if name in drop}
        if out:
            changed = True
            for number in out:
                del self._files[number]
            kept = {
                device: {
                    day: some
                    for day, its in days.items()
                    if (some := [each for each in its if str(each[0]) not in out])
                }
                for device, days in self._devices.items()
            }
            self._devices = {device: days for device, days in kept.items() if days}
        if any(self._gone.get(name, 0) <= now - GONE_S // 2 for name in drop):
            changed = True
            self._gone |= dict.fromkeys(drop, now)
        known = next((each for each in self._files.values() if each[0] == add), None)
        if known is not None and put and known[1] <= now - GONE_S:
            changed, known[1] = True, now
        if add is not None and blocks and known is None:
            changed = True
            number = max(map(int, self._files), default=-1) + 1
            self._files[str(number)] = [add, now]
            for device, *rest, first, last in blocks:
                its = self._devices.setdefault(device, {}).setdefault(first[:10], [])
                its.append([number, *rest, first, last])
        return changed

    def rename(self, name: str, new: str | None, device: str, keys: Sequence[str]) -> bool:
        """Give a file that is in another store another name; None: it is gone. Of the rows of `device` it
        then has those with these keys alone, in order. Whether that changed anything. Where rows are in the
        file is not known then.
        """
        numbers = [number for number, (its, _) in self._files.items() if its == name]
        if not numbers:
            return False
        if new is None or new in self.files():
            return self.change(None, (), (name,), 0)
        for number in numbers:
            self._files[number][0] = new
            days = self._devices.get(device, {})
            for day, its in list(days.items()):
                if any(str(each[0]) == number for each in its):
                    left = [[int(number), 0, 0, len(keys), keys[0], keys[-1]]] if keys else []
                    days[day] = [each for each in its if str(each[0]) != number] + left
                    if not days[day]:
                        del days[day]
            if not days:
                self._devices.pop(device, None)
        return True

    def document(self, now: int) -> dict[str, Any]:
        gone = {name: at for name, at in self._gone.items() if at > now - GONE_S}
        return {"files": self._files, "devices": self._devices, "gone": gone}


class Index:
    """The objects of the index. Thread-safe, as the store is."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def read(self, name: str) -> tuple[dict[str, Any], str | None]:
        """A document and its version; an empty one and None where there is none. Raises `Retry`."""
        found = self._objects.read(name)
        if found is None:
            return {}, None
        try:
            document = json.loads(zlib.decompress(found.body, wbits=31))
            format = document["format"]
        except (zlib.error, ValueError, KeyError, TypeError) as error:
            raise Retry(f"{name} is damaged.") from error
        if format != _FORMAT:
            raise Retry(f"{name} has the format {format}, of a later release.")
        return document, found.version

    def write(self, name: str, document: Mapping[str, Any], version: str | None) -> bool:
        """Write a document in place of a version; False where another is there by now."""
        text = json.dumps({"format": _FORMAT, **document}, separators=(",", ":")).encode("ascii")
        packer = zlib.compressobj(6, wbits=31)
        body = packer.compress(text) + packer.flush()
        return self._objects.replace(name, body, version=version) is not None

    def month(self, of: str, month: str) -> tuple[Month, str | None]:
        """Of a bucket and a month; with its version."""
        document, version = self.read(month_name(of, month))
        return Month(document), version

    def months(self, device: str) -> list[str]:
        """The months of which there may be rows of a device, in order."""
        document, _ = self.read(devices_name(bucket(device)))
        return sorted(document.get("devices", {}).get(device, ()))


def find(
    index: Index, query: RangeQuery, wanted: Callable[[str], bool] = lambda _: True
) -> Iterator[tuple[str, list[Entry]]]:
    """Month by month, in the order of the query, the entries that can hold rows of it, in that order. A month
    is read when it is asked for; those that are not `wanted` are passed over.
    """
    months = [month for month in index.months(query.device) if may_have(month, query) and wanted(month)]
    for month in reversed(months) if query.descending else months:
        yield month, in_month(index, query, month)


def in_month(index: Index, query: RangeQuery, month: str) -> list[Entry]:
    """The entries of a month that can hold rows of a query, in its order."""
    found = index.month(bucket(query.device), month)[0].entries(query.device)
    some = [each for each in found if has_some(each.first, each.last, query)]
    return sorted(some, key=lambda each: each.last, reverse=True) if query.descending else some


def may_have(month: str, query: RangeQuery) -> bool:
    """Whether a month has a moment that the query asks for."""
    return has_some(month, f"{month}~", query)


def has_some(first: str, last: str, query: RangeQuery) -> bool:
    """Whether what is from `first` to `last` can hold rows of a query."""
    if first >= query.end or last < query.start:
        return False
    if query.cursor is None:
        return True
    return first < query.cursor if query.descending else last > query.cursor


def devices_name(of: str) -> str:
    return f"{INDEX}{of}/devices.json.gz"


def month_name(of: str, month: str) -> str:
    return f"{INDEX}{of}/{month}.json.gz"
