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
from pathlib import Path
from typing import Any
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
from support.memory import MemoryBroker, MemorySecret, MemoryStateStore, MemoryWorkflow
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
from twin_runtime.roles import Cloud, Role
from twin_runtime.storage import rows
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.file_sinks import FileSink, LocalFiles, RemoteFiles
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
    hot_days: int, cold_days: int | None, archive: bool, devices: tuple[tuple[str, str], ...]
) -> model.Twin:
    return model.parse(
        {
            "twin": "factory",
            "hot_days": hot_days,
            "safety_days": 30,
            "cold_days": cold_days,
            "archive_days": 3650 if archive else None,
            "device_types": ledgers.TYPES,
            "devices": dict(devices),
            "rules": ledgers.RULES,
        }
    )


@lru_cache(maxsize=256)
def _limits(role: str, cloud: str, remote: bool) -> tuple[float, Budget]:
    """When a cloud ends a function, and what it is told of that."""
    limits = Limits(Role(role), Cloud(cloud), remote)
    return limits.function_s, limits.budget()


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
        self.states = MemoryStateStore()
        self.broker, self.workflow = MemoryBroker(), MemoryWorkflow()
        self.tiers = {name: SimulatedObjects(self._dropped) for name in ("cold", "archive")}
        self._lasting: dict[tuple[str, str], float] = {}
        """The earliest moment at which the hot store may delete a row, where no tier comes after it."""
        self._generations: dict[tuple[str, str], int] = {}
        self._rotated: dict[str, float] = {}
        self._exit = ExitStack()

    def __enter__(self) -> World:
        enter = self._exit.enter_context
        enter(patch.object(time, "monotonic", lambda: self.mono))
        enter(patch.object(time, "time", lambda: self.now))
        enter(patch.object(secrets, "token_hex", self._token))
        enter(patch.object(secrets, "randbelow", lambda below: 0))
        for function in (rows.store, rows.store_if_absent):
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

    def _token(self, _: int = 8) -> str:
        self._tokens += 1
        return f"{self._tokens:012x}"

    # Roles.

    @property
    def twin(self) -> model.Twin:
        cold = self._cold_days if self.layout.cold else None
        return _twin(self._hot_days, cold, bool(self.layout.archive), tuple(self.ledger.types.items()))

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
        return {"twin": self.twin, "log": log, "dead": DeadLetters(dead, log, self._clock(role))}  # type: ignore[arg-type]

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
        sink: FileSink = LocalFiles(self._objects("cold"))
        if self.layout.cold != self.layout.hot:
            sink = RemoteFiles(self._link(role, "cold", "cold_writer"), clock=lambda: self.mono)
        return ColdMover(
            twin=self.twin,
            store=self._hot(role),
            sink=sink,
            log=Lines(role, self._logged),
            clock=self._clock(role),
            sleep=self.sleep,
            workers=1,
        )

    def _make_cold_writer(self) -> TierWriter:
        return self._tier_writer("cold_writer", "cold")

    def _make_archive_writer(self) -> TierWriter:
        return self._tier_writer("archive_writer", "archive")

    def _tier_writer(self, role: str, tier: str) -> TierWriter:
        receiver = self._receiver(role, tier)
        del receiver["dead"]
        objects = self._objects(tier)
        reader = TierReader(objects, self.twin, clock=self._clock(role)) if tier == "cold" else None
        return TierWriter(objects=objects, reader=reader, **receiver)

    def _make_archive_mover(self) -> ArchiveMover:
        role = "archive_mover"
        sink: FileSink = LocalFiles(self._objects("archive"))
        if self.layout.cold != self.layout.archive:
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
            self.ledger.fires(str(fields["rule"]), trace, now, taken=taken)
        elif event == "effects_not_recorded":
            self._unrecorded(self._stack[-1])

    def ask(
        self, receiver: str, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer | None:
        """The answer of a receiver; None where it dies."""
        request = Request(method, headers, body or b"", dict(parse_qsl(urlsplit(url).query)))
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
        if self.layout.archive:
            self._moves("archive_mover", which, how, faults)

    def _moves(self, name: str, which: int, how: int, faults: Sequence[int]) -> bool:
        """A run of a mover; whether it did all that was due."""
        self._faults, self._calls = faults_of(faults), 0
        cloud = self._cloud(name)
        other = self.layout.cold if name == "cold_mover" else self.layout.archive
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
        return done

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
        old = times.from_epoch(self.now - (self._cold_days - 1) * DAY) if self.layout.archive else ""
        must = {part for part, row in there.items() if part in kept and row.time > old}
        found: list[Part] = []
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
                if row is None or (event["time"], event["subject"], event["id"]) != (
                    row.time,
                    row.subject,
                    row.id,
                ):
                    violated(f"a reader gets {event}, stored as {row}")
            if document["cursor"] is None:
                break
            query["cursor"] = document["cursor"]
        else:
            violated(f"a read of {device} does not end")
        if len(set(found)) < len(found):
            violated(f"a read of {device} has an event twice: {found}")
        if missing := {part for part in must - set(found) if self._shown(there[part])}:
            violated(f"a read of {device} leaves out {sorted(missing)}")

    def _shown(self, row: Row) -> bool:
        """Whether a reader must show a row that is kept somewhere."""
        there = self.store.rows.get((row.device, row.key))
        return (row.device, row.key) in self.filed("cold") or (
            there is not None and there.expires > self.now + 3_600
        )

    def _everything_moves(self) -> None:
        if self.layout.cold:
            for partition in range(PARTITIONS):
                self._moves("cold_mover", partition, 0, ())

    def expire(self, which: int, _: int) -> None:
        """The hot store deletes some of the rows that have expired."""
        chance = random.Random(which)
        for key, row in list(self.store.rows.items()):
            if row.expires < self.now and chance.random() < 0.7:
                self._expire(key, row)

    def _expire(self, key: tuple[str, str], row: Row) -> None:
        del self.store.rows[key]
        if row.device.startswith("~"):
            return
        if self.layout.cold and key not in self.filed():
            violated(f"row {key} expires, and is in no file")
        if not self.layout.cold:
            if self.now < self._lasting[key]:
                violated(f"row {key} expires {self._lasting[key] - self.now:.0f} s before its time")
            self.ledger.expired.add(part_of(row.data))

    def retain(self, hot_days: int, cold_days: int) -> None:
        """twin.yaml gets another retention."""
        self._hot_days, self._cold_days = hot_days, max(cold_days, hot_days + 1)
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
        for name, has in (("cold_mover", self.layout.cold), ("archive_mover", self.layout.archive)):
            for partition in range(PARTITIONS if has else 0):
                for _ in range(5):
                    if self._moves(name, partition, 0, ()):
                        break
                    self.sleep(1_000)
                else:
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
        found: Counter[tuple[str, str]] = Counter()
        for tier in tiers or self.tiers:
            for name, (body, _) in self.tiers[tier].kept.items():
                if name.startswith(tier_files.EVENTS):
                    found.update(_rows_of(name, body))
        return found

    def _kept(self) -> set[Part]:
        kept = {part_of(row.data) for row in self.store.rows.values() if not row.device.startswith("~")}
        by_key = {(row.device, row.key): part for part, row in self.ledger.rows.items()}
        return kept | {by_key[key] for key in self.filed()}

    def _check(self) -> None:
        for key, count in self.filed().items():
            if count > 1:
                violated(f"row {key} is in {count} files")
        kept = Counter(self._kept())
        self.totals["rows"] += len(self.ledger.rows)
        self.totals["files"] += sum(len(tier.kept) for tier in self.tiers.values())
        self.ledger.check(kept, self.layout.processing == "aws")
        self._reads()


_TWICE = frozenset((*_QUEUES, "remote_processing", "store", "cold", "archive", "dead_letters"))
"""Services whose client may send a call a second time."""


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
def _rows_of(name: str, body: bytes) -> tuple[tuple[str, str], ...]:
    twin = _twin(1, None, False, tuple(ledgers.BEFORE.items()))
    return tuple((row.device, row.key) for row in tier_files.unpack(body, name, twin))
