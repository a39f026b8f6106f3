"""The largest of everything that a role is given, and ports that make the copies which an adapter makes, and
keep none.
"""

from __future__ import annotations

import json
import math
import string
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from random import Random
from typing import Any

from support.memory import MemoryCloud, MemoryGrafana, MemoryGraph, MemoryObjects, MemoryQueue, MemoryStore
from support.memory_bounds import DEVICES, FILE_BYTES, PAGE_BYTES, PAGE_ROWS
from support.samples import DOCUMENT
from twin_runtime import times
from twin_runtime.events import cloudevents
from twin_runtime.model import Twin
from twin_runtime.ports import GraphTwin, Page, Relationship, Row, Stored, Unstored
from twin_runtime.tiers import due_rows, tier_files

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
DUE = {
    "thermostat-1": (PAGE_ROWS + 150, cloudevents.MAX_DATA_BYTES),
    "thermostat-2": (2 * due_rows.MAX_ROWS, due_rows.MAX_BYTES // due_rows.MAX_ROWS),
}
"""Devices with old rows: how many, and the length of their data. Those of the first are the longest; of the
second a batch is as many as it can be, and as long."""
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


def file_of(device: str, at: float, path: Path, *, padded: bool) -> tier_files.Name:
    """Write the longest file of one device's events, which does not become shorter when it is packed, and
    return its name. `padded`: as long as its parts may be, with blocks that hold nothing.
    """
    packer, digest = zlib.compressobj(0, wbits=31), sha256()
    count = (tier_files.MAX_TEXT_BYTES - 1) // (len(largest_event("e000", device, at)) + 10)
    with path.open("wb") as file:
        for number in range(count):
            line = largest_event(f"e{number:03}", device, at, data_of(number)).encode() + b"\n"
            digest.update(line)
            file.write(packer.compress(line))
        file.write(packer.flush(zlib.Z_FULL_FLUSH))
        rest = FILE_BYTES - file.tell() - 100 if padded else 0
        file.write(_EMPTY_BLOCK * (rest // len(_EMPTY_BLOCK)))
        file.write(packer.flush())
    day = tier_files.day_of(times.from_epoch(at))
    return tier_files.Name("thermostat", day, device, device, count, digest.hexdigest()[:16])


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


class OldStore(Store):
    """Has the rows of `DUE`, of one day, whose text hardly becomes shorter when it is packed. Each row is
    made anew when it is asked for.
    """

    def __init__(self, at: float) -> None:
        super().__init__()
        start = times.to_epoch(tier_files.first_of(tier_files.day_of(times.from_epoch(at))))
        self._left = {
            device: {self._row(device, start + n, n).key: (start + n, n) for n in range(count)}
            for device, (count, _) in DUE.items()
        }

    def _row(self, device: str, at: float, number: int, data: str = "") -> Row:
        time = times.from_epoch(at)
        return Row(
            device, time, f"{number:036}", cloudevents.TELEMETRY, data, _TRACE, int(at) + 60 * 86_400,
            "thermostat", time, time, "device",
        )  # fmt: skip

    def query(
        self, device: str, *, start: str, end: str, limit: int, cursor: str | None, descending: bool
    ) -> Page:
        if limit > PAGE_ROWS:
            raise AssertionError(f"{limit} rows are asked for")
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
            text = Random(key).randbytes(length - 8).translate(_RANDOM).decode()
            response.append(self._row(device, *known[key], f'{{"a":"{text}"}}'))
            if len(response) * length > _RESPONSE_BYTES:
                found += _answered(response)
                response = []
        return Page(found + _answered(response))

    def delete(self, device: str, keys: Sequence[str]) -> None:
        with self._lock:
            for key in keys:
                self._left.get(device, {}).pop(key, None)


def _answered(rows: Sequence[Row]) -> list[Row]:
    """Rows as an adapter reads them from a response."""
    return [Row(**each) for each in json.loads(json.dumps([row._asdict() for row in rows]).encode())]


class Objects(MemoryObjects):
    """Has its bytes in files of `folder`. `given` are those that were there from the beginning."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def _path(self, name: str) -> Path:
        return self._folder / sha256(name.encode()).hexdigest()

    def give(self, name: tier_files.Name, path: Path) -> None:
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        self._add(Stored(str(name), path.stat().st_size, name.rows, digest))
        path.rename(self._path(str(name)))

    def put(self, name: str, body: bytes, *, rows: int, sha256: str) -> None:
        whole = b"".join((b"head", body, b"tail"))  # one request
        self._path(name).write_bytes(memoryview(whole)[4:-4])
        self._add(Stored(name, len(body), rows, sha256))

    def _add(self, stored: Stored) -> None:
        with self._lock:
            self.kept[stored.name] = (b"", stored)
            self._names = sorted(self.kept)

    def get(self, name: str) -> bytes:
        super().get(name)
        found = bytearray()
        with self._path(name).open("rb") as file:
            while chunk := file.read(65_536):
                found += chunk
        return bytes(found)


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
