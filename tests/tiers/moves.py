"""What the pairs share: a fleet and its rows, receivers behind loopback HTTP, faults, and what must hold."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from receivers.links import public
from support.deployed import Functions
from support.loopback import listening
from support.memory import MemorySecret
from support.platforms import Platform, Reply, Wire
from support.samples import API_KEY, DOCUMENT, KEY_1, log
from support.tiers import Killed, Tripwire
from tiers.services import TierIn
from twin_runtime import model, times
from twin_runtime.ports import Objects, Row, Store
from twin_runtime.storage import known_devices, notes, rows
from twin_runtime.tiers import claims, due_rows, expiry, progress, tier_files
from twin_runtime.tiers.catalogue import Catalogue
from twin_runtime.tiers.file_sinks import LocalFiles, RemoteFiles
from twin_runtime.wire.link_client import LinkClient
from twin_runtime.wire.secret_cache import CachedSecret

DAY = 86_400
DEVICES = 100
PART_BYTES = 20_000
"""Of a file in one request: files of 5,000 rows then have several parts."""
_TRACE = f"00-{'1' * 32}-{'2' * 16}-01"
_fleets = itertools.count(1)


class Fleet:
    """Up to 100 devices whose names no other test uses, and their rows of five days, which are due."""

    def __init__(self, count: int) -> None:
        number = next(_fleets)
        self.devices = {
            f"f{number}-{index:03}": "pump" if index % 4 == 0 else "thermostat"
            for index in range(min(DEVICES, count // 50))
        }
        self.document: dict[str, Any] = DOCUMENT | {
            "devices": self.devices,
            "safety_days": 30,
            "cold_days": 90,
            "archive_days": None,
        }
        self.twin = model.parse(self.document)
        self.now = time.time()
        self.rows = [self._row(n, count) for n in range(count)]

    def _row(self, number: int, count: int) -> Row:
        device = list(self.devices)[number % len(self.devices)]
        start = self.now // DAY * DAY - 45 * DAY
        data = f'{{"n":{number},"x":{number / 7!r},"s":"\\u00e9"}}'
        moment = times.from_epoch(start + number * 5 * DAY / count)
        expires = int(self.now) + 60 * DAY
        row = Row(
            device,
            moment,
            f"e{number}",
            "twinspan.telemetry.v1",
            data,
            f"00-{'1' * 32}-{'2' * 16}-01",
            expires,
        )
        if number % 5 == 0:  # of an earlier release
            return row
        return row._replace(subject=self.devices[device], received=moment)

    def fill(self, store: Store) -> None:
        for start in range(0, len(self.rows), 500):
            assert not rows.store(store, self.rows[start : start + 500], log()[0])

    def check_moved(self, store: Store, cold: Objects, *, expires: bool) -> None:
        """Each row is in one file, exactly. None is left in the hot store, or all are where they expire."""
        found: Counter[tuple[str, str]] = Counter()
        wanted = {
            (each.device, each.key): each._replace(expires=0, subject=self.devices[each.device])
            for each in self.rows
        }
        for name in names(cold):
            for row in tier_files.unpack(cold.get(name), name, self.twin, expires=0):
                found[row.device, row.key] += 1
                assert wanted[row.device, row.key] == row
        assert found == Counter(wanted.keys())
        left = {
            (row.device, row.key)
            for device in self.devices
            for row in due_rows.read(store, device, start=times.EARLIEST, end=times.LATEST)
        }
        assert left == (wanted.keys() if expires else set())

    def forget(self, store: Store) -> None:
        """Take away what the mover noted, and what it left, so that the next test meets an empty store."""
        for device in (known_devices.DEVICE, progress.DEVICE, claims.DEVICE, expiry.DEVICE):
            store.delete(device, [row.key for row in notes.read(store, device)])
        for device in self.devices:
            left = due_rows.read(store, device, start=times.EARLIEST, end=times.LATEST)
            if keys := [row.key for row in left]:
                store.delete(device, keys)


class Fuse(Tripwire):
    """A tripwire that lets calls of several threads pass at a time."""

    def __init__(self, at: int, *, after: bool) -> None:
        super().__init__(at, after=after)
        self._numbers = itertools.count(1)

    def around(self, call: Any, *args: Any, **named: Any) -> Any:
        if self.dead:
            raise Killed
        hit = next(self._numbers) == self.at
        if hit and not self.after:
            self.dead = True
            raise Killed
        result = call(*args, **named)
        if hit:
            self.dead = True
        if self.dead:
            raise Killed
        return result


def names(objects: Objects) -> Iterator[str]:
    after = ""
    while page := objects.names(tier_files.EVENTS, after=after):
        yield from page
        after = page[-1]


def faulty(platform: Platform, chance: float, seed: int) -> Platform:
    """A receiver that fails: before it has done anything, or after, so that its answer is lost."""
    dice = random.Random(seed)

    def call(wire: Wire) -> Reply:
        if dice.random() < chance / 2:
            return Reply(503, {"content-type": "application/json"}, b'{"error":"Not available now."}')
        reply = platform(wire)
        return Reply(502, {}, b"") if dice.random() < chance / 2 else reply

    return call


@contextmanager
def receiver(
    functions: Functions,
    cloud: str,
    role: str,
    objects: Objects,
    document: Mapping[str, Any],
    *,
    failures: float = 0.0,
) -> Iterator[CachedSecret]:
    """The writer of a tier behind its cloud's own entry point; gives the sender's secret."""
    function = functions.load(cloud, role, memory=TierIn(cloud, objects), twin=document)
    function.admit()
    with listening(faulty(public(function), failures, 7)) as server:
        secret = {"url": server.url + function.path, "api_key": API_KEY, "signing_keys": [KEY_1]}
        yield CachedSecret(MemorySecret(json.dumps(secret)))
        assert any(wire.header("webhook-signature") for wire, _ in server.seen)
        refused = [reply for _, reply in server.seen if 400 <= reply.status < 500]
        assert not refused, refused[0]


def remote(secret: CachedSecret) -> RemoteFiles:
    return RemoteFiles(
        LinkClient(secret, log=log("mover")[0], wait=10, sleep=lambda seconds: time.sleep(seconds / 40)),
        part_bytes=PART_BYTES,
    )


@contextmanager
def sink(
    functions: Functions,
    source: str,
    target: str,
    role: str,
    objects: Objects,
    document: Mapping[str, Any],
    *,
    failures: float = 0.0,
) -> Iterator[Any]:
    """Where the mover of `source` puts files for `target`: there itself, or over HTTPS."""
    if source == target:
        yield LocalFiles(Catalogue(objects, model.parse(document), log=log("mover")[0]))
        return
    with receiver(functions, target, role, objects, document, failures=failures) as secret:
        yield remote(secret)


def per_second(count: int, seconds: Sequence[float]) -> str:
    return f"{count} rows in {sum(seconds):.1f} s, {count / sum(seconds):.0f} rows/s, {len(seconds)} runs"
