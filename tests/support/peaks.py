"""Measures what a function holds at most: `python -m support.peaks ROLE CLOUD local|remote` prints JSON with
the megabytes of its process before and at the peak, and how many calls were done.

The function is loaded by its cloud's entry point. It gets as many of the largest messages or requests at once
as an instance works on. The ports are in memory; a send, a put or a read makes the copies that an adapter
makes, and keeps none.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from azure.functions.meta import Datum

from support import deployed, platforms
from support.deployed import Deployed, Functions
from support.loopback import listening
from support.memory import MemoryCloud, MemoryQueue, MemoryStore
from support.memory_bounds import PAGE_BYTES
from support.platforms import Reply, Wire
from support.samples import API_KEY, DOCUMENT, KEY_1, signed
from twin_gcp import devices
from twin_runtime import settings, times
from twin_runtime.context import Context
from twin_runtime.events import cloudevents
from twin_runtime.events.payload import MAX_PAYLOAD_BYTES
from twin_runtime.ports import MAX_BATCH_BYTES, Page, Row, Unstored
from twin_runtime.roles import ROLES, Cloud, Role, Trigger
from twin_runtime.wire.receiver import MAX_BODY_BYTES
from twinspan import sizing

FLEET = "the fleet's secret"
DEVICE = "thermostat-1"
_EMPTY = '{"a":[{}]}'


def largest_data() -> str:
    """JSON of the longest data, in the form that takes most memory when it is read: empty objects."""
    return '{"a":[' + "{}," * ((cloudevents.MAX_DATA_BYTES - len(_EMPTY)) // 3) + "{}]}"


def largest_event(id: str) -> str:
    made = cloudevents.make(
        cloudevents.TELEMETRY,
        twin=str(DOCUMENT["twin"]),
        device=DEVICE,
        subject="thermostat",
        data={},
        time=times.from_epoch(time.time()),
        id=id,
    )
    return cloudevents.encode(made).removesuffix("{}}") + largest_data() + "}"


class Queue(MemoryQueue):
    """Takes bodies as Pub/Sub's adapter does, in base64 in one JSON document, and forgets them."""

    def send(self, bodies: Sequence[str], *, deadline: float = math.inf) -> None:
        json.dumps([b64encode(body.encode("ascii")).decode() for body in bodies]).encode()
        with self._lock:
            self.sends += len(bodies)


