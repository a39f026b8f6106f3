"""A twin in three clouds in memory, each of whose functions is of one release or another.

AWS has the devices, Azure the processing and the cold tier, Google Cloud the hot store and the archive, so
that every link is remote. Messages, rows, files and records are in this process, requests go over HTTP.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import twin_runtime
from releases import worker
from support.loopback import listening
from support.memory import MemoryCloud
from support.platforms import Reply, Wire
from support.samples import API_KEY, DOCUMENT, KEY_1
from twin_runtime import ports, times
from twin_runtime.errors import Refused, Retry
from twin_runtime.ports import BrokerMessage, Event, Message, Request, Response
from twin_runtime.wire import signing

CODE = Path(twin_runtime.__file__).resolve().parents[1]
"""The functions of this release."""
LIVE_DAYS, COLD_DAYS, ARCHIVE_DAYS = 0, 40, 100
"""How old the readings of a round are: for each tier one."""
_DAY = 86_400
_TYPES = {name: kind | {"clock": {"behind": 366 * _DAY}} for name, kind in DOCUMENT["device_types"].items()}
TWIN: dict[str, Any] = DOCUMENT | {
    "hot_days": 30,
    "safety_days": 30,
    "cold_days": 90,
    "archive_days": 3650,
    "device_types": _TYPES,
    "rules": [DOCUMENT["rules"][0] | {"cooldown": 0}],
}
AWS, AZURE, GCP = "aws", "azure", "gcp"
ROLES: dict[str, tuple[str, dict[str, str]]] = {
    "dispatcher": (AWS, {"PROCESSING_QUEUE": "processing"}),
    "connector": (AWS, {"LINK_SECRET": "sender"}),
    "event_feedback": (AWS, {"LINK_SECRET": "receiver", "BROKER": "devices"}),
    "ingestion": (AZURE, {"PROCESSING_QUEUE": "processing", "LINK_SECRET": "receiver"}),
    "processor": (AZURE, {"PERSISTING_QUEUE": "persisting"}),
    "persister": (AZURE, {"EVENTS_QUEUE": "events", "LINK_SECRET": "writing"}),
    "event_checker": (AZURE, {"WORKFLOW": "workflow", "STATE_STORE": "state", "LINK_SECRET": "feedback"}),
    "cold_writer": (AZURE, {"COLD_STORE": "cold", "LINK_SECRET": "receiver"}),
    "archive_mover": (AZURE, {"COLD_STORE": "cold", "LINK_SECRET": "archive"}),
    "writer": (GCP, {"STORE": "hot", "LINK_SECRET": "receiver"}),
    "hot_reader": (
        GCP,
        {"STORE": "hot", "COLD_LINK_SECRET": "reading", "LINK_SECRET": "receiver", "API_KEY_READS": "true"},
    ),
    "cold_mover": (GCP, {"STORE": "hot", "LINK_SECRET": "cold"}),
    "archive_writer": (GCP, {"ARCHIVE_STORE": "archive", "LINK_SECRET": "receiver"}),
}
"""The cloud of each role, and its variables; every role has a dead-letter queue and the secret `api-keys`."""
_LINKS = {
    (AWS, "sender"): "ingestion",
    (AZURE, "writing"): "writer",
    (AZURE, "feedback"): "event_feedback",
    (AZURE, "archive"): "archive_writer",
    (GCP, "cold"): "cold_writer",
    (GCP, "reading"): "cold_writer",
}
"""The receiver that a sender's secret names."""
_QUEUES = (
    (AZURE, "events", "event_checker"),
    (AZURE, "persisting", "persister"),
    (AZURE, "processing", "processor"),
    (AWS, "processing", "connector"),
)
"""Each queue with its consumer, the last of the way first: a message rests in each queue between rounds."""


class Killed(BaseException):
    """A function's process was ended on the way."""


class Failed(Exception):
    """What a function raised: the platform takes its run for a failed one."""


