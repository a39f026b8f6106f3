"""archive_mover: takes old files from the cold tier to the archive in another cloud.

A file is copied, the archive's writer tells what it then stores, and only when that is the file is it deleted
in the cold tier. A run that is killed left it in one of the two, or in both: the next one copies it again,
which is storing it once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from zlib import crc32

from twin_runtime.context import Context
from twin_runtime.errors import Refused, Retry
from twin_runtime.log import Log, failure
from twin_runtime.model import Twin
from twin_runtime.ports import Objects
from twin_runtime.tiers import due_rows, file_sinks, tier_files
from twin_runtime.tiers.file_sinks import FileSink
from twin_runtime.tiers.tier_files import EVENTS, File

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Archived:
    """What a run did. `done`: nothing that is due is left to it."""

    files: int = 0
    rows: int = 0
    bytes: int = 0
    done: bool = True


class ArchiveMover:
    """Each run moves the files of one partition, one after the other."""

    def __init__(
        self,
        *,
        twin: Twin,
        objects: Objects,
        sink: FileSink,
        log: Log,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._twin = twin
        self._objects = objects
        self._sink = sink
        self._log = log
        self._clock = clock

    def run(self, partition: int, partitions: int, *, budget: float) -> Archived:
        """Move the files whose whole day is `cold_days` old, for `budget` seconds at most.

        Raises `Retry` when a service fails, and at its end when a file could not be moved.
        """
        if not 0 <= partition < partitions:
            raise ValueError(f"partition {partition} is none of {partitions}")
        deadline, longest = time.monotonic() + budget, 0.0
        files = count = size = 0
        problem: Refused | None = None
        done = True
        try:
            for name in self._due():
                if crc32(name.encode("ascii")) % partitions != partition:
                    continue
                began = time.monotonic()
                if deadline - began <= longest:
                    done = False
                    break
                try:
                    moved = self._move(name, deadline)
                except Refused as error:
                    self._log.error("file_refused", reason=error.reason, name=name)
                    problem = error
                else:
                    if moved is not None:
                        files, count, size = files + 1, count + moved.rows, size + len(moved.body)
                longest = max(longest, time.monotonic() - began)
        except Exception as error:
            reason = error.reason if isinstance(error, Retry) else failure(error)
            self._log.warning("move_failed", reason=reason, files=files)
            raise
        done = done and problem is None
        self._log.info("archived", files=files, rows=count, bytes=size, done=done)
        if problem is not None:
            raise Retry(problem.reason)
        return Archived(files, count, size, done)

    def _due(self) -> Iterator[str]:
        """The names of all files that are due, in order; those of a type that are not are passed over."""
        days = self._twin.cold_days
        if days is None:
            return
        before = tier_files.day_of(due_rows.cutoff(self._clock(), days))
        after = ""
        while names := self._objects.names(EVENTS, after=after, limit=_PAGE):
            for text in names:
                after = text
                try:
                    name = tier_files.parse_name(text)
                except tier_files.Invalid as error:
                    self._log.warning("name_unknown", reason=str(error), name=text)
                    continue
                if name.day >= before:
                    # In the order of text no name of the type lies behind this one.
                    after = f"{tier_files.type_folder(name.type)}~"
                    break
                yield text

    def _move(self, name: str, deadline: float) -> File | None:
        """None where the file is gone: another run has moved it."""
        stored = self._objects.stat(name)
        if stored is None:
            return None
        body = self._objects.get(name)
        if sha256(body).hexdigest() != stored.sha256:
            raise Refused("The bytes of the file are not those that its checksum was made from.")
        file = File(name, body, stored.rows, stored.sha256)
        file_sinks.verified(file, self._sink.store(file, deadline=deadline))
        self._objects.delete(name)
        return file


def assemble(context: Context) -> ArchiveMover:
    objects = context.cloud.objects(context.settings["COLD_STORE"])
    return ArchiveMover(twin=context.twin, objects=objects, sink=context.file_sink(), log=context.log)