class Store(MemoryStore):
    """Takes rows as one document, and forgets them; its pages are as large as an adapter's longest."""

    def put(self, rows: Sequence[Row], *, deadline: float = math.inf) -> Sequence[Unstored]:
        json.dumps([row._asdict() for row in rows]).encode()
        with self._lock:
            self.writes += len(rows)
        return ()

    put_if_absent = put

    def query(self, device: str, **query: Any) -> Page:
        data = largest_data()
        at, expires = times.from_epoch(time.time()), int(time.time()) + 1_000_000
        fields = [("".join(data), str(n)) for n in range(PAGE_BYTES // len(data))]
        rows = [
            Row(
                device, at, n, cloudevents.TELEMETRY, text[:-1] + "}", f"00-{'1' * 32}-{'2' * 16}-01", expires
            )
            for text, n in fields
        ]
        return Page(rows[: query["limit"]], more=len(rows) < query["limit"])


class Ports(MemoryCloud):
    def queue(self, address: str) -> MemoryQueue:
        return self.queues.setdefault(address, Queue())

    def store(self, address: str) -> MemoryStore:
        return self.stores.setdefault(address, Store())


class Peaks(Functions):
    """Loads the local variant too."""

    def __init__(self, folder: Path, *, remote: bool) -> None:
        super().__init__(folder)
        self._remote = remote

    def _context(self, role: Role, cloud: Any, **_: Any) -> Context:
        function = self._known[cloud.name, role]
        environ = {name: name for name in settings.expected(role, cloud.name, remote=self._remote)}
        empty = dict.fromkeys(("COLD_STORE", "COLD_LINK_SECRET", "API_CLIENTS"), "")
        values = {**empty, "TWIN_ROLE": role, "API_KEY_READS": "true"}
        return Context(
            role,
            function.memory,
            environ=environ | {name: value for name, value in values.items() if name in environ},
            root=function.root,
            sink=lambda _level, line: _lines.append(line),
        )


_lines: list[str] = []


def memory(field: str) -> float:
    """Megabytes of this process: VmRSS now, VmHWM at the peak."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def message(number: int) -> str:
    body = f"[{largest_event(f'e{number}')}]"
    if not MAX_BATCH_BYTES * 0.97 < len(body) <= MAX_BATCH_BYTES:
        raise AssertionError(len(body))
    return body


def payload() -> bytes:
    text = largest_data()
    return (text + " " * (MAX_PAYLOAD_BYTES - len(text))).encode()


def request(function: Deployed) -> Wire:
    events = [largest_event("a"), largest_event("b")]
    body = f"[{','.join(events)}]"
    body += " " * (MAX_BODY_BYTES - len(body))
    made = signed(body.encode())
    return Wire("POST", function.path, tuple(made.headers.items()), made.body)


def dispatch(function: Deployed) -> bool:
    """The broker hands over the largest message."""
    body, now = payload(), time.time()
    if function.cloud == "aws":
        event = {"payload": b64encode(body).decode(), "device": DEVICE, "client": DEVICE}
        function.loaded({**event, "received": int(now * 1000)}, deployed._Context())
        return True
    if function.cloud == "azure":
        system = {"iothub-connection-device-id": DEVICE, "iothub-enqueuedtime": times.from_epoch(now)}
        event = {
            "id": "e",
            "topic": "hub",
            "subject": f"devices/{DEVICE}",
            "eventType": "Microsoft.Devices.DeviceTelemetry",
            "eventTime": times.from_epoch(now),
            "dataVersion": "",
            "data": {"systemProperties": system, "body": b64encode(body).decode()},
        }
        worker = function.loaded
        return worker.call(worker.functions[0], Datum(json.dumps(event), "json"), {}).ok
    key = devices.device_key(FLEET, DEVICE)
    sent = {
        "data": b64encode(body).decode(),
        "messageId": "1",
        "publishTime": times.from_epoch(now),
        "attributes": devices.attributes(key, DEVICE, int(now), body),
    }
    push = json.dumps({"message": sent, "subscription": "s"}).encode()
    headers = (("content-type", "application/json"),)
    return platforms.wsgi(function.loaded)(Wire("POST", "/", headers, push)).status == 204


def batch(function: Deployed, count: int) -> bool:
    """SQS messages of one Lambda call, as many as it takes."""
    records: list[dict[str, Any]] = []
    size = 0
    for number in range(count):
        body = message(number)
        if size + len(body) > sizing.LAMBDA_PAYLOAD_BYTES:
            break
        size += len(body)
        attributes = {"ApproximateReceiveCount": "1"}
        records.append({"messageId": str(number), "body": body, "attributes": attributes})
    return function.loaded({"Records": records}, deployed._Context()) == {"batchItemFailures": []}


def call_of(function: Deployed, trigger: Trigger) -> Callable[[int], bool]:
    if trigger is Trigger.BROKER:
        return lambda _: dispatch(function)
    if trigger is Trigger.QUEUE:
        return lambda number: function.consume(message(number))
    platform = function.platform()
    if function.method == "GET":
        wire = Wire("GET", f"{function.path}?device={DEVICE}&limit=1000", (("x-api-key", API_KEY),))
        return lambda _: platform(wire).status == 200
    return lambda _: platform(request(function)).status == 200


def accept(wire: Wire) -> Reply:
    """A receiver that takes everything."""
    count = zlib.decompress(wire.body, wbits=31).count(b'"specversion"')
    return Reply(200, {"content-type": "application/json"}, b'{"accepted":%d,"rejected":[]}' % count)


def main(role: Role, cloud: Cloud, *, remote: bool) -> dict[str, Any]:
    trigger = ROLES[role].trigger_of(remote=remote)
    at_once = sizing.at_once(role, cloud, trigger)
    os.environ["PYTHON_THREADPOOL_THREAD_COUNT"] = str(at_once)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        functions = stack.enter_context(Peaks(folder, remote=remote))
        if trigger is Trigger.QUEUE:
            os.environ["TRIGGER_QUEUE"] = "queue"
        ports = Ports(cloud)
        function = functions.load(cloud, role, memory=ports)
        function.admit()
        ports.secret("FLEET_SECRET").text = FLEET
        if remote and trigger is Trigger.QUEUE:
            server = stack.enter_context(listening(accept))
            secret = {"url": server.url, "api_key": API_KEY, "signing_keys": [KEY_1]}
            ports.secret("LINK_SECRET").text = json.dumps(secret)
        before = memory("VmRSS")
        if cloud is Cloud.AWS and trigger is Trigger.QUEUE:
            done = [batch(function, at_once)]
        else:
            call, together = call_of(function, trigger), threading.Barrier(at_once)

            def one(number: int) -> bool:
                together.wait()
                return call(number)

            with ThreadPoolExecutor(at_once) as pool:
                done = list(pool.map(one, range(at_once)))
    return {"before": before, "peak": memory("VmHWM"), "calls": len(done), "done": sum(done)}


if __name__ == "__main__":
    measured = main(Role(sys.argv[1]), Cloud(sys.argv[2]), remote=sys.argv[3] == "remote")
    print(json.dumps(measured))
    if measured["done"] != measured["calls"]:
        sys.exit("\n".join(_lines[-5:]) or "a call failed")
