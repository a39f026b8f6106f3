"""twin_sync: keeps the twin graph as twin.json describes it, and the latest values in it.

A run compares the digests of what is there with those of what should be, and writes what differs. It goes on
where the last one ended when its time was too short. Once a run has found nothing to do it marks the graph,
and for an hour no run compares again: by then it puts right what others have changed.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from itertools import islice
from typing import Any, NamedTuple

from twin_runtime.context import Context
from twin_runtime.deadlines import over
from twin_runtime.errors import Refused, Retry, Throttled
from twin_runtime.events import clocks, cloudevents
from twin_runtime.graph import graph
from twin_runtime.log import Log, failure
from twin_runtime.model import Twin
from twin_runtime.ports import Event, GraphWriter
from twin_runtime.storage.reader_client import Reader

CLEARED = "cleared"
"""With the time, the mark of a graph that is about to be deleted: for an hour runs leave it alone."""
_COMPARE_EVERY_S = 3600
_AT_A_TIME = 8
_PAGE = 500
_NEVER = ""
"""Sorts before every time."""
_Step = tuple[str, Callable[[], None]]
"""The id of a twin, and what is done for it."""


class _Latest(NamedTuple):
    """What the graph keeps of a device's newest event. The event itself may be a thousand times as large."""

    time: str
    values: Mapping[str, Any]


