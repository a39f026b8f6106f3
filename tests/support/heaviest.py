"""The largest of everything that a role is given, and ports that make the copies which an adapter makes, and
keep none.
"""

from __future__ import annotations

import json
import math
import string
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import file_digest, sha256
from itertools import count as numbers
from pathlib import Path
from random import Random
from typing import Any

from support.memory import MemoryCloud, MemoryGrafana, MemoryGraph, MemoryObjects, MemoryQueue, MemoryStore
from support.memory_bounds import DEVICES, ENTRIES, FILE_BYTES, PAGE_BYTES, PAGE_ROWS
from support.samples import DOCUMENT
from twin_runtime import times
from twin_runtime.events import cloudevents
from twin_runtime.model import Twin
from twin_runtime.ports import GraphTwin, Page, Relationship, Row, Stored, Unstored, Versioned
from twin_runtime.storage import lifetimes
from twin_runtime.tiers import cold_run, due_rows, index, tier_files
from twin_runtime.tiers.buckets import bucket
from twin_runtime.tiers.index import Index

DEVICE = "thermostat-1"
WITH_ROWS = 300
"""Devices that have measured: more than are read together."""
_METERS = 300
"""Devices with many metrics: the pages of some of them are as long as those of all."""
_EMPTY = '{"a":[{}]}'
_TRACE = f"00-{'1' * 32}-{'2' * 16}-01"
_EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"
_PAGES = 4
_METRICS = 2_000
MANY = [f"thermostat-{number}" for number in range(3, 19)]
"""As many as are in more buckets than a mover changes at a time."""
DUE = {
    "thermostat-1": (PAGE_ROWS + 150, cloudevents.MAX_DATA_BYTES),
    "thermostat-2": (2 * due_rows.MAX_ROWS, due_rows.MAX_BYTES // due_rows.MAX_ROWS),
    **dict.fromkeys(MANY, (due_rows.MAX_ROWS // len(MANY), due_rows.MAX_BYTES // due_rows.MAX_ROWS)),
}
"""Devices with old rows: how many, and the length of their data. Those of the first are the longest; of the
second a batch is as many as it can be, and as long; and so is one of the others together."""
OF_A_MERGED = 3_800_000
"""Of the data of a file: three are merged to the longest that is made so."""
_EARLY = 5_000_000
"""A window of notes of late rows, of the year 2017."""
_RESPONSE_BYTES = 4_000_000
"""Of Cosmos DB, which are the longest of the three stores'."""
_LETTERS = (string.ascii_letters + string.digits + "!#$%&'()*+,-./:;<=>?@[]^_`{|}~ ").encode()
_RANDOM = bytes(_LETTERS[n % len(_LETTERS)] for n in range(256))


def largest_data() -> str:
    """JSON of the longest data, in the form that takes most memory when it is read: empty objects."""
    return '{"a":[' + "{}," * ((cloudevents.MAX_DATA_BYTES - len(_EMPTY)) // 3) + "{}]}"


def data_of(number: int) -> str:
    """The longest data: every tenth as `largest_data`, the others quick to read."""
    return f'{{"a":"{"x" * (cloudevents.MAX_DATA_BYTES - 9)}"}}' if number % 10 else largest_data()


def largest_event(id: str, device: str = DEVICE, at: float = 0.0, data: str = "") -> str:
    made = cloudevents.make(
        cloudevents.TELEMETRY,
        twin=str(DOCUMENT["twin"]),
        device=device,
        subject="thermostat",
        data={},
        time=times.from_epoch(at or time.time()),
        id=id,
        received=times.from_epoch(at or time.time()),
        traceparent=_TRACE,
    )
    return cloudevents.encode(made).removesuffix("{}}") + (data or largest_data()) + "}"


def document() -> dict[str, Any]:
    """The twin with the most devices that a twin.yaml has room for."""
    metrics = {f"metric_{number:04}": {"type": "number"} for number in range(_METRICS)}
    devices = {f"thermostat-{number}": "thermostat" for number in range(1, WITH_ROWS + 1)}
    devices |= {f"meter-{number}": "meter" for number in range(_METERS)}
    devices |= {f"pump-{number}": "pump" for number in range(DEVICES - WITH_ROWS - _METERS)}
    types = {
        **DOCUMENT["device_types"],
        "meter": {"telemetry": metrics, "commands": {}, "processor": None},
    }
    return {**DOCUMENT, "device_types": types, "devices": devices}


def file_of(
    devices: Sequence[str], at: float, path: Path, *, padded: bool = False, text: int = 0, suffix: str = ""
) -> tier_files.Name:
    """Write the longest file of some devices' events, in order, and return its name: one member, which does
    not become shorter when it is packed, as the release before may have put it. `padded`: as long as its
    parts may be, with blocks that hold nothing. `text`: how long its lines are then. Files with other
    suffixes have other events of the same times.
    """
    packer, digest = zlib.compressobj(0, wbits=31), sha256()
    longest = max(len(largest_event(f"e000{suffix}", device, at)) for device in devices) + 10
    count = ((text or tier_files.MAX_TEXT_BYTES) - 1) // longest // len(devices)
    with path.open("wb") as file:
        for device in devices:
            for number in range(count):
                line = largest_event(f"e{number:03}{suffix}", device, at, data_of(number)).encode() + b"\n"
                digest.update(line)
                file.write(packer.compress(line))
        file.write(packer.flush(zlib.Z_FULL_FLUSH))
        rest = FILE_BYTES - file.tell() - 100 if padded else 0
        file.write(_EMPTY_BLOCK * (rest // len(_EMPTY_BLOCK)))
        file.write(packer.flush())
    day = tier_files.day_of(times.from_epoch(at))
    rows = count * len(devices)
    return tier_files.Name("thermostat", day, devices[0], devices[-1], rows, digest.hexdigest()[:16])


def fill_index(objects: Objects, day: str, devices: Iterable[str]) -> None:
    """Give the buckets of some devices, of which nothing is indexed yet, as many entries of other devices in
    the month of a day as `ENTRIES`.
    """
    month = day[:7]
    name = f"events/type=thermostat/day={day}/thermostat-1~thermostat-9~5000~%016x.jsonl.gz"
    files = {str(number): [name % number, int(time.time())] for number in range(ENTRIES // 3)}
    others: dict[str, dict[str, list[Any]]] = {}
    for number in range(ENTRIES):
        device, its = f"other-{number // 28 % 150}", f"{month}-{number % 28 + 1:02}"
        first, last = (f"{its}T{hour:02}:00:00.000000Z#{number:036}" for hour in (0, 23))
        entry = [number % len(files), 60_000 * number, 60_000, 500, first, last]
        others.setdefault(device, {}).setdefault(its, []).append(entry)
    for of in {bucket(device) for device in devices}:
        document = {"files": files, "devices": others, "gone": {}}
        if not Index(objects).write(index.month_name(of, month), document, None):
            raise AssertionError(of)


def files_before(start: float) -> Iterator[Sequence[Row]]:
    """Rows that are in files already when those of `OldStore` are moved, among which they are: so many that
    each file is read whole, and one which a mover has put. The last ones are of one device, in more files
    than are left so.
    """
    for device, number in [(device, 1) for device in MANY] + [("thermostat-2", n) for n in range(1, 4)]:
        length = cloudevents.MAX_DATA_BYTES
        count = (due_rows.MAX_BYTES if device in MANY else OF_A_MERGED) // length
        some = [old_row(device, start + 60 * n + number, 10**6 + n, length) for n in range(count)]
        due = DUE[device][1]
        yield [old_row(device, start, 0, due), *some] if number == 1 else some


class Queue(MemoryQueue):
    """Takes bodies as Pub/Sub's adapter does, in base64 in one JSON document, and forgets them."""

    def send(self, bodies: Sequence[str], *, deadline: float = math.inf) -> None:
        json.dumps([b64encode(body.encode("ascii")).decode() for body in bodies]).encode()
        with self._lock:
            self.sends += len(bodies)


class Store(MemoryStore):
    """Takes rows as one document, and forgets them; its pages are as large as an adapter's longest."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = 0

    def put(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        json.dumps([row._asdict() for row in rows]).encode()
        with self._lock:
            self.writes += len(rows)
        return ()

    put_if_absent = put

    def query(
        self, device: str, *, start: str, end: str, limit: int, cursor: str | None, descending: bool
    ) -> Page:
        if not device.startswith("thermostat"):
            return Page([])
        with self._lock:
            self.pages += 1
        now = time.time()
        at, expires = times.from_epoch(now), int(now) + 1_000_000
        count = min(PAGE_BYTES // cloudevents.MAX_DATA_BYTES, limit)
        first = int(device.rpartition("-")[2])
        rows = [
            Row(device, at, str(n), cloudevents.TELEMETRY, data_of(first + n), _TRACE, expires, "thermostat")
            for n in range(count)
        ]
        return Page(rows, more=count < limit and self.pages < _PAGES)


def old_row(device: str, at: float, number: int, length: int) -> Row:
    """A row whose text hardly becomes shorter when it is packed."""
    time = times.from_epoch(at)
    text = Random(f"{device}{time}{number}").randbytes(length - 8).translate(_RANDOM).decode()
    return Row(
        device, time, f"{number:036}", cloudevents.TELEMETRY, f'{{"a":"{text}"}}', _TRACE,
        int(at) + 60 * 86_400, "thermostat", time, time, "behind",
    )  # fmt: skip


class OldStore(Store):
    """Has the rows of `DUE`, of the day that begins at `start`, a row a second. Each is made anew when it is
    asked for.
    """

    def __init__(self, start: float) -> None:
        super().__init__()
        self._day = tier_files.day_of(times.from_epoch(start))
        self._left = {
            device: {f"{times.from_epoch(start + n)}#{n:036}": (start + n, n) for n in range(count)}
            for device, (count, _) in DUE.items()
        }

    def query(
        self, device: str, *, start: str, end: str, limit: int, cursor: str | None, descending: bool
    ) -> Page:
        if limit > PAGE_ROWS:
            raise AssertionError(f"{limit} rows are asked for")
        if device == lifetimes.LATE:
            return self._notes(cursor, limit)
        with self._lock:
            known = dict(self._left.get(device, {}))
        low, high = (start, cursor or end) if descending else (cursor or start, end)
        keys = [key for key in known if low <= key < min(high, end) and key != cursor]
        found: list[Row] = []
        response: list[Row] = []
        size = 0
        for key in (keys[::-1] if descending else keys)[:limit]:
            length = DUE[device][1]
            if size and size + length > PAGE_BYTES:
                return Page(found + _answered(response), more=True)
            size += length
            response.append(old_row(device, *known[key], length))
            if len(response) * length > _RESPONSE_BYTES:
                found += _answered(response)
                response = []
        return Page(found + _answered(response))

    def _notes(self, cursor: str | None, limit: int) -> Page:
        """Notes of late rows, of devices whose turn has not come: twice as many as a run holds."""
        first = int(cursor.partition("#")[2][:10]) - _EARLY + 1 if cursor else 0
        found: list[Row] = []
        for number in range(first, min(first + limit, 2 * cold_run.MOST_LATE)):
            device = f"pump-{number % 10_000}"
            at = (_EARLY + number) * 300
            found.append(lifetimes.late_note(device, self._day, at))
        return Page(_answered(found), more=len(found) == limit)

    def delete(self, device: str, keys: Sequence[str]) -> None:
        with self._lock:
            for key in keys:
                self._left.get(device, {}).pop(key, None)


def _answered(rows: Sequence[Row]) -> list[Row]:
    """Rows as an adapter reads them from a response."""
    return [Row(**each) for each in json.loads(json.dumps([row._asdict() for row in rows]).encode())]


class Objects(MemoryObjects):
    """Has its bytes in files of `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._written = threading.Lock()

    def _path(self, name: str) -> Path:
        return self._folder / sha256(name.encode()).hexdigest()

    def give(self, name: tier_files.Name, path: Path) -> None:
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        self._add(Stored(str(name), path.stat().st_size, name.rows, digest))
        path.rename(self._path(str(name)))

    def state(self) -> tuple[Any, ...]:
        """All but the bytes; `take` is given it by another process."""
        return self.kept, self.versions

    def take(self, state: tuple[Any, ...]) -> None:
        self.kept, self.versions = state
        self._names = sorted(self.kept)
        self._numbers = numbers(len(self.kept) * 100)

    def put(self, name: str, body: bytes, *, rows: int, sha256: str) -> None:
        whole = b"".join((b"head", body, b"tail"))  # one request
        self._path(name).write_bytes(memoryview(whole)[4:-4])
        self._add(Stored(name, len(body), rows, sha256))

    def _add(self, stored: Stored) -> None:
        with self._lock:
            self.kept[stored.name] = (b"", stored)
            self._names = sorted(self.kept)

    def get(self, name: str, *, start: int = 0, length: int | None = None) -> bytes:
        super().get(name)
        left = self._path(name).stat().st_size - start if length is None else length
        found = bytearray()
        with self._path(name).open("rb") as file:
            file.seek(start)
            while chunk := file.read(min(65_536, left - len(found))):
                found += chunk
        return bytes(found)

    def read(self, name: str) -> Versioned | None:
        with self._written:
            found = super().read(name)
            return found and Versioned(self.get(name), found.version)

    def replace(self, name: str, body: bytes, *, version: str | None) -> str | None:
        with self._written:
            made = super().replace(name, b"", version=version)
            if made is not None:
                self._path(name).write_bytes(body)
            return made

    def delete(self, name: str) -> None:
        super().delete(name)
        self._path(name).unlink(missing_ok=True)


class Graph(MemoryGraph):
    """A graph of the twin's devices, none of which has a digest: all are written."""

    def __init__(self, twin: Twin) -> None:
        super().__init__()
        self._twin = twin
        self._by_type: dict[str | None, list[str]] = {None: list(twin.devices)}
        for id_, type_ in twin.devices.items():
            self._by_type.setdefault(type_, []).append(id_)
        self.writes = 0

    def twins(
        self, *, type: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[GraphTwin], str | None]:
        ids = self._by_type[type]
        start = int(cursor or 0)
        values = dict.fromkeys(self._twin.device_types["meter"].telemetry, 20.123456789012344)
        found = []
        for id_ in ids[start : start + limit]:
            its = values if self._twin.devices[id_] == "meter" else {}
            found.append({"id": id_, "type": self._twin.devices[id_], "name": id_, "values": its})
        page = json.loads(json.dumps(found).encode())
        end = start + limit
        return [GraphTwin(**each) for each in page], str(end) if end < len(ids) else None

    def twin(self, id: str) -> GraphTwin | None:
        return GraphTwin(id, self._twin.devices[id], id)

    def digests(self) -> Iterator[tuple[str, str]]:
        return ((id_, f"{number:016}") for number, id_ in enumerate(self._twin.devices))

    def put_twin(self, twin: GraphTwin, *, digest: str) -> None:
        self._write()

    def put_relationships(self, id: str, edges: Sequence[Relationship], *, digest: str) -> None:
        self._write()

    def set_values(self, id: str, values: Mapping[str, Any], time: str) -> None:
        self._write()

    def _write(self) -> None:
        with self._lock:
            self.writes += 1


class Ports(MemoryCloud):
    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self._folder = folder
        self.grafana_url = ""

    def queue(self, address: str) -> MemoryQueue:
        return self.queues.setdefault(address, Queue())

    def store(self, address: str) -> MemoryStore:
        return self.stores.setdefault(address, Store())

    def objects(self, address: str) -> MemoryObjects:
        return self.tiers.setdefault(address, Objects(self._folder))

    def graph(self, address: str, twin: Any) -> MemoryGraph:
        return self.graphs.setdefault(address, Graph(twin))

    def grafana(self, address: str) -> MemoryGrafana:
        return MemoryGrafana(self.grafana_url)
