"""Tiers in memory that can be killed at any call, and what must hold after each of them."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from support.memory import MemoryExpiry, MemoryObjects, MemorySecret, MemoryStore
from support.samples import API_KEY, DOCUMENT, KEY_1, log
from twin_runtime import model, times
from twin_runtime.errors import Refused
from twin_runtime.functions.cold_mover import ColdMover
from twin_runtime.ports import Request, Row, Stored
from twin_runtime.storage import lifetimes
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.catalogue import Catalogue
from twin_runtime.tiers.file_sinks import FileSink, LocalFiles
from twin_runtime.tiers.tier_reader import TierReader
from twin_runtime.tiers.tier_writer import TierWriter
from twin_runtime.wire.http_client import Answer, HttpClient
from twin_runtime.wire.link_client import LinkClient
from twin_runtime.wire.secret_cache import CachedSecret

DAY = 86_400
NOW = 1_717_200_000.0
"""2024-06-01T00:00:00Z: with 30 hot days, and an hour, what was before 2024-05-01 is due."""
DUE = 1_714_521_600.0
TWIN = model.parse(DOCUMENT | {"safety_days": 30, "cold_days": 90, "archive_days": 3650})

Identity = tuple[str, str]


class Refusing(LocalFiles):
    """A cold tier that refuses every file while `refuses` says so."""

    def __init__(self, catalogue: Catalogue, refuses: Callable[[], bool]) -> None:
        super().__init__(catalogue)
        self._refuses = refuses

    def store(self, file: tier_files.File, *, deadline: float) -> Stored:
        if self._refuses():
            raise Refused("The store refuses it.")
        return super().store(file, deadline=deadline)


def row(
    device: str = "thermostat-1",
    at: float | str = DUE - DAY,
    id: str = "e1",
    data: str = '{"temperature":21.5}',
    *,
    now: float = NOW,
    subject: str = "",
) -> Row:
    """A row of the hot store, as the writer makes it."""
    moment = at if isinstance(at, str) else times.from_epoch(at)
    made = Row(
        device,
        moment,
        id,
        "twinspan.telemetry.v1",
        data,
        f"00-{'1' * 32}-{'2' * 16}-01",
        0,
        subject=subject or TWIN.devices.get(device, "thermostat"),
        received=moment,
    )
    since = max(now, times.to_epoch(made.time))
    return made._replace(expires=int(since) + TWIN.expire_days * DAY)


class Killed(BaseException):
    """The process is gone: nothing in it runs any more, so its ports answer nothing else."""


class Tripwire:
    """Counts calls of ports. The process dies before or after call number `at`; `watch` runs after each."""

    def __init__(self, at: int | None = None, *, after: bool = False) -> None:
        self.at = at
        self.after = after
        self.calls = 0
        self.dead = False
        self.watch: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def around(self, call: Callable[..., Any], *args: Any, **named: Any) -> Any:
        with self._lock:
            if self.dead:
                raise Killed
            self.calls += 1
            if self.calls == self.at and not self.after:
                self.dead = True
                raise Killed
            result = call(*args, **named)
            self.watch()
            if self.calls == self.at:
                self.dead = True
                raise Killed
            return result


class Wired:
    """A port behind a tripwire."""

    def __init__(self, port: Any, wire: Tripwire) -> None:
        self._port = port
        self._wire = wire

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return (lambda *args, **named: self._wire.around(found, *args, **named)) if callable(found) else found


@dataclass
class Tiers:
    """A hot store and a cold one, and all rows that were ever written to them."""

    hot: MemoryStore
    cold: MemoryObjects
    written: dict[Identity, Row]
    now: float = NOW
    refuses: bool = False

    @classmethod
    def empty(cls) -> Tiers:
        return cls(MemoryStore(), MemoryObjects(), {})

    def __post_init__(self) -> None:
        self.expiry = MemoryExpiry(self.hot, lambda: self.now)
        self.log, self.lines = log("cold_mover")

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of an event, in order."""
        return self.lines.named(event)

    def write(self, *found: Row) -> None:
        """Write rows, and before them the notes of late ones, as a writer did a while ago."""
        for each in found:
            self.written[each.device, each.key] = each
        ago = self.now - lifetimes.SETTLED_S - 300
        late = {(each.device, each.time[:10]) for each in found if each.time < times.from_epoch(ago - DAY)}
        self.hot.put([lifetimes.late_note(device, day, ago) for device, day in late])
        self.hot.put(list({(each.device, each.key): each for each in found}.values()))

    def mover(
        self,
        wire: Tripwire | None = None,
        *,
        twin: model.Twin = TWIN,
        sink: FileSink | None = None,
        workers: int = 1,
        expires: bool = True,
    ) -> ColdMover:
        """`expires`: the store deletes what has expired by itself, as DynamoDB does; else the mover does."""
        wire = wire or Tripwire()
        store: Any = Wired(self.hot, wire)
        return ColdMover(
            twin=twin,
            store=store,
            sink=sink or Refusing(self.catalogue(wire), lambda: self.refuses),
            expiry=Wired(self.expiry, wire) if expires else None,  # type: ignore[arg-type]
            log=self.log,
            clock=lambda: self.now,
            sleep=lambda _: None,
            workers=workers,
        )

    def catalogue(self, wire: Tripwire | None = None, *, twin: model.Twin = TWIN) -> Catalogue:
        """Of the cold store."""
        cold: Any = Wired(self.cold, wire or Tripwire())
        return Catalogue(cold, twin, log=log("cold_mover")[0], clock=lambda: self.now, workers=1)

    def in_hot(self) -> set[Identity]:
        return {key for key in list(self.hot.rows) if not key[0].startswith("~")}

    def notes(self, device: str) -> list[Row]:
        return [each for (name, _), each in self.hot.rows.items() if name == device]

    def files(self) -> dict[str, tuple[bytes, Stored]]:
        """The files of events, with what the store says of each."""
        kept = list(self.cold.kept.items())
        return {name: each for name, each in kept if name.startswith(tier_files.EVENTS)}

    def in_cold(self) -> Counter[Identity]:
        """How often each row is in a file; every file is read as strictly as a writer does."""
        return Counter(
            (each.device, each.key)
            for name, (body, _) in list(self.cold.kept.items())
            if name.startswith(tier_files.EVENTS)
            for each in unpacked(name, body)
        )

    def due(self) -> set[Identity]:
        return {key for key, each in self.written.items() if times.to_epoch(each.time) < DUE}

    def check_nothing_is_lost(self) -> None:
        """What must hold at any time."""
        lost = self.written.keys() - self.hot.rows.keys()
        for name, (body, _) in self.files().items() if lost else ():
            lost -= identities(name, body)
        assert not lost

    def check_moved(self) -> None:
        """What must hold when all that is due was moved."""
        assert self.in_cold() == Counter(self.due())
        assert self.in_hot() >= self.written.keys() - self.due()
        files = self.files()
        for name, (body, stored) in files.items():
            assert stored.rows == len(unpacked(name, body))
        found = {
            (each.device, each.key): each
            for name, (body, _) in files.items()
            for each in unpacked(name, body)
        }
        for key in self.due():
            assert found[key]._replace(expires=0) == self.written[key]._replace(expires=0)


