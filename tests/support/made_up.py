"""Stores of any size that take little memory: rows are made when they are asked for, files lie on disk."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from support.memory import MemoryObjects, MemoryStore
from twin_runtime import times
from twin_runtime.ports import Page, Row, Stored, Unstored, Versioned
from twin_runtime.storage.rows import FOREVER
from twin_runtime.tiers.file_sinks import FileSink
from twin_runtime.tiers.tier_files import File

_TRACE = f"00-{'1' * 32}-{'2' * 16}-01"


class MadeUpStore:
    """`per_device` rows for each of `devices`, one every `step` seconds from `start` (Unix time) on.

    What is deleted is remembered, in a byte for each row. Other devices' rows are kept in memory.
    """

    def __init__(self, devices: Sequence[str], per_device: int, *, start: int, step: int) -> None:
        self._start = start
        self._step = step
        self._there = {device: bytearray(b"\1") * per_device for device in devices}
        self._notes = MemoryStore()

    def left(self) -> int:
        return sum(sum(each) for each in self._there.values())

    def put(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        return self._notes.put(rows, deadline=deadline)

    def put_if_absent(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        return self._notes.put_if_absent(rows, deadline=deadline)

    def query(
        self, device: str, *, start: str, end: str, limit: int, cursor: str | None, descending: bool
    ) -> Page:
        there = self._there.get(device)
        if there is None:
            return self._notes.query(
                device, start=start, end=end, limit=limit, cursor=cursor, descending=descending
            )
        assert not descending
        at, last = self._first(start), min(self._first(end), len(there))
        if cursor is not None:
            at = max(at, _number(cursor) + 1)
        rows: list[Row] = []
        while len(rows) < limit and (at := there.find(1, at, last)) >= 0:
            rows.append(self._row(device, at))
            at += 1
        return Page(rows)

    def delete(self, device: str, keys: Sequence[str]) -> None:
        there = self._there.get(device)
        if there is None:
            self._notes.delete(device, keys)
            return
        for key in keys:
            there[_number(key)] = 0

    def _first(self, time: str) -> int:
        """The number of the first row that is not before a time."""
        seconds = times.to_epoch(time) - self._start
        return max(int(-(-seconds // self._step)), 0)

    def _row(self, device: str, number: int) -> Row:
        data = (
            f'{{"temperature":{20 + number % 97 / 7!r},"humidity":{number % 100},'
            f'"pressure":{1_000 + number % 31 / 3!r},"battery":{number % 11 / 10!r}}}'
        )
        time = times.from_epoch(self._start + number * self._step)
        return Row(device, time, f"e{number}", "twinspan.telemetry.v1", data, _TRACE, FOREVER)


class Counting(FileSink):
    """Keeps nothing of a file but its size."""

    def __init__(self) -> None:
        self.files = self.rows = self.bytes = 0

    def store(self, file: File, *, deadline: float) -> Stored:
        self.files += 1
        self.rows += file.rows
        self.bytes += len(file.body)
        return Stored(file.name, len(file.body), file.rows, file.sha256)

    def settle(self, *, deadline: float) -> bool:
        return True


def _number(key: str) -> int:
    return int(key.rpartition("#e")[2])


class FolderObjects(MemoryObjects):
    """An object store whose bytes are in a folder, not in memory."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._on_disk = threading.Lock()
        folder.mkdir(parents=True)

    def put(self, name: str, body: bytes, *, rows: int, sha256: str) -> None:
        self._path(name).write_bytes(body)
        super().put(name, body, rows=rows, sha256=sha256)
        self.kept[name] = (b"", self.kept[name][1])

    def get(self, name: str, *, start: int = 0, length: int | None = None) -> bytes:
        super().get(name)
        body = self._path(name).read_bytes()
        return body[start:] if length is None else body[start : start + length]

    def read(self, name: str) -> Versioned | None:
        with self._on_disk:
            found = super().read(name)
            return found and found._replace(body=self._path(name).read_bytes())

    def replace(self, name: str, body: bytes, *, version: str | None) -> str | None:
        with self._on_disk:
            made = super().replace(name, body, version=version)
            if made is not None:
                self._path(name).write_bytes(body)
                self.kept[name] = (b"", self.kept[name][1])
            return made

    def delete(self, name: str) -> None:
        super().delete(name)
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / quote(name, safe="")
