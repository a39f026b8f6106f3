"""When the hot store may delete rows that have expired: as long as none of them is in no file.

The mover allows it until the earliest moment at which such a row could expire, less a margin. It says so
again in each run. When it stands still, that moment comes, and the cloud stops the expiry by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from twin_runtime import jsontext, times
from twin_runtime.errors import Retry
from twin_runtime.events.clocks import MOST_AHEAD_S
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Expiry, Store
from twin_runtime.storage import lifetimes, notes
from twin_runtime.storage.lifetimes import Lifetime
from twin_runtime.tiers import due_rows
from twin_runtime.tiers.progress import Progress
from twin_runtime.tiers.tier_files import first_of

DEVICE = "~expiry"
_BEGAN = "began"
_DAY = 86_400
_MARGIN_DAYS = 3
"""A store takes an hour to stop, and this is to be tried again."""
_SHORTEST_DAYS = 1
"""`hot_days` is not less: so long does a row last at least of which nothing is noted."""
_MOST_NEW = 100
"""Devices that no run has looked at, whose first rows are asked for. With more, a store is taken up."""


def until(
    now: float,
    twin: Twin,
    *,
    unmoved: Iterable[str],
    late: Iterable[float],
    noted: Sequence[Lifetime],
    began: float,
) -> float:
    """The moment, in Unix time, until which every row that expires is in a file, less the margin.

    `unmoved` are times before which each row of a device is in a file; `late` are moments from which on late
    rows were written; of rows that were written before `began` no lifetime is known.
    """
    lives = [*noted, Lifetime(twin.expire_days, int(now)), Lifetime(_SHORTEST_DAYS, int(began))]

    def earliest(since: float) -> float:
        """When a row can expire that was written then or later, as far as notes go."""
        return since + _DAY * min(
            (each.days for each in lives if each.until + MOST_AHEAD_S >= since), default=twin.expire_days
        )

    moments = [
        # What is written from now on lasts for the safety days and a day more, by any twin.yaml.
        now + (twin.safety_days + _SHORTEST_DAYS) * _DAY,
        *(earliest(since) for since in {times.to_epoch(time) for time in unmoved}),
        *(earliest(at) for at in late),
    ]
    return min(moments) - _MARGIN_DAYS * _DAY


def allow(
    expiry: Expiry,
    store: Store,
    twin: Twin,
    devices: Mapping[str, str],
    progress: Progress,
    late: Iterable[float],
    log: Log,
    *,
    clock: Callable[[], float],
) -> None:
    """Allow the store's expiry for as long as may be; raises `errors.Retry`."""
    now = clock()
    unmoved = [progress.first(device) for device in devices if progress.through(device)]
    unmoved += [first_of(day) for _, day, _ in progress.aside()]
    new = [device for device in devices if not progress.through(device)]
    if len(new) > _MOST_NEW:
        unmoved.append(times.EARLIEST)
    else:
        for device in new:
            first = due_rows.read(store, device, start=times.EARLIEST, end=times.LATEST, first=1)
            unmoved += [row.time for row in [next(first, None)] if row is not None]
    noted = list(lifetimes.noted(store)) + list(lifetimes.noted(store, lifetimes.EARLIER))
    moment = until(now, twin, unmoved=unmoved, late=late, noted=noted, began=_began(store, now))
    state = expiry.allow(moment)
    log.info("expiry", state=state, days=round((moment - now) / _DAY, 1))


def _began(store: Store, now: float) -> float:
    """When the first mover noted this store, which it does in its first run."""
    found = notes.find(store, DEVICE, _BEGAN)
    if found is not None:
        return jsontext.loads(found.data, max_bytes=1_000)["at"]
    note = notes.note(DEVICE, _BEGAN, jsontext.dumps({"format": 1, "at": now}))
    for lost in store.put_if_absent([note]):
        raise Retry(lost.reason)
    return now