@lru_cache(maxsize=512)
def identities(name: str, body: bytes) -> frozenset[Identity]:
    return frozenset((each.device, each.key) for each in unpacked(name, body))


@lru_cache(maxsize=512)
def unpacked(name: str, body: bytes) -> tuple[Row, ...]:
    return tuple(tier_files.unpack(body, name, TWIN))


def many(count: int, devices: Sequence[str], *, days: int = 3, start: float = DUE - 3 * DAY) -> list[Row]:
    """Rows spread over devices and days, all of them due."""
    step = days * DAY / max(count, 1)
    return [
        row(devices[n % len(devices)], start + n * step, f"e{n}", f'{{"n":{n},"x":{n / 7!r}}}')
        for n in range(count)
    ]


class Direct(HttpClient):
    """Hands requests to a function's role in this process. `before` may raise, or answer in its place."""

    def __init__(self, role: Any, before: Callable[[Request], Answer | None] = lambda _: None) -> None:
        super().__init__()
        self._role = role
        self.before = before
        self.requests: list[Request] = []

    def request(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        timeout: float,
        longest_answer: int = 1_000_000,
    ) -> Answer:
        query = dict(parse_qsl(urlsplit(url).query))
        request = Request(method, headers, body or b"", query)
        self.requests.append(request)
        answer = self.before(request)
        if answer is None:
            response = self._role.handle(request)
            assert len(response.body) <= longest_answer
            answer = Answer(response.status, response.headers, response.body)
        return answer


SENDER = json.dumps({"url": "https://receiver.example/in", "api_key": API_KEY, "signing_keys": [KEY_1]})
RECEIVER = json.dumps({"signing_keys": [KEY_1]})


def link_to(client: HttpClient, *, secret: str = SENDER) -> LinkClient:
    """A link whose receiver is reached by `client`; it waits for nothing."""
    return LinkClient(
        CachedSecret(MemorySecret(secret)), log=log("sender")[0], client=client, sleep=lambda _: None
    )


def writer_of(objects: Any, twin: model.Twin = TWIN, *, reads: bool = True) -> TierWriter:
    """The receiver of files of a tier, which checks signatures and API keys."""
    return TierWriter(
        twin=twin,
        objects=objects,
        log=log("cold_writer")[0],
        link=CachedSecret(MemorySecret(RECEIVER)),
        api_keys=CachedSecret(MemorySecret(json.dumps({"api_keys": [API_KEY]}))),
        reader=TierReader(objects, twin, clock=lambda: NOW) if reads else None,
        catalogue=(
            Catalogue(objects, twin, log=log("cold_writer")[0], clock=lambda: NOW, workers=1)
            if reads
            else None
        ),
    )
