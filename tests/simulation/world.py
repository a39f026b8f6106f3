"""One seeded world: every role of a twin, over services in memory. It owns time, delivery and deaths."""

from __future__ import annotations

import json
import random
import secrets
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from itertools import combinations
from math import inf
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

from simulation import ledger as ledgers
from simulation.ledger import Firing, Ledger, Part, part_of, violated
from simulation.plan import DAY, DEVICES, Fault, Layout, Plan, Step, faults_of
from simulation.services import (
    Gate,
    Lines,
    SimulatedObjects,
    SimulatedQueue,
    SimulatedStore,
    Waiting,
    Waits,
    Wire,
    meaning,
)
from support.dying import Killed
from support.memory import MemoryBroker, MemoryExpiry, MemorySecret, MemoryStateStore, MemoryWorkflow
from twin_runtime import model, times
from twin_runtime.deadlines import Budget, Limits, Service
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import Retry
from twin_runtime.events import user_child
from twin_runtime.events.user_call import Call, Failure, Made
from twin_runtime.events.user_results import Checks
from twin_runtime.functions.archive_mover import ArchiveMover
from twin_runtime.functions.cold_mover import ColdMover
from twin_runtime.functions.connector import Connector
from twin_runtime.functions.dispatcher import Dispatcher
from twin_runtime.functions.event_checker import COMMANDS_PER_REQUEST, EventChecker
from twin_runtime.functions.event_feedback import EventFeedback, FeedbackReceiver
from twin_runtime.functions.hot_reader import HotReader
from twin_runtime.functions.ingestion import Ingestion
from twin_runtime.functions.persister import Persister
from twin_runtime.functions.processor import Processor
from twin_runtime.functions.writer import Writer
from twin_runtime.ports import BrokerMessage, Message, Request, Row
from twin_runtime.roles import ROLES, Cloud, Role
from twin_runtime.storage import lifetimes, notes, rows
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.buckets import bucket
from twin_runtime.tiers.catalogue import Catalogue
from twin_runtime.tiers.due_rows import FILES_PER_TURN
from twin_runtime.tiers.file_sinks import FileSink, LocalFiles, RemoteFiles
from twin_runtime.tiers.progress import Progress
from twin_runtime.tiers.tier_client import RemoteTier
from twin_runtime.tiers.tier_reader import TierReader
from twin_runtime.tiers.tier_writer import TierWriter
from twin_runtime.wire.callers import Callers
from twin_runtime.wire.http_client import Answer
from twin_runtime.wire.link_client import LinkClient
from twin_runtime.wire.secret_cache import CachedSecret
from twin_runtime.wire.sender import Policy, Sender

START = 1_717_200_000.0
HIDDEN_S = 30.0
MOVED_BY_QUEUE = 60
PARTITIONS = 2
API_KEY = "key"
_SETTLED_S = lifetimes.SETTLED_S + 1_300.0
"""Longer than what somebody has begun is left alone, by clocks that differ."""
_MOST_DAYS = 2 * FILES_PER_TURN + 1
"""Of a device one after the other, while others wait: in the turn of another all may be in files already."""
_RELEASE_S = 30.0
"""A run of cold_mover that is ended this late has only its claim left, which ends by itself."""
_REST_S = 150.0
"""Longer than the lease of a firing."""
_ROUNDS = 80
_CALL_S = 0.01
_QUEUES = ("processing", "persisting", "events", "commands")
_PACKAGE = Path(__file__).parent


class InProcess:
    """The user's code without a process of its own: `UserCode` as the processor uses it."""

    def __init__(self) -> None:
        self._checks = Checks()

    def process_all(self, calls: Sequence[Call], *, deadline: float = 0.0) -> list[Made]:
        return [self._made(call) for call in calls]

    def _made(self, call: Call) -> Made:
        event = json.loads(call[2])
        given = dict(event)
        try:
            what, *fields = user_child.fields(event, ledgers.process(event), given)
        except Exception as error:
            return Failure(type(error).__name__, str(error), str(error))
        return [self._checks.kept(call, fields[0])] if what == "k" else self._checks.results(call, fields)


@dataclass(slots=True)
class Process:
    """A function at work. `effects` are those that it has done."""

    role: str
    until: float
    dead: bool = False
    slow: float = 0.0
    behind: bool = False
    twin: Callable[[], None] | None = None
    effects: list[tuple[str, Firing]] = field(default_factory=list[tuple[str, Firing]])


@lru_cache(maxsize=256)
def _twin(
    hot_days: int, cold_days: int | None, archive_days: int | None, devices: tuple[tuple[str, str], ...]
) -> model.Twin:
    return model.parse(
        {
            "twin": "factory",
            "hot_days": hot_days,
            "safety_days": 30,
            "cold_days": cold_days,
            "archive_days": archive_days,
            "device_types": ledgers.TYPES,
            "devices": dict(devices),
            "rules": ledgers.RULES,
        }
    )


@lru_cache(maxsize=256)
def _limits(role: str, cloud: str, remote: bool) -> tuple[float, Budget]:
    """When a cloud ends a function, and what it is told of that."""
    limits = Limits(Role(role), Cloud(cloud), remote)
    ended = limits.function_s
    if role == "cold_writer":
        # A change of the catalogue is some calls: its caller has gone by then, and asks again.
        ended = ROLES[Role.COLD_WRITER].timeout_s
    elif role == "cold_mover":
        ended += _RELEASE_S
    return ended, limits.budget()