class Release:
    """A release, loaded once; a context. `code` is its `function_src`."""

    def __init__(self, code: Path, folder: Path) -> None:
        self.code = code
        self._address = str(folder / f"{os.getpid()}-{id(self)}.socket")

    def __enter__(self) -> Release:
        command = [sys.executable, "-I", str(Path(worker.__file__)), str(self.code), self._address]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        Path(self._address).unlink(missing_ok=True)

    def connect(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.connect(self._address)
        return made


class Function:
    """A role of a release, in its own process. `before` is called before each call of a port."""

    def __init__(self, release: Release, role: str, cloud: MemoryCloud, root: Path, ahead: float) -> None:
        self.release = release
        self._cloud = cloud
        self._lock = threading.Lock()
        self._socket = release.connect()
        self._line = worker.Line(self._socket)
        self.before: Callable[[], None] = lambda: None
        self.logs: list[dict[str, Any]] = []
        variables = {"DEAD_LETTER_QUEUE": "dead", "API_KEYS_SECRET": "api-keys", "TWIN_ROLE": role}
        told = {"role": role, "cloud": cloud.name, "root": str(root), "ahead": ahead}
        self._line.send(told | {"environ": variables | ROLES[role][1]})
        self._pid = self._answer()["pid"]

    def __call__(self, name: str, *args: Any, **named: Any) -> Any:
        """Call a method of the role; raises `Failed`, or `Killed`."""
        with self._lock:
            self._line.send({"call": name, "args": worker.pack(args), "named": worker.pack(named)})
            try:
                answer = self._answer()
            except Killed:
                os.kill(self._pid, signal.SIGKILL)
                raise
        if "raises" in answer:
            raise Failed(": ".join(answer["raises"]))
        return worker.unpack(answer["value"], ports)

    def close(self) -> None:
        self._socket.close()
        self._line.close()

    def _answer(self) -> Any:
        while True:
            told = self._line.receive()
            if "log" in told:
                self.logs.append(json.loads(told["log"][1]))
            elif "port" in told:
                self.before()
                self._line.send(self._of_port(told))
            else:
                return told

    def _of_port(self, told: Any) -> Any:
        kind, address = told["port"]
        try:
            found = getattr(getattr(self._cloud, kind)(address), told["call"])
            if told["args"] is not None:
                args, named = worker.unpack(told["args"], ports), worker.unpack(told["named"], ports)
                found = found(*args, **named)
            return {"value": worker.pack(found)}
        except (Retry, Refused) as error:
            return {"raises": [type(error).__name__, error.reason]}


class Twin:
    """`start` is when its clock begins, in Unix time. A context."""

    def __init__(self, folder: Path, start: float, clouds: Mapping[str, MemoryCloud] | None = None) -> None:
        self._ahead = start - time.time()
        self.clouds = clouds or {name: MemoryCloud(name) for name in (AWS, AZURE, GCP)}
        self.functions: dict[str, Function] = {}
        self.sent: dict[tuple[str, str], Event] = {}
        """The events that the dispatcher made, by source and id."""
        self.unreadable = 0
        self._attempts: Counter[str] = Counter()
        self._stack = ExitStack()
        self._root = folder
        (folder / "twin.json").write_text(json.dumps(TWIN))

    def __enter__(self) -> Twin:
        self.server = self._stack.enter_context(listening(self._platform))
        for (cloud, name), receiver in _LINKS.items():
            secret = {"url": f"{self.server.url}/{receiver}", "api_key": API_KEY, "signing_keys": [KEY_1]}
            self.clouds[cloud].secret(name).text = json.dumps(secret)
        for cloud in self.clouds.values():
            cloud.secret("receiver").text = json.dumps({"signing_keys": [KEY_1]})
            cloud.secret("api-keys").text = json.dumps({"api_keys": [API_KEY]})
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        for function in self.functions.values():
            function.close()

    def later(self, seconds: float) -> None:
        """Let time pass. Functions have their clock from when they are deployed."""
        self._ahead += seconds

    def now(self) -> float:
        return time.time() + self._ahead

    def deploy(self, release: Release, *roles: str) -> None:
        """Make these functions, or all, that release's."""
        for role in roles or ROLES:
            if role in self.functions:
                self.functions[role].close()
            cloud = self.clouds[ROLES[role][0]]
            self.functions[role] = Function(release, role, cloud, self._root, self._ahead)

    def send(self, device: str, *readings: Mapping[str, Any]) -> None:
        """Messages of one reading each, through the dispatcher."""
        queue = self.clouds[AWS].queue("processing")
        received = times.from_epoch(self.now())
        before = len(queue.bodies)
        bodies = [json.dumps(reading).encode() for reading in readings]
        self.functions["dispatcher"]("handle", [BrokerMessage(device, body, received) for body in bodies])
        for event in (event for body in queue.bodies[before:] for event in json.loads(body)):
            self.sent[event["source"], event["id"]] = event

    def round(self, number: int) -> None:
        """Telemetry of every age; one reading that fires the rule, one that nobody can read."""
        now = self.now()
        # Devices with much data have a part of their own in a file.
        more = {"text": "x" * 40_000} if number > 100 and number % 4 == 3 else {}
        for device, metric in (
            ("thermostat-1", "temperature"),
            ("thermostat-2", "temperature"),
            ("pump-1", "flow"),
        ):
            ages = {f"a{number}": ARCHIVE_DAYS, f"c{number}": COLD_DAYS, f"l{number}": LIVE_DAYS}
            values = [
                {"id": id, "time": times.from_epoch(now - age * _DAY), "data": {metric: number % 50} | more}
                for id, age in ages.items()
            ]
            self.send(device, *values)
        self.send("thermostat-1", {"id": f"h{number}", "temperature": 81 + number})
        self.send("thermostat-1", {"id": f"i{number}", "temperature": 20})
        self.send("thermostat-2", {})
        self.unreadable += 1

    def consume(self) -> bool:
        """Hand each queue's messages to its consumer, once. Whether none is left."""
        for cloud, name, role in _QUEUES:
            queue = self.clouds[cloud].queue(name)
            bodies, queue.bodies = queue.bodies, []
            self._attempts.update(bodies)
            messages = [Message(f"m{at}", body, self._attempts[body]) for at, body in enumerate(bodies)]
            again = set(self.functions[role]("handle", messages)) if messages else set()
            queue.bodies += [body for body, each in zip(bodies, messages, strict=True) if each.id in again]
        return not any(self.clouds[cloud].queue(name).bodies for cloud, name, _ in _QUEUES)

    def drain(self) -> None:
        for _ in range(20):
            if self.consume():
                return
        raise AssertionError("messages come back and back")

    def move(self) -> None:
        """A run of each mover. Raises `Failed` unless its two ends may be of two releases."""
        for role, other in (("cold_mover", "cold_writer"), ("archive_mover", "archive_writer")):
            try:
                self.functions[role]("run", 0, 1, budget=60.0)
            except Failed:
                if self.functions[role].release is self.functions[other].release:
                    raise

    def read(self, device: str, **query: str) -> tuple[list[Event], list[Any]] | None:
        """What hot_reader shows of a device, page by page, and what it says that it leaves out. None where it
        cannot tell now.
        """
        found: list[Event] = []
        unread: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            asked = {"device": device, "limit": "10", **query} | ({"cursor": cursor} if cursor else {})
            response: Response = self.functions["hot_reader"]("handle", signed_get(asked, self.now()))
            if response.status == 503:
                return None
            document = json.loads(response.body)
            assert response.status == 200, document
            found += document["events"]
            unread += document.get("unread", [])
            assert cursor != document["cursor"]
            cursor = document["cursor"]
        return found, unread

    def _platform(self, wire: Wire) -> Reply:
        parts = urlsplit(wire.target)
        request = Request(wire.method, dict(wire.headers), wire.body, dict(parse_qsl(parts.query)))
        response: Response = self.functions[parts.path.strip("/")]("handle", request)
        return Reply(
            response.status, {name.lower(): value for name, value in response.headers.items()}, response.body
        )


def signed_get(query: Mapping[str, str], at: float) -> Request:
    """A read by the twin's own key."""
    text = signing.canonical_query(query).encode()
    headers = signing.sign([KEY_1], text, id=signing.webhook_id(text), timestamp=int(at))
    return Request("GET", {**headers, "x-api-key": API_KEY}, b"", query)


@contextmanager
def killed_at(function: Function, number: int) -> Iterator[None]:
    """The function's process dies before its call of a port of that number."""
    calls = iter(range(1, number))

    def before() -> None:
        if next(calls, None) is None:
            raise Killed

    function.before = before
    yield
