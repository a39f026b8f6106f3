"""One run of cold_mover: what it does between the claim of a partition and its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import groupby

from twin_runtime import times
from twin_runtime.errors import Refused, Retry
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Expiry, Row, Store
from twin_runtime.storage import holds, known_devices, lifetimes
from twin_runtime.storage.holds import Holds
from twin_runtime.storage.lifetimes import Late
from twin_runtime.tiers import due_rows, earlier, expiry, file_sinks, tier_files
from twin_runtime.tiers.buckets import bucket
from twin_runtime.tiers.due_rows import Batch, Turns
from twin_runtime.tiers.file_sinks import FileSink
from twin_runtime.tiers.progress import Aside, Progress

_DELETE_AT_ONCE = 500
_GROUP = 500
"""A day is gathered over as many devices before the next: more would have to be remembered."""
_TURN_S = 900
_LATE_SHARE = 0.5
"""Of a run's time, for late rows at most: those that are due in their turn must not wait for them."""
MOST_LATE = 50_000
"""Notes of late rows that a run holds. The next one takes the others: expiry waits for all of them."""
_MOST_REFUSALS = 200
"""A sink that refuses as much refuses everything, and the rest of the run is spared. To find one row in the
largest batch takes 13."""
_MOST_FAILURES = 3
"""A batch that cannot be stored now keeps no other waiting; where several in a row cannot, none can."""
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Moved:
    """What a run did. `done`: nothing that is due is left to it, but for `aside` days of devices, which hold
    rows that no file takes. `oldest_due_days`: by how much the oldest row that is left is overdue.
    """

    files: int = 0
    rows: int = 0
    bytes: int = 0
    done: bool = True
    oldest_due_days: float = 0.0
    aside: int = 0


@dataclass(frozen=True, slots=True)
class Means:
    """What a run works with. `expiry` is None where the store deletes nothing by itself, or where that costs
    as much as a deletion: the mover then deletes what is in a file.
    """

    twin: Twin
    store: Store
    sink: FileSink
    expiry: Expiry | None
    log: Log
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    workers: int


