"""archive_mover: takes old files from the cold tier to the archive in another cloud.

A file is copied, the archive's writer tells what it then stores, and only when that is the file is it deleted
in the cold tier. A run that is killed left it in one of the two, or in both: the next one copies it again,
which is storing it once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from zlib import crc32

from twin_runtime.context import Context
from twin_runtime.errors import Refused, Retry
from twin_runtime.log import Log, failure
from twin_runtime.model import Twin
from twin_runtime.ports import Objects, Stored
from twin_runtime.tiers import due_rows, file_sinks, tier_files
from twin_runtime.tiers.file_sinks import FileSink
from twin_runtime.tiers.tier_files import EVENTS, File

_PAGE = 1_000
_MOST_FAILURES = 3
"""A file that cannot be moved now keeps no other waiting; where several in a row cannot, none can."""
_BEHIND_DAYS = 3
"""A file that is overdue for longer, and that a run had no time for, is reported."""


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

        Raises `Retry` when a service fails, and at its end when a file could not be moved: others have been.
        """
        if not 0 <= partition < partitions:
            raise ValueError(f"partition {partition} is none of {partitions}")
        deadline, longest = time.monotonic() + budget, 0.0
        files = count = size = aside = failures = 0
        reason, left = "", ""
        for name in self._due():
            if crc32(name.encode("ascii")) % partitions != partition:
                continue
            began = time.monotonic()
            if deadline - began <= longest:
                left = tier_files.parse_name(name).day
                break
            try:
                moved = self._move(name, deadline)
            except (Refused, Retry) as error:
                self._log.error("file_refused", reason=error.reason, name=name)
                aside, reason = aside + 1, error.reason
                failures = failures + 1 if isinstance(error, Retry) else 0
                if failures >= _MOST_FAILURES:
                    break
            except Exception as error:
                self._log.warning("move_failed", reason=failure(error), files=files)
                raise
            else:
                failures = 0
                if moved is not None:
                    files, count, size = files + 1, count + moved.rows, size + moved.size
            longest = max(longest, time.monotonic() - began)
        done = not left and not aside
        late = (date.fromisoformat(self._line()) - date.fromisoformat(left)).days if left else 0
        self._log.info(
            "archived", files=files, rows=count, bytes=size, done=done, oldest_due_days=late, aside=aside
        )
        if aside or late > _BEHIND_DAYS:
            self._log.error("behind", aside=aside, oldest_due_days=late)
        if aside:
            raise Retry(f"{aside} files could not be moved. {reason}")
        return Archived(files, count, size, done)

    def _line(self) -> str:
        """The day before which files are due."""
        assert self._twin.cold_days is not None
        return tier_files.day_of(due_rows.cutoff(self._clock(), self._twin.cold_days))

    def _due(self) -> Iterator[str]:
        """The names of all files that are due, in order; those of a type that are not are passed over."""
        if self._twin.cold_days is None:
            return
        before, after = self._line(), ""
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

    def _move(self, name: str, deadline: float) -> Stored | None:
        """None where the file is gone: another run has moved it. Its bytes are not returned, so that no two
        files are held at a time.
        """
        stored = self._objects.stat(name)
        if stored is None:
            return None
        body = self._objects.get(name)
        if sha256(body).hexdigest() != stored.sha256:
            raise Refused("The bytes of the file are not those that its checksum was made from.")
        file = File(name, body, stored.rows, stored.sha256)
        file_sinks.verified(file, self._sink.store(file, deadline=deadline))
        self._objects.delete(name)
        return stored


def assemble(context: Context) -> ArchiveMover:
    objects = context.cloud.objects(context.settings["COLD_STORE"])
    return ArchiveMover(twin=context.twin, objects=objects, sink=context.file_sink(), log=context.log)