class World:
    """A context: inside it, the time of this process is the world's. `trace` gets what happens, in words."""

    def __init__(
        self, plan: Plan, *, root: Path | None = None, trace: Callable[[str], None] | None = None
    ) -> None:
        self.plan = plan
        self.layout: Layout = plan.layout
        self.ledger = Ledger(events=plan.layout.events)
        self.now, self.mono = START, 1_000.0
        self.events = plan.layout.events
        self.totals: Counter[str] = Counter()
        self._root = root
        self._trace = trace
        self._hot_days, self._cold_days = plan.layout.hot_days, plan.layout.cold_days
        self._archive_days = plan.layout.archive_days
        self._skew: Counter[str] = Counter()
        self._instances: dict[str, Any] = {}
        self._stack: list[Process] = []
        self._faults: dict[int | str, Fault] = {}
        self._touched: set[str] = set()
        """The services with a fault in this step."""
        self._calls = 0
        self._put: Counter[str] = Counter()
        """Dead letters of each role."""
        self._tokens = 0
        self.inbox = Waits(plan.deliveries)
        self._queues = {
            name: SimulatedQueue(lambda: self.now, plan.layout.batch_bytes, plan.deliveries)
            for name in ("processing", "remote_processing", "persisting", "events", "commands")
        }
        self._queues["commands"].tell = self._queued
        self.store = SimulatedStore(lambda: self.mono, self._is_behind)
        self.store.written, self.store.deleted = self._written, self._deleted
        self.expiry = MemoryExpiry(self.store, lambda: self.now)
        self.states = MemoryStateStore()
        self.broker, self.workflow = MemoryBroker(), MemoryWorkflow()
        self._files: list[str] = []
        """The names of files in the order in which they were put."""
        self.tiers = {
            name: SimulatedObjects(self._dropped, self._files.append, lambda: self.now, self._lists_late)
            for name in ("cold", "archive")
        }
        self._archived: dict[str, float] = {}
        """When a file could not be read in the cold tier for the first time."""
        self._lapsed: set[tuple[str, str]] = set()
        """Rows whose file a rule has deleted by its age."""
        self._conflicts: set[tuple[str, str]] = set()
        """Rows of which a mover said that a file has another one with their key."""
        self._balked_rows: set[tuple[str, str]] = set()
        self._balked_files: set[str] = set()
        self._lasting: dict[tuple[str, str], float] = {}
        """The earliest moment at which the hot store may delete a row, where no tier comes after it."""
        self._generations: dict[tuple[str, str], int] = {}
        self._rotated: dict[str, float] = {}
        self._moved_at = START
        self._exit = ExitStack()

    def __enter__(self) -> World:
        enter = self._exit.enter_context
        enter(patch.object(time, "monotonic", lambda: self.mono))
        enter(patch.object(time, "time", lambda: self.now))
        enter(patch.object(secrets, "token_hex", self._token))
        enter(patch.object(secrets, "randbelow", lambda below: 0))
        for function in (rows.store, rows.store_if_absent, notes.write, notes.write_all):
            enter(patch.dict(function.__kwdefaults__, sleep=self.sleep))
        random.seed(self.plan.seed)
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._instances):
            self._end(name)
        self._exit.close()

    # Time and services.

    def sleep(self, seconds: float) -> None:
        self.mono += seconds
        self.now += seconds

    def call(self, gate: Gate, method: str, effect: Callable[[], Any], half: Callable[[], Any] | None) -> Any:
        """A call of a service by the process at work."""
        process = self._stack[-1]
        if process.dead:
            raise Killed
        self._calls += 1
        self.totals["calls"] += 1
        fault = self._faults.pop(self._calls, None)
        if gate.name in self._faults:
            fault = self._faults[gate.name] if fault is None else fault
            if fault is not Fault.AWAY:
                del self._faults[gate.name]
        self.sleep(max(process.slow * gate.longest_s, _CALL_S))
        if self.mono > process.until:
            violated(
                f"{process.role} calls {gate.name}.{method} {self.mono - process.until:.1f} s after its time"
            )
        if fault is None:
            return effect()
        self._touched.add(gate.name)
        self.totals["faults"] += 1
        if self._trace:
            self._trace(f"    {process.role} {meaning(fault)} {gate.name}.{method} (call {self._calls})")
        if fault is Fault.TWIN:
            twin, process.twin = process.twin, None
            if twin is not None:
                began = self.mono
                self._aside(twin)
                process.until += self.mono - began  # the two work side by side
                self._touched.add("twin")
            return effect()
        if fault is Fault.DOWN:
            raise OSError("down")
        if fault is Fault.AWAY:
            self._faults[gate.name] = fault
        if fault in (Fault.PARTLY, Fault.AWAY):
            if half is None:
                raise OSError("down")
            return half()
        if fault is Fault.KILLED_MIDWAY and half is not None:
            with suppress(OSError):
                half()
        if fault in (Fault.KILLED_AFTER, Fault.LOST, Fault.TWICE):
            made = effect()
            if fault is Fault.TWICE:
                if gate.name not in _TWICE:
                    return made
                for firing in process.effects[-1:] if gate.name == "commands" else ():
                    self.ledger.excuses[firing] += 1
                return effect()
        self._unrecorded(process)
        if fault is Fault.LOST:
            if gate.name == "broker":
                self.ledger.answer_lost(self.broker.sent[-1][1])
            raise OSError("The answer was lost.")
        process.dead = True
        self.totals["deaths"] += 1
        raise Killed

    def _aside(self, other: Callable[[], None]) -> None:
        """Let another instance do something before this process goes on."""
        stack, faults, calls, instances = self._stack, self._faults, self._calls, self._instances
        self._stack, self._faults, self._instances = [], {}, {}
        try:
            other()
        finally:
            for name in list(self._instances):
                self._end(name)
            self._stack, self._faults, self._calls, self._instances = stack, faults, calls, instances

    def _unrecorded(self, process: Process) -> None:
        """A process dies, or does not know whether it did something: what it did and has not recorded may be
        done again.
        """
        for what, (rule, part) in process.effects:
            row = self.ledger.rows[part]
            record = self.states.records.get(row.device)
            firings = json.loads(record.text)["firings"] if record else []
            if any(each[0] == rule and each[1] == row.id and what not in each[5] for each in firings):
                self.ledger.excuses[what, (rule, part)] += 1

    @contextmanager
    def _process(
        self, role: str, cloud: str, numbers: Sequence[int] = (0,), *, remote: bool = False
    ) -> Iterator[Process]:
        """A function of a role at work, until its cloud would end it."""
        process = Process(role, self.mono + _limits(role, cloud, remote)[0])
        how = numbers[0]
        process.slow = (1 + (how >> 4) % 4) / 4 if how % 8 == 1 else 0.0
        process.behind = how % 4 == 2
        self._stack.append(process)
        try:
            yield process
        finally:
            self._stack.pop()
        if not process.dead and self.mono > process.until:
            violated(f"{role} ends {self.mono - process.until:.1f} s after its time")

    def _is_behind(self) -> bool:
        return self.layout.hot != "gcp" and bool(self._stack) and self._stack[-1].behind

    def _lists_late(self) -> bool:
        return bool(self._stack) and self._stack[-1].behind

    def _token(self, _: int = 8) -> str:
        self._tokens += 1
        return f"{self._tokens:012x}"

    # Roles.

    @property
    def twin(self) -> model.Twin:
        cold = self._cold_days if self.layout.cold else None
        archive = self._archive_days if self.layout.archive else None
        return _twin(self._hot_days, cold, archive, tuple(self.ledger.types.items()))

    def _role(self, name: str) -> Any:
        found = self._instances.get(name)
        if found is None:
            found = self._instances[name] = getattr(self, f"_make_{name}")()
        return found

    def _end(self, name: str) -> None:
        role = self._instances.pop(name, None)
        code = getattr(role, "code", None)
        if code is not None and not isinstance(code, InProcess):
            code.close()

    def _redeploy(self) -> None:
        for name in list(self._instances):
            self._end(name)

    def _clock(self, role: str) -> Callable[[], float]:
        return lambda: self.now + self._skew[role]

    def _common(self, role: str) -> dict[str, Any]:
        log = Lines(role, self._logged)
        queue = SimulatedQueue(lambda: self.now, 100_000, 1)
        queue.tell = lambda body: self._letter(role, body)
        dead = Gate(queue, self, self._cloud(role), Service.QUEUE, "dead_letters")
        letters = DeadLetters(cast(Any, dead), log, self._clock(role))
        return {"twin": self.twin, "log": log, "dead": letters}

    def _consumer(self, role: str) -> dict[str, Any]:
        return {**self._common(role), "max_deliveries": self.layout.max_deliveries}

    def _receiver(self, role: str, link: str) -> dict[str, Any]:
        return {
            **self._common(role),
            "link": self._secret(role, link, "receiver"),
            "api_keys": CachedSecret(MemorySecret(json.dumps({"api_keys": [API_KEY]}))),
            "budget": _limits(role, self._cloud(role), True)[1],
            "clock": self._clock(role),
        }

    def _cloud(self, role: str) -> str:
        layout = self.layout
        return {
            "dispatcher": layout.acquisition,
            "connector": layout.acquisition,
            "event_feedback": layout.acquisition,
            "writer": layout.hot,
            "cold_mover": layout.hot,
            "hot_reader": layout.hot,
            "cold_writer": layout.cold,
            "archive_mover": layout.cold,
            "archive_writer": layout.archive,
        }.get(role, layout.processing)

    def _queue(self, name: str, role: str) -> Any:
        return Gate(self._queues[name], self, self._cloud(role), Service.QUEUE, name)

    def _hot(self, role: str) -> Any:
        return Gate(self.store, self, self.layout.hot, Service.STORE, "store")

    def _objects(self, tier: str) -> Any:
        return Gate(self.tiers[tier], self, getattr(self.layout, tier), Service.OBJECTS, tier)

    def _secret(self, role: str, link: str, end: str) -> CachedSecret:
        source = _Secret(lambda: self._secret_text(link, end))
        gate: Any = Gate(source, self, self._cloud(role), Service.SECRET, "secret")
        return CachedSecret(gate, clock=self._clock(role))

    def _secret_text(self, link: str, end: str) -> str:
        generation = self._generations.get((link, end), 0)
        document: dict[str, Any] = {"signing_keys": [_key(link, generation), _key(link, generation + 1)]}
        if end == "sender":
            document |= {"url": "https://receiver.example/in", "api_key": API_KEY}
        return json.dumps(document)

    def _wire(self, role: str, receiver: str) -> Wire:
        port: Any = None
        gate = Gate(port, self, self._cloud(role), Service.SECRET, "link")
        gate.longest_s = 0.5
        return Wire(self, receiver, gate)

    def _sender(self, role: str, link: str, receiver: str, log: Any, **policy: Any) -> Sender:
        return Sender(
            self._secret(role, link, "sender"),
            log=log,
            client=self._wire(role, receiver),
            clock=self._clock(role),
            sleep=self.sleep,
            **policy,
        )

    def _link(self, role: str, link: str, receiver: str) -> LinkClient:
        return LinkClient(
            self._secret(role, link, "sender"),
            log=Lines(role, self._logged),
            client=self._wire(role, receiver),
            clock=self._clock(role),
            sleep=self.sleep,
        )

    @property
    def _remote_telemetry(self) -> bool:
        return self.layout.acquisition != self.layout.processing

    @property
    def _remote_write(self) -> bool:
        return self.layout.processing != self.layout.hot

    def _make_dispatcher(self) -> Dispatcher:
        name, role = "processing", "dispatcher"
        return Dispatcher(queue=self._queue(name, role), clock=self._clock(role), **self._common(role))

    def _make_connector(self) -> Connector:
        common = self._consumer("connector")
        return Connector(sender=self._sender("connector", "telemetry", "ingestion", common["log"]), **common)

    def _make_ingestion(self) -> Ingestion:
        queue = self._queue("remote_processing", "ingestion")
        return Ingestion(queue=queue, **self._receiver("ingestion", "telemetry"))

    def _make_processor(self) -> Processor:
        role = "processor"
        queue = self._queue("persisting", role)
        made = Processor(queue=queue, root=self._root or _PACKAGE, **self._consumer(role))
        if self._root is None:
            made.code = InProcess()  # type: ignore[assignment]
        return made

    def _make_persister(self) -> Persister:
        role = "persister"
        common = self._consumer(role)
        return Persister(
            store=None if self._remote_write else self._hot(role),
            sender=self._sender(role, "write", "writer", common["log"]) if self._remote_write else None,
            events=self._queue("events", role) if self.events else None,
            clock=self._clock(role),
            **common,
        )

    def _make_writer(self) -> Writer:
        return Writer(store=self._hot("writer"), **self._receiver("writer", "write"))

    def _make_event_checker(self) -> EventChecker:
        role, local = "event_checker", self.layout.acquisition == self.layout.processing
        common = self._consumer(role)
        policy = {"policy": Policy(max_events=COMMANDS_PER_REQUEST)}
        sender = None if local else self._sender(role, "feedback", "event_feedback", common["log"], **policy)
        workflow: Any = Gate(_Workflow(self), self, self._cloud(role), Service.WORKFLOW, "workflow")
        states: Any = Gate(self.states, self, self._cloud(role), Service.STATE, "states")
        return EventChecker(
            commands=self._queue("commands", role) if local else None,
            sender=sender,
            workflow=workflow,
            states=states,
            clock=self._clock(role),
            sleep=self.sleep,
            **common,
        )

    def _make_event_feedback(self) -> EventFeedback | FeedbackReceiver:
        role = "event_feedback"
        port = _Broker(self)
        broker: Any = Gate(port, self, self._cloud(role), Service.BROKER, "broker")
        if self.layout.acquisition == self.layout.processing:
            made: Any = EventFeedback(broker=broker, clock=self._clock(role), **self._consumer(role))
        else:
            made = FeedbackReceiver(broker=broker, **self._receiver(role, "feedback"))
        made._commands._clock = lambda: self.mono
        return made

    def _make_cold_mover(self) -> ColdMover:
        role = "cold_mover"
        sink: FileSink = LocalFiles(self._catalogue(role))
        if self.layout.cold != self.layout.hot:
            sink = RemoteFiles(self._link(role, "cold", "cold_writer"), clock=lambda: self.mono)
        expiry: Any = Gate(self.expiry, self, self.layout.hot, Service.STORE, "expiry")
        return ColdMover(
            twin=self.twin,
            store=self._hot(role),
            sink=sink,
            expiry=expiry if self.layout.hot == "aws" else None,
            log=Lines(role, self._logged),
            clock=self._clock(role),
            sleep=self.sleep,
            workers=1,
        )

    def _catalogue(self, role: str) -> Catalogue:
        log = Lines(role, self._logged)
        return Catalogue(self._objects("cold"), self.twin, log=log, clock=self._clock(role), workers=1)

    def _make_cold_writer(self) -> TierWriter:
        return self._tier_writer("cold_writer", "cold")

    def _make_archive_writer(self) -> TierWriter:
        return self._tier_writer("archive_writer", "archive")

    def _tier_writer(self, role: str, tier: str) -> TierWriter:
        receiver = self._receiver(role, tier)
        del receiver["dead"]
        objects = self._objects(tier)
        if tier == "cold":
            receiver["reader"] = TierReader(objects, self.twin, clock=self._clock(role))
            receiver["catalogue"] = self._catalogue(role)
        return TierWriter(objects=objects, **receiver)

    def _make_archive_mover(self) -> ArchiveMover:
        role = "archive_mover"
        sink = RemoteFiles(self._link(role, "archive", "archive_writer"), clock=lambda: self.mono)
        return ArchiveMover(
            twin=self.twin,
            objects=self._objects("cold"),
            sink=sink,
            log=Lines(role, self._logged),
            clock=self._clock(role),
        )

    def _make_hot_reader(self) -> HotReader:
        role = "hot_reader"
        cold: Any = None
        if self.layout.cold == self.layout.hot:
            cold = TierReader(self._objects("cold"), self.twin, clock=self._clock(role))
        elif self.layout.cold:
            cold = RemoteTier(self._link(role, "cold", "cold_writer"))
        return HotReader(
            twin=self.twin,
            store=self._hot(role),
            log=Lines(role, self._logged),
            callers=Callers(None),
            cold=cold,
            budget=_limits(role, self.layout.hot, False)[1],
            clock=self._clock(role),
        )

    # What the services hear.

    def _written(self, row: Row) -> None:
        self.ledger.stored(row)
        self._lapsed.discard((row.device, row.key))
        if not row.device.startswith("~") and not self.layout.cold:
            self._lasting[row.device, row.key] = self.now + self._hot_days * DAY - 2_000

    def _deleted(self, row: Row) -> None:
        if not row.device.startswith("~") and (row.device, row.key) not in self.filed():
            violated(f"row {row.device} {row.key} is deleted, and in no file")

    def _dropped(self, name: str, body: bytes) -> None:
        if name.startswith(tier_files.EVENTS):
            filed = self.filed()
            for key in _rows_of(name, body):
                if filed[key] < 2:
                    violated(f"file {name} is deleted, and row {key} is in no other")
            if name in self.tiers["archive"].kept:
                self._archived.setdefault(name, self.now)
                self.totals["archived"] += 1

    def _queued(self, body: str) -> None:
        for event in json.loads(body):
            self._did("command", self.ledger.queues(event))

    def _did(self, what: str, firing: Firing) -> None:
        self._stack[-1].effects.append((what, firing))
        self.totals["effects"] += 1

    def _letter(self, role: str, body: str) -> None:
        self.totals["letters"] += 1
        self._put[role] += 1
        if self._trace:
            self._trace(f"    {role} puts a dead letter: {body[:300]}")
        self.ledger.letter(role, body)

    def _logged(self, role: str, event: str, fields: Mapping[str, object]) -> None:
        if self._trace:
            self._trace(f"    {role}: {event} {dict(fields)}")
        if event in ("rule_fired", "firing_taken_over"):
            taken = event == "firing_taken_over"
            trace, now = str(fields["traceparent"]), self._clock(role)()
            # A call that wrote it and did not get the answer says of what it took over that it fired.
            record = self.states.records.get(str(fields["device"]))
            for rule, event, at, *_ in json.loads(record.text)["firings"] if record else ():
                part = self.ledger.traces.get(trace)
                mine = part is not None and event == self.ledger.rows[part].id and rule == fields["rule"]
                if mine and abs(at - now) > 60:
                    taken, now = True, max(at, now)
            self.ledger.fires(str(fields["rule"]), trace, now, taken=taken)
        elif event == "file_conflict":
            self.totals["conflicts"] += 1
            self._conflicts.add((str(fields["device"]), str(fields["key"])))
        elif event == "effects_not_recorded":
            self._unrecorded(self._stack[-1])

    def ask(
        self, receiver: str, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer | None:
        """The answer of a receiver; None where it dies."""
        request = Request(method, headers, body or b"", dict(parse_qsl(urlsplit(url).query)))
        if self._balks(receiver, request.body):
            return Answer(400, {}, b'{"error":"The file is refused."}')
        try:
            with self._process(receiver, self._cloud(receiver), (0,), remote=True) as process:
                caller = self._stack[-2]
                process.slow, process.behind = caller.slow, caller.behind
                response = self._role(receiver).handle(request)
        except Killed:
            self._end(receiver)
            return None
        link = {"ingestion": "telemetry", "writer": "write", "event_feedback": "feedback"}.get(
            receiver, receiver.removesuffix("_writer")
        )
        quiet = self.now - self._rotated.get(link, 0.0) > 130
        if response.status == 401 and quiet and not any(self._skew.values()):
            violated(f"{receiver} answers 401: {response.body!r}")
        return Answer(
            response.status, {name.lower(): text for name, text in response.headers.items()}, response.body
        )

    # Steps.

    def run(self) -> Counter[str]:
        """Do the steps, let everything come to rest, and check what must hold then."""
        for step in self.plan.steps:
            self.step(step)
        self._rest()
        self._check()
        return self.totals

    def step(self, step: Step) -> None:
        self.totals[f"steps of {step.kind}"] += 1
        if self._trace:
            self._trace(f"{self.now - START:9.0f} s  {step.kind} {', '.join(map(str, step.numbers))}")
        getattr(self, step.kind)(*step.numbers)

    def publish(self, which: int, content: int) -> None:
        device = DEVICES[which % len(DEVICES)] if which % 20 == 4 else DEVICES[which % 4]
        signed = self.layout.acquisition == "gcp"
        self._receive(self.ledger.publish(device, content, self.now, signed=signed))

    def republish(self, which: int, _: int) -> None:
        signed = self.layout.acquisition == "gcp"
        message = self.ledger.republish(which, self.now, signed=signed)
        if message is not None:
            self._receive(message)

    def collide(self, which: int, _: int) -> None:
        signed = self.layout.acquisition == "gcp"
        message = self.ledger.collide(which, self.now, signed=signed)
        if message is not None:
            self._receive(message)

    def backfill(self, which: int, _: int) -> None:
        device = DEVICES[which % 4]
        signed = self.layout.acquisition == "gcp"
        self._receive(self.ledger.backfill(device, self.now, signed=signed))

    def _receive(self, message: BrokerMessage) -> None:
        self.totals["messages"] += 1
        if self._trace:
            self._trace(f"    {message.device} publishes {message.body[:300].decode()}")
        self.inbox.add(message, self.now)
        self.sleep(1)

    def work(self, which: int, how: int, *faults: int) -> None:
        """One of the functions that have something to do, does it."""
        ready = self._ready()
        if not ready:
            return
        name = ready[which % len(ready)]
        waits = self.inbox if name == "dispatcher" else self._queues[self._source(name)].waits
        visible = waits.visible(self.now)
        chance = random.Random(which)
        chance.shuffle(visible)
        picked = visible[: chance.choice((1, 1, 2, 5)) if self.plan.deliveries == 1 else 1]
        self._faults, self._calls = faults_of(faults), 0
        self._deliver(name, waits, picked, how)
        self._faults = {}
        self.sleep(chance.choice((0, 1, 20)))

    def _ready(self) -> list[str]:
        names = ["dispatcher"] if self.inbox.visible(self.now) else []
        return names + [
            name for name in self._consumers() if self._queues[self._source(name)].waits.visible(self.now)
        ]

    def _consumers(self) -> list[str]:
        names = ["connector"] if self._remote_telemetry else []
        names += ["processor", "persister"]
        if self.events:
            names += ["event_checker"]
            if self.layout.acquisition == self.layout.processing:
                names += ["event_feedback"]
        return names

    def _source(self, consumer: str) -> str:
        return {
            "connector": "processing",
            "processor": "remote_processing" if self._remote_telemetry else "processing",
            "persister": "persisting",
            "event_checker": "events",
            "event_feedback": "commands",
        }[consumer]

    def _deliver(self, name: str, waits: Waits, picked: Sequence[Waiting], how: int) -> None:
        """Deliver messages to a function, which may be ended at any of its calls."""
        self.totals["deliveries"] += len(picked)
        for each in picked:
            each.attempts += 1
            each.visible = self.now + HIDDEN_S
        remote = name in ("connector",) or (name == "persister" and self._remote_write)
        remote |= name == "event_checker" and self.layout.acquisition != self.layout.processing
        cloud = self._cloud(name)
        if self._trace:
            numbers = ", ".join(f"{each.number} (delivery {each.attempts})" for each in picked)
            self._trace(f"    {name} gets {numbers}")
        again = {str(each.number) for each in picked}
        try:
            with self._process(name, cloud, (how,), remote=remote) as process:
                process.twin = lambda: self._deliver(name, waits, picked, 0)
                if name == "dispatcher":
                    budget = _limits(name, cloud, False)[1]
                    self._role(name).handle([each.body for each in picked], budget=budget)
                    again = set()
                else:
                    again = self._consume(name, cloud, picked, remote=remote)
        except Killed:
            self._end(name)
        except (OSError, Retry):
            if name != "dispatcher":
                raise
        if how % 16 == 3:
            return  # the queue did not hear of it
        for each in picked:
            if str(each.number) not in again:
                waits.done(each)
            elif each.attempts >= MOVED_BY_QUEUE and each in waits.waiting:
                waits.waiting.remove(each)
                self.ledger.last_delivery(each.body)
                self._letter(name, each.body)

    def _consume(self, name: str, cloud: str, picked: Sequence[Waiting], *, remote: bool) -> set[str]:
        messages = [Message(str(each.number), each.body, each.attempts) for each in picked]
        for each in picked:
            if each.attempts >= self.layout.max_deliveries:
                self.ledger.last_delivery(each.body)
        budget = _limits(name, cloud, remote)[1]
        before = self._put[name]
        self._touched.clear()
        again = set(self._role(name).handle(messages, **budget._asdict()))
        calm = self._touched.isdisjoint(("dead_letters", "twin")) and name != "event_checker"
        if calm and len(again) == len(picked) and self._put[name] > before:
            violated(f"{name} dead-letters events of a message that comes again")
        return again

    def advance(self, seconds: int) -> None:
        self.sleep(seconds)

    def jump(self, which: int, seconds: int) -> None:
        """The clock of a role is set."""
        names = (
            "dispatcher",
            "connector",
            "ingestion",
            "persister",
            "writer",
            "event_checker",
            "event_feedback",
        )
        names += ("cold_mover", "cold_writer", "archive_mover", "archive_writer")
        self._skew[names[which % len(names)]] = seconds

    def rotate(self, which: int, end: int) -> None:
        """One end of a link gets its next keys; the other may have them already, or gets them later."""
        links = ("telemetry", "write", "feedback", "cold", "archive")
        link = links[which % len(links)]
        ends = ("sender", "receiver")
        mine, other = ends[end % 2], ends[1 - end % 2]
        if self._generations.get((link, mine), 0) <= self._generations.get((link, other), 0):
            self._generations[link, mine] = self._generations.get((link, mine), 0) + 1
            self._rotated[link] = self.now

    def to_cold(self, which: int, how: int, *faults: int) -> None:
        if self.layout.cold:
            self._moves("cold_mover", which, how, faults)

    def to_archive(self, which: int, how: int, *faults: int) -> None:
        if self._remote_archive:
            self._moves("archive_mover", which, how, faults)
        elif self.layout.archive:
            # A rule of the store takes its files to the class of storage for archives.
            for name in self._older("cold", self._cold_days):
                self.tiers["cold"].frozen.add(name)
                self._archived.setdefault(name, self.now)
                self.totals["archived"] += 1

    def _older(self, tier: str, days: int) -> list[str]:
        """The files of a tier that are so old: how long they were there counts."""
        objects, line = self.tiers[tier], self.now - days * DAY
        return [
            name for name in objects.kept if name.startswith(tier_files.EVENTS) and objects.born[name] < line
        ]

    @property
    def _remote_archive(self) -> bool:
        return self.layout.archive not in ("", self.layout.cold)

    def _moves(self, name: str, which: int, how: int, faults: Sequence[int]) -> bool:
        """A run of a mover; whether it did all that was due."""
        self._faults, self._calls = faults_of(faults), 0
        cloud = self._cloud(name)
        other = self.layout.cold if name == "cold_mover" else self.layout.archive
        files = len(self._files)
        waiting = self._due(self.now) if name == "cold_mover" and not faults else {}
        progress = Progress(self.store)
        late = {
            each.device for each in lifetimes.late(self.store) if each.day <= progress.through(each.device)
        }
        try:
            with self._process(name, cloud, (how,), remote=other != cloud) as process:
                process.twin = self._reads if how % 2 else lambda: self._run_again(name, which)
                budget = _limits(name, cloud, other != cloud)[1].budget
                done = self._role(name).run(which % PARTITIONS, PARTITIONS, budget=budget).done
        except Killed:
            done = False
            self._end(name)
        except (OSError, Retry):
            done = False
        self._faults = {}
        self.totals["moved"] += len(self._files) - files
        self._check_turns(self._files[files:], waiting, late, which % PARTITIONS)
        return done

    def _due(self, at: float) -> dict[str, set[tuple[str, str]]]:
        """The rows of each device that were due by far at a moment, and are in no file."""
        filed, before = self.filed().keys(), times.from_epoch(at - (self._hot_days + 1) * DAY - 7_200)
        found: dict[str, set[tuple[str, str]]] = {}
        for key, row in self.store.rows.items():
            kept = key in filed or key in self._balked_rows or key in self._lapsed
            if not row.device.startswith("~") and row.time < before and not kept:
                found.setdefault(row.device, set()).add(key)
        return found

    def _check_turns(
        self,
        files: Sequence[str],
        waiting: Mapping[str, set[tuple[str, str]]],
        late: set[str],
        partition: int,
    ) -> None:
        """No device keeps another waiting for more files than it may cause in a turn. Those with late rows
        have a share of a run's time instead.
        """
        if len(files) <= _MOST_DAYS or len(waiting) < 2:
            return
        kept, streak = {name: body for name, (body, _) in self.tiers["cold"].kept.items()}, 0
        left = {device: set(keys) for device, keys in waiting.items() if _partition(device) == partition}
        before, day = set[str](), ""
        for name in files:
            keys = _rows_of(name, kept[name]) if name in kept else ()
            devices = {device for device, _ in keys}
            for device, key in keys:
                left.get(device, set()).discard((device, key))
            # A device that had two types has two files of a day.
            streak = streak + (day != name.split("/")[2]) if devices == before else 1
            before, day = devices, name.split("/")[2]
            # Late rows wait until their note has settled, not for others.
            others = [device for device, keys_ in left.items() if keys_ and device not in devices | late]
            if streak > _MOST_DAYS and others and late.isdisjoint(devices):
                violated(f"{others} wait for {streak} days of {devices}")

    def _run_again(self, name: str, which: int) -> None:
        self._moves(name, which, 0, ())

    def read(self, which: int, how: int, *faults: int) -> None:
        """A client reads all events of a device, while a mover may be at work."""
        self._faults, self._calls = faults_of(faults), 0
        self._read(tuple(ledgers.BEFORE)[which % len(ledgers.BEFORE)], how)
        self._faults = {}

    def _reads(self) -> None:
        for device in ledgers.BEFORE:
            self._read(device, 0)

    def _read(self, device: str, how: int) -> None:
        there = {part: row for part, row in self.ledger.rows.items() if row.device == device}
        kept = self._kept()
        must = {part for part, row in there.items() if part in kept and self._shown(row)}
        found: list[Part] = []
        unread: list[dict[str, str]] = []
        query = {"device": device, "limit": str(1 + how % 3), **({"tier": "all"} if self.layout.cold else {})}
        for _ in range(len(there) * 2 + 20):
            try:
                with self._process("hot_reader", self.layout.hot, (how,)) as process:
                    process.behind = False
                    process.twin = lambda: self._everything_moves()
                    response = self._role("hot_reader").handle(Request("GET", {}, query=query))
            except Killed:
                self._end("hot_reader")
                return
            if response.status != 200:
                return
            document = json.loads(response.body)
            for event in document["events"]:
                part = (event["data"]["n"], event["data"].get("part", 0))
                found.append(part)
                row = self.ledger.rows.get(part)
                told = (event["time"], event["subject"], event["id"])
                if part not in self.ledger.changed and (
                    row is None or told != (row.time, row.subject, row.id)
                ):
                    violated(f"a reader gets {event}, stored as {row}")
            unread += document.get("unread", ())
            self.totals["pages that leave out"] += "unread" in document
            if document["cursor"] is None:
                break
            query["cursor"] = document["cursor"]
        else:
            violated(f"a read of {device} does not end")
        if len(set(found)) < len(found):
            violated(f"a read of {device} has an event twice: {found}")
        missing = {part for part in must - set(found) if not _within(there[part].time, unread)}
        # Of two rows with one key, a reader gets one.
        shown = {there[part].key for part in found if part in there}
        if missing := {part for part in missing if there[part].key not in shown}:
            violated(f"a read of {device} leaves out {sorted(missing)}")

    def _shown(self, row: Row) -> bool:
        """Whether a reader must show a row that is kept somewhere."""
        if self.layout.archive and row.time < times.from_epoch(self.now - (self._archive_days - 1) * DAY):
            return False  # it may be moved at any time, to where it is too old
        there = self.store.rows.get((row.device, row.key))
        if there is not None:
            return bool(self.layout.cold) or there.expires > self.now + 3_600
        if self.layout.archive:
            return True
        # Else the cold tier deletes its files by their age.
        young = self.now - (self._cold_days - 1) * DAY
        return any(
            (row.device, row.key) in _rows_of(name, body)
            for name, (body, _) in self.tiers["cold"].kept.items()
            if name.startswith(tier_files.EVENTS) and self.tiers["cold"].born[name] > young
        )

    def _everything_moves(self) -> None:
        if self.layout.cold:
            for partition in range(PARTITIONS):
                self._moves("cold_mover", partition, 0, ())

    def expire(self, which: int, _: int) -> None:
        """The hot store deletes some of the rows that have expired, where it does that by itself."""
        if self.layout.cold and (self.layout.hot != "aws" or not self.expiry.deletes):
            return
        chance = random.Random(which)
        for key, row in list(self.store.rows.items()):
            if row.expires < self.now and chance.random() < 0.7:
                self._expire(key, row)

    def _expire(self, key: tuple[str, str], row: Row) -> None:
        del self.store.rows[key]
        if row.device.startswith("~"):
            return
        self.totals["expired"] += 1
        if self.layout.cold and key not in self._lapsed and key not in self.filed():
            violated(f"row {key} expires, and is in no file")
        if not self.layout.cold:
            if self.now < self._lasting[key]:
                violated(f"row {key} expires {self._lasting[key] - self.now:.0f} s before its time")
            self.ledger.expired.add(part_of(row.data))

    def lapse(self, which: int, _: int) -> None:
        """Some days after a run of the movers, the stores' rules delete some of the files that are as old as
        the last tier keeps them.
        """
        chance = random.Random(which)
        self._everything_moves()
        self.sleep(which % 4 * 4 * DAY)
        days = self._archive_days if self.layout.archive else self._cold_days
        for tier, objects in self.tiers.items():
            for name in self._older(tier, days):
                if chance.random() < 0.7:
                    for row in _unpacked(name, objects.kept[name][0]):
                        self._lapsed.add((row.device, row.key))
                        self.ledger.expired.add(part_of(row.data))
                    objects.lapse(name)
                    self.totals["lapsed"] += 1

    def neglect(self, which: int, _: int) -> None:
        """For longer than rows last in the hot store, no function runs."""
        self.to_cold(0, 0)
        self.sleep((34 + which % 10) * DAY)
        self.expire(which, 0)

    def balk(self, which: int, _: int) -> None:
        """A receiver of files refuses a row from now on, or a file that the cold tier has."""
        if self.layout.cold not in ("", self.layout.hot) and self.store.rows and not self._balked_rows:
            keys = sorted(key for key in self.store.rows if not key[0].startswith("~"))
            self._balked_rows |= set(keys[which % len(keys) :][:1] if keys else ())
        elif self._remote_archive:
            names = sorted(name for name in self.tiers["cold"].kept if name.startswith(tier_files.EVENTS))
            self._balked_files |= set(names[which % len(names) :][:1] if names else ())

    def _balks(self, receiver: str, body: bytes) -> bool:
        """Whether a receiver of files refuses what it gets."""
        if not (self._balked_rows or self._balked_files) or not body.startswith(b'{"name":'):
            return False
        line, _, file = body.partition(b"\n")
        name = json.loads(line)["name"]
        if receiver == "archive_writer":
            return name in self._balked_files
        return not self._balked_rows.isdisjoint(_rows_of(name, file))

    def retain(self, hot_days: int, cold_days: int, archive_days: int) -> None:
        """twin.yaml gets another retention."""
        self._hot_days, self._cold_days = hot_days, max(cold_days, hot_days + 1)
        self._archive_days = archive_days
        self._redeploy()

    def flag(self, _: int, __: int) -> None:
        """The event system is switched off, or on: what was in it is gone."""
        self.events = not self.events
        if not self.events:
            self.ledger.events_off()
            for name in ("events", "commands"):
                self._queues[name].waits.waiting.clear()
            self.states.records.clear()
        self._redeploy()

    def retype(self, which: int, to: int) -> None:
        """A device gets another type."""
        types = ("thermostat", "pump", "gauge")
        self.ledger.retype(tuple(ledgers.BEFORE)[which % 3], types[to % 3])
        self._redeploy()

    def restart(self, which: int, _: int) -> None:
        if self._instances:
            self._end(sorted(self._instances)[which % len(self._instances)])

    # At the end.

    def _rest(self) -> None:
        """Without faults, everything that waits is done, and all that is due is moved."""
        self._skew.clear()
        for link in {link for link, _ in self._generations}:
            latest = max(self._generations.get((link, end), 0) for end in ("sender", "receiver"))
            for end in ("sender", "receiver"):
                self._generations[link, end] = latest
        self.sleep(_REST_S)
        for _ in range(_ROUNDS * self.plan.deliveries):
            ready = self._ready()
            if not ready:
                if not self._waiting():
                    break
                self.sleep(_REST_S)
                continue
            for name in ready:
                waits = self.inbox if name == "dispatcher" else self._queues[self._source(name)].waits
                self._deliver(
                    name, waits, waits.visible(self.now)[: 1 if self.plan.deliveries > 1 else 10], 0
                )
        else:
            violated(f"a queue does not drain: {self._waiting()}")
        for seconds in (_SETTLED_S, (self._hot_days + 2) * DAY)[: 1 + self.plan.seed % 2]:
            self.sleep(seconds)
            self._move_all()

    def _move_all(self) -> None:
        self._moved_at = self.now
        for name, has in (("cold_mover", self.layout.cold), ("archive_mover", self._remote_archive)):
            for partition in range(PARTITIONS if has else 0):
                for _ in range(5):
                    if self._moves(name, partition, 0, ()):
                        break
                    self.sleep(_SETTLED_S)
                else:
                    if name == "cold_mover" or not self._balked_files:
                        violated(f"{name} does not move all that is due")

    def waits(self) -> list[Waits]:
        """Of the broker and all queues."""
        return [self.inbox, *(queue.waits for queue in self._queues.values())]

    def _waiting(self) -> dict[str, int]:
        found = {"broker": len(self.inbox.waiting)}
        found |= {
            self._source(name): len(self._queues[self._source(name)].waits.waiting)
            for name in self._consumers()
        }
        return {name: count for name, count in found.items() if count}

    def filed(self, *tiers: str) -> Counter[tuple[str, str]]:
        """How many files each row is in."""
        return Counter((row.device, row.key) for row in self._in_files(*tiers))

    def _in_files(self, *tiers: str) -> Iterator[Row]:
        for tier in tiers or self.tiers:
            for name, (body, _) in self.tiers[tier].kept.items():
                if name.startswith(tier_files.EVENTS):
                    yield from _unpacked(name, body)

    def _kept(self) -> set[Part]:
        kept = {part_of(row.data) for row in self.store.rows.values() if not row.device.startswith("~")}
        return kept | {part_of(row.data) for row in self._in_files()}

    def _check(self) -> None:
        if self.layout.cold:
            left = set[tuple[str, str]]().union(*self._due(self._moved_at).values())
            if left:
                violated(f"{len(left)} rows that are due are in no file: {min(left)}")
        if self._balked_files and self._remote_archive:
            line = times.from_epoch(self._moved_at - (self._cold_days + 1) * DAY)[:10]
            names = {name for name in self.tiers["cold"].kept if name.startswith(tier_files.EVENTS)}
            late = {name for name in names if tier_files.parse_name(name).day < line}
            if late - self._balked_files:
                violated(f"files stay in the cold tier because another is refused: {late}")
        self._check_files()
        kept = self._kept()
        self.totals["rows"] += len(self.ledger.rows)
        self.totals["files"] += sum(len(tier.kept) for tier in self.tiers.values())
        self.ledger.check(kept, self.layout.processing == "aws")
        self._reads()

    def _check_files(self) -> None:
        """Each row is in one file, and no other row has its key: but for a file that could not be read any
        more when the other was put, and for a row with other data, of which the log says so.
        """
        holders: dict[tuple[str, str], dict[str, Row]] = {}
        for tier in self.tiers.values():
            for name, (body, _) in tier.kept.items():
                if name.startswith(tier_files.EVENTS):
                    for row in _unpacked(name, body):
                        # On its way to the archive a file is in both tiers.
                        holders.setdefault((row.device, row.key), {})[name] = row
        for key, of_name in holders.items():
            for (one, row), (other, its) in combinations(of_name.items(), 2):
                if self._was_archived(one, other) or self._was_archived(other, one):
                    continue
                if row.same_content(its._replace(subject=row.subject)):
                    violated(f"row {key} is in two files, {one} and {other}")
                if key not in self._conflicts:
                    violated(f"rows with the key {key} are in two files, and the log does not say so")

    def _was_archived(self, one: str, other: str) -> bool:
        """Whether a file could not be read any more when another was put."""
        return self._archived.get(one, inf) <= self.tiers["cold"].born.get(other, 0.0)


_TWICE = frozenset((*_QUEUES, "remote_processing", "store", "cold", "archive", "dead_letters"))
"""Services whose client may send a call a second time."""


@lru_cache(maxsize=64)
def _partition(device: str) -> int:
    return int(bucket(device), 16) % PARTITIONS


def _within(time: str, ranges: Sequence[Mapping[str, str]]) -> bool:
    return any(each["from"] <= time < each["to"] for each in ranges)


class _Secret:
    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text

    def fetch(self) -> str:
        return self._text()


class _Broker:
    """Devices, each of which gets what an instance sends."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, device: str, command: Any) -> None:
        world = self._world
        now = world._clock("event_feedback")()
        world.ledger.commands(device, command, self, now, world.mono)
        world.broker.send(device, command)


class _Workflow:
    """On AWS a second execution of a name is refused."""

    def __init__(self, world: World) -> None:
        self._world = world

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        world = self._world
        if world.layout.processing == "aws" and name in world.workflow.started:
            return
        world.workflow.start(name, payload)
        world._did("workflow", world.ledger.starts(name, payload))


@lru_cache(maxsize=1024)
def _key(link: str, generation: int) -> str:
    return "whsec_" + b64encode(sha256(f"{link} {generation}".encode()).digest()).decode()


@lru_cache(maxsize=1024)
def _unpacked(name: str, body: bytes) -> tuple[Row, ...]:
    twin = _twin(1, None, None, tuple(ledgers.BEFORE.items()))
    return tuple(tier_files.unpack(body, name, twin))


def _rows_of(name: str, body: bytes) -> set[tuple[str, str]]:
    return {(row.device, row.key) for row in _unpacked(name, body)}
