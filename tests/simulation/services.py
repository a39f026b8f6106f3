"""Services of the clouds in memory, with what the real ones promise and no more: queues deliver at least once
and in any order, queries may be behind, expired rows go whenever the store likes.

Reads of one key see every write before them, as the adapters ask for it: `ConsistentRead` of DynamoDB, a
point read of Cosmos DB after the write that was refused, Firestore, tables and objects always. Queries of
DynamoDB (without `ConsistentRead`) and of Cosmos DB (a session is one process) may be behind, each by another
time. Listings of objects may be behind too, although none of today's three stores is:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel,
https://cloud.google.com/storage/docs/consistency,
https://learn.microsoft.com/azure/storage/blobs/concurrency-manage.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from simulation.plan import Fault
from support.memory import MemoryObjects, MemoryQueue, MemoryStore
from twin_runtime import deadlines
from twin_runtime.log import Log
from twin_runtime.ports import Page, Row, Unstored
from twin_runtime.roles import Cloud
from twin_runtime.wire.http_client import Answer, HttpClient, Unreachable

if TYPE_CHECKING:
    from simulation.world import World

_K = TypeVar("_K")
_V = TypeVar("_V")

LAG_S = 4.0
"""By how much a query of DynamoDB or Cosmos DB, or a listing of objects, may be behind."""
_LAGS = 4
"""One after the other, reads are behind by 0, 1, 2 and 3 of so many parts of it: a later one may see less."""
_IN_PARTS = frozenset(("send", "put", "put_if_absent", "delete"))


class Gate:
    """A port of a role: each call of it passes through the world, where it takes time and may fail."""

    def __init__(self, port: Any, world: World, cloud: str, service: deadlines.Service, name: str) -> None:
        self.port = port
        self.name = name
        self.longest_s = deadlines.bounds(Cloud(cloud), service).longest_s
        self._world = world

    def __getattr__(self, method: str) -> Any:
        found = getattr(self.port, method)
        if not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            parts = None
            if method in _IN_PARTS:
                parts = self._parts(method, found, given, named)
            return self._world.call(self, method, lambda: found(*given, **named), parts)

        self.__dict__[method] = call
        return call

    @staticmethod
    def _parts(
        method: str, found: Callable[..., Any], given: Sequence[Any], named: Mapping[str, Any]
    ) -> Callable[[], Any] | None:
        """Does half of a call, and says so in the way of the service."""
        *first, items = given
        if not isinstance(items, Sequence) or isinstance(items, str | bytes) or not items:
            return None

        def half() -> Any:
            count = len(items) // 2
            missed = list(found(*first, items[:count], **named) or ()) if count else []
            if method.startswith("put"):
                return missed + [Unstored(at, "throttled") for at in range(count, len(items))]
            raise OSError("Some of it was refused.")

        return half


@dataclass(slots=True)
class Waiting:
    """A message in a queue. `left` is how often it is still delivered when it is done."""

    number: int
    body: Any
    attempts: int = 0
    visible: float = 0.0
    left: int = 0


class Waits:
    """Messages that are hidden while somebody has them, and delivered again unless they are done."""

    def __init__(self, deliveries: int = 1) -> None:
        self.waiting: list[Waiting] = []
        self._deliveries = deliveries
        self._numbers = 0
        self._known: dict[Any, Waiting] = {}

    def add(self, body: Any, now: float) -> None:
        if self._deliveries > 1:
            # Equal bodies are one message: a repetition of it is a delivery of it.
            known = self._known.get(body)
            if known is not None:
                return
        self._numbers += 1
        made = Waiting(self._numbers, body, visible=now, left=self._deliveries - 1)
        if self._deliveries > 1:
            self._known[body] = made
        self.waiting.append(made)

    @property
    def known(self) -> Collection[Waiting]:
        """All messages that were ever there, where they are delivered more than once."""
        return self._known.values()

    def visible(self, now: float) -> list[Waiting]:
        return [each for each in self.waiting if each.visible <= now]

    def done(self, message: Waiting) -> None:
        if message.left:
            message.left -= 1
            message.attempts = 0  # the next delivery stands for that of another message with the same body
        elif message in self.waiting:
            self.waiting.remove(message)


class SimulatedQueue(MemoryQueue):
    """A queue. `tell` hears of each body that becomes durable."""

    def __init__(self, now: Callable[[], float], batch_bytes: int, deliveries: int) -> None:
        super().__init__()
        self.waits = Waits(deliveries)
        self.tell: Callable[[str], None] = lambda _: None
        self._now = now
        self._batch_bytes = batch_bytes

    @property
    def batch_bytes(self) -> int:
        return self._batch_bytes

    def send(self, bodies: Sequence[str], *, deadline: float = float("inf")) -> None:
        super().send(bodies, deadline=deadline)
        for body in self.bodies:
            self.waits.add(body, self._now())
            self.tell(body)
        self.bodies.clear()


class Past(Generic[_K, _V]):
    """What was under each key before the changes of the last seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._changes: list[tuple[float, _K, _V | None]] = []
        self._reads = 0

    def change(self, key: _K, old: _V | None) -> None:
        self._changes.append((self._now(), key, old))
        if len(self._changes) > 200:
            del self._changes[:100]

    def of(self, today: Mapping[_K, _V]) -> dict[_K, _V]:
        """What a read that is behind sees, where `today` is there."""
        self._reads += 1
        since = self._now() - LAG_S * (self._reads % _LAGS) / _LAGS
        seen = dict(today)
        for at, key, old in reversed(self._changes):
            if at < since:
                break
            if old is None:
                seen.pop(key, None)
            else:
                seen[key] = old
        return seen