class TwinSync:
    """`reader` is None where the platform asks for the values itself. One run at a time."""

    def __init__(
        self,
        *,
        twin: Twin,
        graph: GraphWriter,
        reader: Reader | None,
        log: Log,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._twin = twin
        self._graph = graph
        self._reader = reader
        self._log = log
        self._clock = clock
        self._times: dict[str, str] = {}
        """The time of the values of each device whose twin is there."""
        self._listed: set[str] = set()
        """Device types whose twins have been listed."""
        self._prepared = ""

    def run(self, partition: int = 0, partitions: int = 1, *, budget: float) -> None:
        """Bring the graph up to date within `budget` seconds, as far as they go: its structure in the first
        partition, and in each the values of a part of the devices. Raises `Retry` when the graph or the store
        cannot be reached.
        """
        deadline = time.monotonic() + budget
        mark = self._graph.mark()
        if self._is_cleared(mark):
            self._log.warning("graph_cleared")
            return
        if partition == 0:
            self._keep_structure(mark, deadline)
        if self._reader is not None:
            for device_type in sorted(set(self._twin.devices.values())):
                if over(deadline):
                    return
                mine = _part(self._reader.latest(device_type), partition, partitions, self._twin)
                self._set_values(device_type, mine, deadline)

    def take(self, events: Iterable[Event]) -> None:
        """Values of events that a store hands over as they are written; an older one changes nothing, nor
        does one far ahead of the clock. Raises `Retry` when one was not set: all may come again.
        """
        newest: dict[str, _Latest] = {}
        end = clocks.latest(self._clock())
        for event in events:
            if event["time"] > end:
                continue
            device = cloudevents.device_of(event, self._twin)
            if device not in newest or newest[device].time < event["time"]:
                newest[device] = self._latest(device, event)
        for device, latest in newest.items():
            if device not in self._times:
                found = self._graph.twin(device)
                if found is None:
                    continue  # a run will make it, with the values it then has
                self._times[device] = self._plausible(found.time)
            self._set(device, latest)

    def clear(self, *, budget: float) -> int:
        """Delete the graph's twins, and mark it so that no run makes them again for an hour. Returns how many
        are left.
        """
        deadline = time.monotonic() + budget
        self._graph.set_mark(f"{CLEARED}:{int(self._clock())}")
        self._forget()
        ids = [id_ for id_, _ in self._graph.digests()]
        left = self._each(self._deletions(ids), deadline)
        self._log.info("cleared", twins=len(ids) - len(left), left=len(left))
        return len(left)

    @cached_property
    def _wanted(self) -> graph.Desired:
        return graph.desired(self._twin)

    def _is_cleared(self, mark: str) -> bool:
        word, _, since = mark.partition(":")
        return word == CLEARED and self._clock() < int(since) + _COMPARE_EVERY_S

    def _keep_structure(self, mark: str, deadline: float) -> None:
        wanted = self._wanted
        # TwinMaker takes tags of letters, digits and some marks alone.
        compared = f"{wanted.mark}:{int(self._clock() // _COMPARE_EVERY_S)}"
        if mark == compared:
            return
        if wanted.mark not in (mark.partition(":")[0], self._prepared):
            self._graph.prepare(self._twin)
            self._prepared = wanted.mark
        there = dict(self._graph.digests())
        changed = [id_ for id_, digest in wanted.digests.items() if there.get(id_) != digest]
        gone = [id_ for id_ in there if id_ not in wanted.twins]
        if not changed and not gone:
            # A service may list a new twin late: what was listed before now may lack some.
            self._forget()
            self._graph.set_mark(compared)
            return
        self._forget()
        left = self._write(wanted, changed, there, deadline)
        left += self._each(self._deletions(gone), deadline)
        self._log.info("synced", changed=len(changed), gone=len(gone), left=len(left))

    def _write(
        self, wanted: graph.Desired, changed: Sequence[str], there: Mapping[str, str], deadline: float
    ) -> list[str]:
        """Twins first, then edges, which both ends must be there for. Returns what was not written."""

        def twin(id_: str) -> None:
            whole = id_ not in there and not wanted.edges[id_]
            self._graph.put_twin(wanted.twins[id_], digest=wanted.digests[id_] if whole else "")

        def edges(id_: str) -> None:
            self._graph.put_relationships(id_, wanted.edges[id_], digest=wanted.digests[id_])

        left = self._each(((id_, partial(twin, id_)) for id_ in changed), deadline)
        missing = set(left)
        ready = [
            id_
            for id_ in changed
            if id_ not in missing
            and (id_ in there or wanted.edges[id_])
            and not any(edge.target in missing for edge in wanted.edges[id_])
        ]
        return left + self._each(((id_, partial(edges, id_)) for id_ in ready), deadline)

    def _deletions(self, ids: Sequence[str]) -> Iterator[_Step]:
        return ((id_, partial(self._graph.delete_twin, id_)) for id_ in ids)

    def _each(self, steps: Iterable[_Step], deadline: float) -> list[str]:
        """Take each step, several at a time; returns the ids of those that were not taken: the time was over,
        or it failed and the log says why.
        """
        throttled = False

        def one(step: _Step) -> bool:
            nonlocal throttled
            if throttled or over(deadline):
                return False
            id_, do = step
            try:
                do()
            except (Retry, Refused) as error:
                throttled = throttled or isinstance(error, Throttled)
                self._log.warning("twin_failed", twin=id_, reason=error.reason)
            except Exception as error:
                self._log.error("twin_failed", twin=id_, reason=failure(error))
            else:
                return True
            return False

        left: list[str] = []
        rest = iter(steps)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            while some := list(islice(rest, _PAGE)):
                done = pool.map(one, some)
                left += [id_ for (id_, _), success in zip(some, done, strict=True) if not success]
        return left

    def _set_values(self, device_type: str, events: Iterable[Event], deadline: float) -> None:
        if device_type not in self._listed:
            self._list(device_type)
        newer = 0

        def steps() -> Iterator[_Step]:
            nonlocal newer
            for event in events:
                device = cloudevents.device_of(event, self._twin)
                if self._times.get(device, event["time"]) < event["time"]:
                    newer += 1
                    yield device, partial(self._set, device, self._latest(device, event))
                if over(deadline):
                    return  # before the reader asks for another page

        left = self._each(steps(), deadline)
        if newer:
            self._log.info("values_set", type=device_type, devices=newer - len(left), left=len(left))

    def _latest(self, device: str, event: Event) -> _Latest:
        telemetry = self._twin.device_types[self._twin.devices[device]].telemetry
        return _Latest(event["time"], graph.measured(event["data"], telemetry))

    def _set(self, device: str, latest: _Latest) -> None:
        if self._times[device] >= latest.time:
            return
        self._graph.set_values(device, latest.values, latest.time)
        self._times[device] = latest.time

    def _list(self, device_type: str) -> None:
        cursor: str | None = None
        limit = graph.page_limit(self._twin, device_type, _PAGE)
        while True:
            twins, cursor = self._graph.twins(type=device_type, cursor=cursor, limit=limit)
            self._times.update((each.id, self._plausible(each.time)) for each in twins)
            if cursor is None:
                break
        self._listed.add(device_type)

    def _plausible(self, time: str | None) -> str:
        """The time of a twin's values. An earlier release may have set them from an event far ahead of the
        clock: the next event replaces those.
        """
        return time if time is not None and time <= clocks.latest(self._clock()) else _NEVER

    def _forget(self) -> None:
        """What was known of the twins that are there."""
        self._times.clear()
        self._listed.clear()


def _part(events: Iterator[Event], partition: int, partitions: int, twin: Twin) -> Iterator[Event]:
    for event in events:
        if zlib.crc32(cloudevents.device_of(event, twin).encode()) % partitions == partition:
            yield event


def assemble(context: Context) -> TwinSync:
    """Without the hot store, which AWS does not give it, it keeps the twins and no values."""
    reads = context.settings["STORE"] or context.settings["LINK_SECRET"]
    return TwinSync(
        twin=context.twin,
        graph=context.cloud.graph(context.settings["GRAPH"], context.twin),
        reader=context.reader() if reads else None,
        log=context.log,
    )