class ColdRun:
    """One run, of one partition: the buckets whose number leaves `partition` when divided by `partitions`."""

    def __init__(self, means: Means, partition: int, partitions: int, deadline: float) -> None:
        self._means = means
        self._partition = partition
        self._partitions = partitions
        self._deadline = deadline
        self._now = means.clock()
        self._before = due_rows.due_before(self._now, means.twin.hot_days)
        self._last = due_rows.day_before(tier_files.day_of(self._before))
        self._today = tier_files.day_of(times.from_epoch(self._now))
        self._longest = 0.0
        self._oldest = times.LATEST
        self._refusals = 0
        self._failures = 0
        self._failed: set[str] = set()
        self._problem = ""
        self._turns: list[tuple[str, Turns]] = []
        self._awaited: list[Late] = []
        self.moved = Moved()

    def move(self) -> Moved:
        """Raises `Retry` when a service fails."""
        means = self._means
        devices = known_devices.known(means.store, means.twin, mine=self._is_mine, sleep=means.sleep)
        self._progress = Progress(means.store, sleep=means.sleep)
        late, moments = self._late(devices)
        if means.expiry is not None and self._partition == 0:
            expiry.allow(
                means.expiry,
                means.store,
                means.twin,
                devices,
                self._progress,
                moments,
                means.log,
                clock=means.clock,
            )
        if not means.sink.settle(deadline=self._deadline):
            means.log.info("waiting", reason="The catalogue of the files is not settled yet.")
            return self._end(done=False)
        if self._partition == 0:
            self._end_begun(devices)
        until = max((each.until for each in lifetimes.noted(means.store, lifetimes.EARLIER)), default=0)
        if until > self._now:
            means.log.info("waiting", reason="Functions of the release before may still write rows.")
            return self._end(done=False)
        if means.expiry is None:
            self._end_holds()
        mine = {name: type for name, type in devices.items() if self._is_mine(name)}
        done = self._again(late, mine)
        self._turns = self._made(mine)
        for type, turns, batch in self._batches():
            if not self._has_time():
                return self._end(done=False)
            if not self._in_files(type, batch.rows):
                turns.skip({row.device for row in batch.rows})
            self._reach(batch)
            batch.rows.clear()  # the next one is gathered while this one is still referred to
        done = done and len(late) < MOST_LATE
        return self._end(done=done and not self._failed and not self._out_of_time())

    def _late(self, devices: Container[str]) -> tuple[list[Late], set[float]]:
        """The oldest notes of late rows that this partition can act on, and the moments of all notes."""
        late: list[Late] = []
        moments: set[float] = set()
        for each in lifetimes.late(self._means.store):
            moments.add(each.at)
            if len(late) == MOST_LATE or each.device not in devices or not self._is_mine(each.device):
                continue
            # A day that a run with fewer hot_days took is read again when it is due.
            is_taken = self._last < each.day <= self._progress.through(each.device)
            if each.at + lifetimes.SETTLED_S <= self._now and not is_taken:
                late.append(each)
        return late, moments

    def _made(self, devices: Mapping[str, str]) -> list[tuple[str, Turns]]:
        """The devices in groups of one type. Each run begins with another: where there is more than runs can
        do, none waits for ever. Devices of which everything that is due is in files are left out.
        """
        means = self._means
        held = self._holds()
        groups: list[tuple[str, Turns]] = []
        for type in sorted(set(devices.values())):
            behind = [
                name
                for name in sorted(devices)
                if devices[name] == type and self._progress.through(name) < self._last
            ]
            for at in range(0, len(behind), _GROUP):
                starts = {name: self._progress.start(name) for name in behind[at : at + _GROUP]}
                turns = Turns(means.store, starts, before=self._before, holds=held, ended=self._out_of_time)
                groups.append((type, turns))
        first = int(self._now // _TURN_S) % max(len(groups), 1)
        return groups[first:] + groups[:first]

    def _batches(self) -> Iterator[tuple[str, Turns, Batch]]:
        """What is due: a turn of each group, and again of those that have more."""
        groups = self._turns
        while groups and not self._out_of_time():
            for type, turns in groups:
                for batch in turns.next():
                    yield type, turns, batch
            groups = [(type, turns) for type, turns in groups if turns.oldest is not None]

    def _again(self, late: Iterable[Late], devices: Mapping[str, str]) -> bool:
        """Move what was written late, of days that were moved before, and try again what was set aside. Says
        whether none of it is left.
        """
        until = time.monotonic() + (self._deadline - time.monotonic()) * _LATE_SHARE
        wanted: dict[tuple[str, str], list[str]] = {}
        needless: list[str] = []
        for each in late:
            if each.day > self._last:
                needless.append(each.key)  # it is read in its turn
            elif each.day <= self._progress.through(each.device):
                wanted.setdefault((each.day, each.device), []).append(each.key)
            elif self._progress.start(each.device)[1] is None:
                # The row is there, and its day is still to be read, from its start.
                self._awaited.append(each)
        for device, day, aside in self._progress.aside():
            if device in devices and aside.tried != self._today:
                wanted.setdefault((day, device), [])
        if needless:
            self._means.store.delete(lifetimes.LATE, needless)
        held = self._holds() if wanted else Holds(())
        for day, pairs in groupby(sorted(wanted), lambda pair: pair[0]):
            of_day = [device for _, device in pairs]
            for type in sorted({devices[device] for device in of_day}):
                some = [device for device in of_day if devices[device] == type]
                if not self._day_again(type, day, some, held, until):
                    return False
                for device in some:
                    if device not in self._failed and (keys := wanted[day, device]):
                        self._means.store.delete(lifetimes.LATE, keys)
        return True

    def _day_again(self, type: str, day: str, devices: Sequence[str], held: Holds, until: float) -> bool:
        """Move a day of devices once more. What is in files already, the sink leaves out. Says whether there
        was time for it.
        """
        starts = dict.fromkeys(devices, (tier_files.first_of(day), None))
        end = tier_files.first_of(due_rows.next_day(day))
        turns = Turns(self._means.store, starts, before=end, holds=held, ended=self._out_of_time)
        for batch in turns.all():
            if not self._has_time() or time.monotonic() >= until:
                return False
            if not self._in_files(type, batch.rows):
                turns.skip({row.device for row in batch.rows})
            batch.rows.clear()
        if self._out_of_time():
            return False
        for device in devices:
            if device not in self._failed:
                self._progress.tried(device, day, self._today)
        self._progress.save()
        return True

    def _in_files(self, type: str, found: Sequence[Row]) -> bool:
        """Store rows of one day, by the type that they are of; rows of earlier releases are of their
        device's. Says whether each is in a file, or set aside. Raises `Retry` when nothing can be stored now.
        """
        # Rows that were brought back since the holds were read are now seen to be: a hold is put first.
        held = self._holds() if found else Holds(())
        of_type: dict[str, list[Row]] = {}
        for row in found:
            if not held.covers(row):
                of_type.setdefault(row.subject or type, []).append(row)
        began = time.monotonic()
        try:
            for its, some in of_type.items():
                self._store(its, some)
        except Retry as error:
            self._failed.update(row.device for row in found)
            self._oldest = min(self._oldest, *(row.time for row in found))
            if not self._out_of_time():
                self._means.log.warning(
                    "store_failed", reason=error.reason, rows=len(found), device=found[0].device
                )
                self._failures += 1
                self._problem = error.reason
                if self._failures >= _MOST_FAILURES:
                    raise
            return False
        if found:
            self._failures = 0
            self._longest = max(self._longest, time.monotonic() - began)
        return True

    def _store(self, type: str, batch: Sequence[Row]) -> None:
        """Store rows; what is refused is halved until the rows are found that no file takes."""
        try:
            file = tier_files.pack(batch, self._means.twin, type)
            file_sinks.verified(file, self._means.sink.store(file, deadline=self._deadline))
        except (Refused, ValueError) as error:
            reason = error.reason if isinstance(error, Refused) else str(error)
            self._refusals += 1
            if self._refusals > _MOST_REFUSALS:
                raise Retry(reason) from error
            if len(batch) > 1:
                half = len(batch) // 2
                self._store(type, batch[:half])
                self._store(type, batch[half:])
                return
            row = batch[0]
            self._means.log.error("row_refused", reason=reason, device=row.device, time=row.time)
            day = tier_files.day_of(row.time)
            self._progress.set_aside(row.device, day, Aside(reason, self._today))
            return
        if self._means.expiry is None:
            self._delete(batch)
        self.moved = replace(
            self.moved,
            files=self.moved.files + 1,
            rows=self.moved.rows + file.rows,
            bytes=self.moved.bytes + len(file.body),
        )

    def _reach(self, batch: Batch) -> None:
        for device, mark in batch.reached.items():
            if device not in self._failed:
                self._progress.reach(device, mark)
        self._progress.save()

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

    def _end_begun(self, devices: Mapping[str, str]) -> None:
        """End the files that the release before has begun. Rows of one that cannot be ended are moved as any
        others.
        """
        means = self._means
        for each in list(earlier.begun(means.store, devices)):
            verified = each.verified
            if not verified and len(each.left) == each.rows:
                file = tier_files.pack(each.left, means.twin, tier_files.parse_name(each.name).type)
                if file.name == each.name:
                    file_sinks.verified(file, means.sink.store(file, deadline=self._deadline))
                    verified = True
            if verified:
                self._delete(each.left)
            means.store.delete(earlier.DEVICE, [each.key])
            means.log.info("ended", name=each.name, verified=verified, rows=len(each.left))

    def _end_holds(self) -> None:
        """Delete the rows that were brought back and whose time is over: no expiry does."""
        store = self._means.store
        for hold in holds.read(store):
            if hold.until > self._now or not self._is_mine(hold.device):
                continue
            some: list[Row] = []
            for row in due_rows.read(store, hold.device, start=hold.start, end=hold.end):
                some += [row] if hold.covers(row) else []
                if len(some) >= _DELETE_AT_ONCE:
                    self._delete(some)
                    some = []
                if self._out_of_time():
                    return
            self._delete(some)
            holds.remove(store, hold)

    def _holds(self) -> Holds:
        return Holds(holds.read(self._means.store))

    def _is_mine(self, device: str) -> bool:
        return int(bucket(device), 16) % self._partitions == self._partition

    def _out_of_time(self) -> bool:
        return time.monotonic() >= self._deadline

    def _has_time(self) -> bool:
        """Whether there is time for one more batch."""
        return self._deadline - time.monotonic() > self._longest

    def _end(self, *, done: bool) -> Moved:
        """Raises `Retry` when something could not be stored, which the next run tries again."""
        met = [each.key for each in self._awaited if each.day <= self._progress.through(each.device)]
        if met:
            self._means.store.delete(lifetimes.LATE, met)
        behind = (self._now - times.to_epoch(self._oldest_left())) / _DAY - self._means.twin.hot_days
        moved = self.moved = replace(
            self.moved,
            done=done,
            oldest_due_days=0.0 if done else round(max(behind, 0.0), 1),
            aside=sum(self._is_mine(device) for device, _, _ in self._progress.aside()),
        )
        self._means.log.info("moved", **asdict(moved))
        if self._problem:
            raise Retry(self._problem)
        return moved

    def _oldest_left(self) -> str:
        return min([self._oldest, *(turns.oldest or times.LATEST for _, turns in self._turns)])