class SimulatedStore(MemoryStore):
    """A hot store. `behind` says whether a query may miss what was written in the last seconds."""

    def __init__(self, now: Callable[[], float], behind: Callable[[], bool]) -> None:
        super().__init__()
        self.written: Callable[[Row], None] = lambda _: None
        self.deleted: Callable[[Row], None] = lambda _: None
        self._behind = behind
        self._past = Past[tuple[str, str], Row](now)

    def _put(self, rows: Sequence[Row], deadline: float, *, over: bool) -> list[Unstored]:
        before = [self.rows.get((row.device, row.key)) for row in rows]
        missed = super()._put(rows, deadline, over=over)
        for row, old in zip(rows, before, strict=True):
            key = (row.device, row.key)
            if self.rows.get(key) is not old:
                self._past.change(key, old)
                self.written(row)
        return missed

    def delete(self, device: str, keys: Sequence[str]) -> None:
        for key in keys:
            if (old := self.rows.get((device, key))) is not None:
                self._past.change((device, key), old)
                self.deleted(old)
        super().delete(device, keys)

    def query(self, device: str, **asked: Any) -> Page:
        if not self._behind():
            return super().query(device, **asked)
        today = self.rows
        self.rows = self._past.of(today)
        try:
            return super().query(device, **asked)
        finally:
            self.rows = today


class SimulatedObjects(MemoryObjects):
    """An object store. `deleted` hears of each object before it is deleted. `behind` says whether a listing
    may miss what was put in the last seconds, and have what was deleted.
    """

    def __init__(
        self,
        deleted: Callable[[str, bytes], None],
        put: Callable[[str], None],
        now: Callable[[], float],
        behind: Callable[[], bool],
    ) -> None:
        super().__init__()
        self.born: dict[str, float] = {}
        """When each object was put."""
        self._deleted = deleted
        self._put = put
        self._now = now
        self._behind = behind
        self._past = Past[str, str](now)

    def put(self, name: str, body: bytes, *, rows: int, sha256: str) -> None:
        self._change(name)
        super().put(name, body, rows=rows, sha256=sha256)
        self.born[name] = self._now()
        self.frozen.discard(name)
        self._put(name)

    def replace(self, name: str, body: bytes, *, version: str | None) -> str | None:
        self._change(name)
        return super().replace(name, body, version=version)

    def delete(self, name: str) -> None:
        if name in self.kept:
            self._deleted(name, self.kept[name][0])
        self.lapse(name)

    def lapse(self, name: str) -> None:
        """Delete an object by a rule of the store's own."""
        self._change(name)
        self.frozen.discard(name)
        super().delete(name)

    def names(self, prefix: str, *, after: str = "", limit: int = 1_000) -> Sequence[str]:
        if not self._behind():
            return super().names(prefix, after=after, limit=limit)
        seen = self._past.of(dict.fromkeys(self.kept, ""))
        return sorted(name for name in seen if name.startswith(prefix) and name > after)[:limit]

    def _change(self, name: str) -> None:
        self._past.change(name, "" if name in self.kept else None)


class Wire(HttpClient):
    """HTTPS to a receiver, which is a process of its own."""

    def __init__(self, world: World, receiver: str, gate: Gate) -> None:
        super().__init__()
        self._world = world
        self._receiver = receiver
        self._gate = gate

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
        def ask() -> Answer:
            began = self._world.mono
            answer = self._world.ask(self._receiver, method, url, body, headers)
            late = self._world.mono - began - timeout
            if late > 0:
                self._world.sleep(-late)  # nobody waits for the receiver
            if answer is None or late > 0:
                raise Unreachable("There was no answer.")
            assert len(answer.body) <= longest_answer
            return answer

        try:
            return self._world.call(self._gate, method, ask, None)
        except OSError:
            raise Unreachable("There was no answer.") from None


class Lines(Log):
    """A log that hands over what it is told."""

    def __init__(self, role: str, tell: Callable[[str, str, Mapping[str, object]], None]) -> None:
        super().__init__(role, lambda _level, _line: None)
        self._tell = tell

    def info(self, event: str, **fields: object) -> None:
        self._tell(self.role, event, fields)

    warning = error = info

    def tally(self, event: str, *, count: int = 1, **fields: object) -> None:
        self._tell(self.role, event, fields)


def meaning(fault: Fault) -> str:
    """A fault, in words."""
    return {
        Fault.KILLED_BEFORE: "dies before",
        Fault.KILLED_AFTER: "dies after",
        Fault.KILLED_MIDWAY: "dies half way through",
        Fault.DOWN: "fails at",
        Fault.LOST: "gets no answer to",
        Fault.PARTLY: "gets half of it done in",
        Fault.TWICE: "does twice",
        Fault.AWAY: "gets half of it done, from now on, in",
        Fault.TWIN: "is overtaken by another instance at",
    }[fault]
