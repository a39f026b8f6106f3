"""One run of cold_mover: what it does between two claims of a partition."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from zlib import crc32

from twin_runtime.errors import Refused, Retry
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Row, Store
from twin_runtime.storage import holds, known_devices, rows
from twin_runtime.storage.holds import Holds
from twin_runtime.tiers import due_rows, file_sinks, tier_files
from twin_runtime.tiers.checkpoints import Checkpoint, Checkpoints
from twin_runtime.tiers.due_rows import Due, Turns
from twin_runtime.tiers.file_sinks import FileSink

AT_RISK_DAYS = 20
"""A row that is moved as soon as it is due has the safety days, 30, left. A run may end before it has moved
everything: after a long outage, or when hot_days was lowered. Ten days late, no later run has helped."""
_DELETE_AT_ONCE = 500
_GROUP = 500
"""A day is gathered over as many devices before the next: more would have to be remembered."""
_TURN_S = 900
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Moved:
    """What a run did. `done`: nothing that is due is left to it."""

    files: int = 0
    rows: int = 0
    bytes: int = 0
    done: bool = True


@dataclass(frozen=True, slots=True)
class Means:
    """What a run works with."""

    twin: Twin
    store: Store
    sink: FileSink
    log: Log
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    workers: int


class ColdRun:
    """One run, of one partition."""

    def __init__(
        self, means: Means, notes: Checkpoints, partition: int, partitions: int, deadline: float
    ) -> None:
        self._means = means
        self._notes = notes
        self._partition = partition
        self._partitions = partitions
        self._deadline = deadline
        self._longest = 0.0
        self._turns: list[tuple[str, Turns]] = []
        self.moved = Moved()

    def move(self) -> Moved:
        means = self._means
        devices = known_devices.known(means.store, means.twin, mine=self._is_mine, sleep=means.sleep)
        pending = self._notes.pending()
        if self._partition and any(each.partitions != self._partitions for each in pending):
            # Partition 0 settles those first: until then their rows might be taken twice.
            means.log.info("waiting", reason="What was begun with other partitions is not settled yet.")
            return replace(self.moved, done=False)
        for checkpoint in pending:
            self._settle(checkpoint, devices)
        self._turns = self._made(devices)
        refused: Refused | None = None
        for type, batch in self._batches():
            began = time.monotonic()
            if self._deadline - began <= self._longest:
                return self._end(done=False)
            try:
                self._take(type, batch)
            except Refused as error:
                means.log.error("file_refused", reason=error.reason, rows=len(batch), device=batch[0].device)
                refused = error
            self._longest = max(self._longest, time.monotonic() - began)
        moved = self._end(done=refused is None and not self._out_of_time())
        if refused is not None:
            raise Retry(refused.reason)
        return moved

    def _made(self, devices: Mapping[str, str]) -> list[tuple[str, Turns]]:
        """The devices in groups of one type. Each run begins with another: where there is more than runs can
        do, none waits for ever.
        """
        means = self._means
        now = means.clock()
        before = due_rows.due_before(means.store, means.twin, now)
        # A day is due as a whole: not before that do its first rows have this much less than the safety days.
        due = Due(before, expires=now + (means.twin.safety_days - 1) * _DAY)
        held = self._holds()
        groups: list[tuple[str, Turns]] = []
        for type in sorted(set(devices.values())):
            mine = sorted(name for name, its in devices.items() if its == type and self._is_mine(name))
            for at in range(0, len(mine), _GROUP):
                some = mine[at : at + _GROUP]
                turns = Turns(means.store, some, due=due, holds=held, ended=self._out_of_time)
                groups.append((type, turns))
        first = int(now // _TURN_S) % max(len(groups), 1)
        return groups[first:] + groups[:first]

    def _batches(self) -> Iterator[tuple[str, list[Row]]]:
        """What is due, by the type that rows are of: a turn of each group, and again of those that have more.
        Rows of earlier releases are of their device's type.
        """
        groups = self._turns
        while groups and not self._out_of_time():
            for type, turns in groups:
                for batch in turns.next():
                    of_type: dict[str, list[Row]] = {}
                    for row in batch:
                        of_type.setdefault(row.subject or type, []).append(row)
                    yield from of_type.items()
            groups = [(type, turns) for type, turns in groups if turns.waiting]

    def _take(self, type: str, batch: list[Row]) -> None:
        # Rows that were brought back since the holds were read are now seen to be: a hold is put first.
        held = self._holds()
        batch = [row for row in batch if not held.covers(row)]
        if not batch:
            return
        file = tier_files.pack(batch, self._means.twin, type)
        checkpoint = self._notes.made(file, batch)
        self._notes.note(checkpoint)
        self._finish(checkpoint, file, batch)

    def _finish(self, checkpoint: Checkpoint, file: tier_files.File, batch: Sequence[Row]) -> None:
        try:
            stored = self._means.sink.store(file, deadline=self._deadline)
        except Refused:
            self._notes.clear(checkpoint)
            raise
        file_sinks.verified(file, stored)
        checkpoint = replace(checkpoint, state="verified", sha256=file.sha256)
        self._notes.note(checkpoint)
        self._delete(batch)
        self._notes.clear(checkpoint)
        self.moved = replace(
            self.moved,
            files=self.moved.files + 1,
            rows=self.moved.rows + file.rows,
            bytes=self.moved.bytes + len(file.body),
        )

    def _settle(self, checkpoint: Checkpoint, devices: Mapping[str, str]) -> None:
        """End what a killed run began."""
        name = tier_files.parse_name(checkpoint.name)
        members = [row for row in self._range(name, checkpoint, devices) if checkpoint.has(row)]
        if checkpoint.state == "verified":
            self._delete(members)
            self._notes.clear(checkpoint)
            self._means.log.info("settled", state=checkpoint.state, rows=len(members))
            return
        if len(members) == checkpoint.rows:
            file = tier_files.pack(members, self._means.twin, name.type)
            if file.name == checkpoint.name:
                self._finish(checkpoint, file, members)
                self._means.log.info("settled", state=checkpoint.state, rows=len(members))
                return
        self._means.log.warning("started_afresh", rows=checkpoint.rows, left=len(members))
        self._notes.clear(checkpoint)

    def _range(
        self, name: tier_files.Name, checkpoint: Checkpoint, devices: Mapping[str, str]
    ) -> Iterator[Row]:
        """All that is now in the hot store between the file's first row and its last."""
        start, end = tier_files.first_of(name.day), tier_files.first_of(due_rows.next_day(name.day))
        for device in sorted(device for device in devices if name.may_hold(device)):
            low = checkpoint.start if device == name.first else start
            for row in due_rows.read(self._means.store, device, start=low, end=end):
                if device == name.last and row.time > checkpoint.end:
                    break
                yield row

    def _delete(self, found: Sequence[Row]) -> None:
        chunks = [
            (device, keys[at : at + _DELETE_AT_ONCE])
            for device, group in groupby(found, lambda row: row.device)
            for keys in [[row.key for row in group]]
            for at in range(0, len(keys), _DELETE_AT_ONCE)
        ]
        store, workers = self._means.store, min(self._means.workers, len(chunks))
        if workers < 2:
            for chunk in chunks:
                store.delete(*chunk)
            return
        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(store.delete, *chunk) for chunk in chunks]:
                done.result()

    def _holds(self) -> Holds:
        clock = self._means.clock
        return Holds(holds.read(self._means.store, clock=clock), clock())

    def _is_mine(self, device: str) -> bool:
        return crc32(device.encode("ascii")) % self._partitions == self._partition

    def _out_of_time(self) -> bool:
        return time.monotonic() >= self._deadline

    def _end(self, *, done: bool) -> Moved:
        """Raises `Retry` when rows are left that the hot store deletes before long: an alarm tells of it."""
        moved = self.moved = replace(self.moved, done=done)
        self._means.log.info("moved", files=moved.files, rows=moved.rows, bytes=moved.bytes, done=done)
        waiting = [each.expires for _, turns in self._turns for each in turns.waiting.values()]
        days = (min(waiting, default=rows.FOREVER) - self._means.clock()) / _DAY
        if not done and days < AT_RISK_DAYS:
            raise Retry(
                f"The time was over with due rows left, the first of which expires in {days:.0f} days; "
                "give cold_mover more partitions or memory."
            )
        return moved
