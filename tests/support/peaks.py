"""Measures what a function holds at most: `python -m support.peaks CLOUD ROLE local|remote [WORK]` prints
JSON with the megabytes of its process before and at the peak, those of the user's code at the peak, and how
many calls were done.

The function is loaded by its cloud's entry point. It gets as many of the largest messages or requests at once
as an instance works on. What answers it over HTTPS runs in the same process, and counts.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import tempfile
import threading
import time
import zlib
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

from azure.functions.meta import Datum

from support import deployed, heaviest, platforms
from support.deployed import Deployed, Functions
from support.heaviest import (
    DEVICE,
    DUE,
    WITH_ROWS,
    Graph,
    Objects,
    OldStore,
    Ports,
    files_before,
    largest_data,
    largest_event,
)
from support.loopback import listening
from support.memory_bounds import CHANGES, DASHBOARDS_BYTES, FILE_BYTES, Case
from support.platforms import Reply, Wire
from support.samples import API_KEY, DOCUMENT, KEY_1, signed
from twin_azure import changes
from twin_gcp import devices
from twin_runtime import settings, times
from twin_runtime.context import Context
from twin_runtime.events import cloudevents
from twin_runtime.events.payload import MAX_PAYLOAD_BYTES
from twin_runtime.functions.hot_reader import MAX_ANSWER_BYTES as HOT_ANSWER_BYTES
from twin_runtime.grafana_api import MAX_ANSWER_BYTES
from twin_runtime.log import Log
from twin_runtime.model import parse
from twin_runtime.ports import MAX_BATCH_BYTES
from twin_runtime.roles import ROLES, Cloud, Role, Trigger
from twin_runtime.tiers import due_rows, tier_files, tier_reader
from twin_runtime.tiers.catalogue import Catalogue
from twin_runtime.wire.receiver import MAX_BODY_BYTES
from twinspan import sizing

FLEET = "the fleet's secret"
DAY_S = 86_400
DASHBOARD_BYTES = 50_000
NOW = time.time()
OLD_DAY = tier_files.day_of(times.from_epoch(NOW - 40 * DAY_S))
OLD = times.to_epoch(tier_files.first_of(OLD_DAY))
"""Of rows in the cold tier, or due for it."""
FILES = 6
"""As many are archived: if all were held, the bound would be exceeded."""
_TRIES = 5
GREEDY = """
full = False

def process(event):
    global full
    if not full:
        full, held = True, []
        try:
            while True:
                held.append(b"x" * 1_000_000)
        except MemoryError:
            del held
        with open("/proc/self/status") as status:
            print(*(line for line in status if line.startswith("VmHWM")))
    event["data"]["a"].pop()
    return event
"""
"""Uses all the memory that there is, once."""
_lines: list[str] = []


class Peaks(Functions):
    """Loads the local variant too."""

    def __init__(self, folder: Path, case: Case) -> None:
        super().__init__(folder)
        self._case = case

    def _context(self, role: Role, cloud: Any, **_: Any) -> Context:
        function, case = self._known[cloud.name, role], self._case
        environ = {name: name for name in settings.expected(role, cloud.name, remote=case.remote)}
        off = ["API_CLIENTS", *({"COLD_STORE", "COLD_LINK_SECRET"} if role is Role.HOT_READER else ())]
        on = {"cold": "COLD_STORE", "remote_cold": "COLD_LINK_SECRET"}.get(case.work)
        values = {**dict.fromkeys(off, ""), "TWIN_ROLE": role, "API_KEY_READS": "true"}
        if on:
            values[on] = on
        return Context(
            role,
            function.memory,
            environ=environ | {name: value for name, value in values.items() if name in environ},
            root=function.root,
            sink=lambda _level, line: _lines.append(line),
        )


def memory(field: str) -> float:
    """Megabytes of this process: VmRSS now, VmHWM at the peak."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def of_the_code() -> float:
    """Megabytes of the process of the user's code at its peak, as it has printed them."""
    found = re.search(r"VmHWM:\\t *([0-9]+) kB", "\n".join(_lines))
    return int(found[1]) / 1024 if found else 0.0


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
    return post(function, body.encode())


def post(function: Deployed, body: bytes, **headers: str) -> Wire:
    made = signed(body, headers=headers)
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


def changed(function: Deployed) -> bool:
    """Cosmos DB's change feed hands rows over."""
    row = {
        "time": times.from_epoch(time.time()),
        "type": cloudevents.TELEMETRY,
        "data": largest_data(),
        "traceparent": f"00-{'1' * 32}-{'2' * 16}-01",
        "expires": 4_000_000_000,
    }
    rows = [{**row, "event": f"e{n}", "device": f"thermostat-{n + 1}"} for n in range(CHANGES)]
    worker = function.loaded
    (run,) = (each for each in worker.functions if each.name == "twin_sync_changes")
    told = worker.call(run, Datum(json.dumps(rows), "json"), {}).ok
    (graph,) = function.memory.graphs.values()
    assert isinstance(graph, Graph)
    return told and graph.writes == CHANGES


def read(function: Deployed, query: str, least: int, day: str = "") -> bool:
    """Whether the answer is so long. `day`: of one of the events, of which none is left out then."""
    answer = function.platform()(Wire("GET", f"{function.path}?{query}", (("x-api-key", API_KEY),)))
    whole = not day or (f'"time":"{day}'.encode() in answer.body and b'"unread"' not in answer.body)
    return answer.status == 200 and len(answer.body) >= least and whole


def file_parts(function: Deployed, number: int, folder: Path, together: threading.Barrier) -> bool:
    """A file in as many parts as there may be. The last ones come together."""
    path = folder / f"file-{number}"
    name = heaviest.file_of(pair(number), NOW, path, padded=True)
    with path.open("rb") as file:
        digest = sha256()
        while chunk := file.read(tier_files.PART_BYTES):
            digest.update(chunk)
    known = {
        "name": str(name),
        "parts": tier_files.MAX_PARTS,
        "rows": name.rows,
        "sha256": digest.hexdigest(),
    }
    platform, answer = function.platform(), Reply(500, {}, b"")
    with path.open("rb") as file:
        for part in range(tier_files.MAX_PARTS):
            if part == tier_files.MAX_PARTS - 1:
                together.wait()
            body = json.dumps({**known, "part": part}).encode() + b"\n" + file.read(tier_files.PART_BYTES)
            sent = post(function, body, **{"Content-Type": tier_files.FILE_MEDIA_TYPE})
            del body
            for _ in range(_TRIES):  # as a mover does, where the time of a call was over
                answer = platform(sent)
                if answer.status != 503:
                    break
    return answer.status == 200 and json.loads(answer.body)["size"] == path.stat().st_size


def read_files(function: Deployed) -> bool:
    query = {"device": DEVICE, "from": times.EARLIEST, "to": times.LATEST, "limit": 1000, "cursor": None}
    body = json.dumps({**query, "order": "asc"}).encode()
    sent = post(function, body, **{"Content-Type": tier_files.QUERY_MEDIA_TYPE})
    answer = function.platform()(sent)
    return answer.status == 200 and len(answer.body) > tier_reader.MAX_PAGE_BYTES * 0.9


def pair(number: int) -> tuple[str, str]:
    """The devices of a file that is sent."""
    return f"thermostat-{number}-a", f"thermostat-{number}-b"


def before(case: Case, folder: Path) -> tuple[Any, ...]:
    """What the cold tier has when the work begins: the largest index, and files with rows among those that
    come or are asked for. Runs in a process of its own, whose memory does not count.
    """
    objects = Objects(folder)
    log = Log("before", lambda _level, _line: None)
    catalogue = Catalogue(objects, parse(document(case)), log=log)

    def add(devices: Sequence[str], at: float, **form: Any) -> None:
        path = folder / "before"
        name = heaviest.file_of(devices, at, path, **form)
        body = path.read_bytes()
        catalogue.add(tier_files.File(str(name), body, name.rows, sha256(body).hexdigest()))

    if case.role is Role.COLD_MOVER:
        heaviest.fill_index(objects, OLD_DAY, DUE)
        one_member = {"MEMBER_BYTES": math.inf, "LONG_MEMBER_BYTES": math.inf, "_LEVEL": 0}
        for rows in heaviest.files_before(OLD):
            with patch.multiple(tier_files, **one_member):
                file = tier_files.pack(rows, parse(document(case)), "thermostat")
            catalogue.add(file)
    elif case.work == "file":
        pairs = [pair(number + 1) for number in range(case.at_once)]
        heaviest.fill_index(objects, times.from_epoch(NOW)[:10], chain(*pairs))
        for devices in pairs:
            for suffix in ("", "b", "c"):
                add(devices, NOW, text=heaviest.OF_A_MERGED, suffix=suffix)
    else:
        heaviest.fill_index(objects, OLD_DAY, [DEVICE])
        for suffix in ("a", "b", "c", "d"):
            add([DEVICE], OLD, suffix=suffix)
    return objects.state()


def archive_file(ports: Ports, folder: Path, days: int) -> None:
    """A file that is due for the archive."""
    path = folder / "cold"
    name = heaviest.file_of([DEVICE], NOW - days * DAY_S, path, padded=True)
    store = ports.objects("COLD_STORE")
    assert isinstance(store, Objects)
    store.give(name, path)


def stored(function: Deployed) -> Mapping[str, int]:
    """The bytes of each file of the cold tier, by name."""
    kept = function.memory.objects("COLD_STORE").kept
    return {name: its.size for name, (_, its) in kept.items() if name.startswith(tier_files.EVENTS)}


def moved(case: Case, files: Mapping[str, int]) -> bool:
    """Whether all has been moved, in files as large as they can be. `files`: the bytes of each, by name."""
    if case.role is Role.ARCHIVE_MOVER:
        return len(files) == FILES and min(files.values()) > 0.99 * FILE_BYTES
    total = sum(rows for rows, _ in DUE.values())
    if not case.remote:
        total += sum(len([row for row in rows if row.id >= f"{10**6:036}"]) for rows in files_before(OLD))
        if not any('"event":"merged"' in line for line in _lines):
            return False
    count = sum(tier_files.parse_name(name).rows for name in files)
    return count == total and max(files.values()) > 0.75 * due_rows.MAX_BYTES


def synced(case: Case) -> bool:
    """Whether a run that had values to set has set them."""
    has_values = case.role is Role.TWIN_SYNC and case.cloud is not Cloud.AWS
    return not has_values or any('"values_set","type":"thermostat"' in line for line in _lines)


def ask_history(function: Deployed) -> bool:
    """TwinMaker asks for values, which no event has."""
    asked = {"entityId": DEVICE, "componentName": "thermostat", "selectedProperties": ["temperature"]}
    return function.loaded({**asked, "maxResults": 200}, deployed._Context())["propertyValues"] == []


def calls_of(
    case: Case, function: Deployed, folder: Path, together: threading.Barrier, sent: Mapping[str, int]
) -> Callable[[int], bool]:
    match case.role, case.trigger:
        case _, Trigger.BROKER:
            return lambda _: dispatch(function)
        case _, Trigger.QUEUE:
            return lambda number: function.consume(message(number))
        case Role.TWIN_SYNC, _ if case.work:
            return lambda _: changed(function)
        case ((Role.COLD_MOVER | Role.ARCHIVE_MOVER), _):
            return lambda _: function.run() and moved(case, sent if case.remote else stored(function))
        case _, Trigger.CLOCK:
            return lambda _: function.run() and synced(case)
        case _, Trigger.PLATFORM:
            return lambda _: ask_history(function)
        case Role.HOT_READER, _:
            tier = "&tier=all" if case.work.endswith("cold") else ""
            asked = "type=thermostat&latest=true" if case.work == "newest" else f"device={DEVICE}{tier}"
            oldest = OLD_DAY if tier else ""
            return lambda _: read(function, f"{asked}&limit=1000", 3_000_000, oldest)
        case Role.TWIN_READER, _:
            return lambda _: read(function, "type=meter&limit=200", 500_000)
        case ((Role.COLD_WRITER | Role.ARCHIVE_WRITER), _) if case.work == "file":
            return lambda number: file_parts(function, number + 1, folder, together)
        case Role.COLD_WRITER, _:
            return lambda _: read_files(function)
    platform = function.platform()
    return lambda _: platform(request(function)).status == 200


class Other:
    """What is at the other end of a link, or Grafana. Answers are as long as they may be. `sent` gets the
    bytes of each file that comes, by name.
    """

    def __init__(self, case: Case, sent: dict[str, int]) -> None:
        self._case = case
        self._asked = 0
        self._sent = sent
        self._empty = b'{"events":[],"cursor":null,"next":null}'
        bound = tier_reader.MAX_PAGE_BYTES if case.work == "remote_cold" else HOT_ANSWER_BYTES
        count = bound // len(largest_event("e00"))
        at = OLD if case.work == "remote_cold" else NOW
        cold = case.role is Role.HOT_READER
        self._events = [
            largest_event(f"e{n:02}", DEVICE if cold else f"thermostat-{n + 1}", at) for n in range(count)
        ]

    def __call__(self, wire: Wire) -> Reply:
        if self._case.role is Role.DASHBOARD_SYNC:
            return Reply(200, {}, self._grafana(wire))
        if self._case.role in (Role.COLD_MOVER, Role.ARCHIVE_MOVER):
            settled = wire.body == b"{}"
            return Reply(200, {}, b'{"settled":true}' if settled else self._part(wire.body))
        if wire.method == "POST" and self._case.role is not Role.HOT_READER:
            count = zlib.decompress(wire.body, wbits=31).count(b'"specversion"')
            return Reply(200, {}, b'{"accepted":%d,"rejected":[]}' % count)
        return Reply(200, {}, self._page(wire))

    def _part(self, body: bytes) -> bytes:
        end = body.index(b"\n")
        told = json.loads(body[:end])
        name, count = told["name"], told["part"] + 1
        self._sent[name] = self._sent.get(name, 0) + len(body) - end - 1
        if count < told["parts"]:
            return json.dumps({"parts": count}).encode()
        whole = {"rows": told["rows"], "sha256": told["sha256"], "size": self._sent[name]}
        return json.dumps(whole).encode()

    def _page(self, wire: Wire) -> bytes:
        if "type=meter" in wire.target or "type=pump" in wire.target:
            return self._empty
        self._asked += 1
        cursor = '"c"' if self._asked < 2 and wire.method == "GET" else "null"
        return f'{{"events":[{",".join(self._events)}],"cursor":{cursor},"next":null}}'.encode()

    def _grafana(self, wire: Wire) -> bytes:
        if wire.target.startswith("/api/search"):
            return b"[" + b"{}," * (MAX_ANSWER_BYTES // 3 - 2) + b"{}]"
        return b"{}"


def prepare(case: Case, function: Deployed) -> None:
    """What is in the package."""
    if case.role is Role.PROCESSOR:
        (function.root / "processors").mkdir()
        (function.root / "processors" / "thermostat.py").write_text(GREEDY)
    if case.role is Role.DASHBOARD_SYNC:
        known = {"uid": "u", "name": "n", "jsonData": {}}
        parts = {"plugin": {"id": "p", "version": "1"}, "folder": {"uid": "f", "title": "F"}}
        (function.root / "grafana.json").write_text(json.dumps({**parts, "metrics": known, "events": known}))
        (function.root / "dashboards").mkdir()
        for number in range(DASHBOARDS_BYTES // DASHBOARD_BYTES):
            (function.root / "dashboards" / f"{number}.json").write_bytes(
                b'{"a":"%s"}' % (b"x" * DASHBOARD_BYTES)
            )


def document(case: Case) -> dict[str, Any]:
    if case.role in (Role.TWIN_SYNC, Role.TWIN_READER, Role.TWIN_CONNECTOR) or case.work == "newest":
        return heaviest.document()
    if case.role is Role.COLD_MOVER:
        return {**heaviest.document(), "safety_days": 30, "cold_days": 90}
    types = json.loads(json.dumps(DOCUMENT["device_types"]))
    if case.role is Role.PROCESSOR:
        types["thermostat"]["processor"] = "processors/thermostat.py"
    names = {f"thermostat-{number}": "thermostat" for number in range(1, WITH_ROWS)}
    return {**DOCUMENT, "device_types": types, "devices": names, "cold_days": 90}


def main(case: Case) -> dict[str, Any]:
    trigger, at_once = case.trigger, case.at_once
    os.environ["PYTHON_THREADPOOL_THREAD_COUNT"] = str(at_once)
    if case.work == "changes":
        os.environ["CHANGES_CONTAINER"] = "events"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        functions = stack.enter_context(Peaks(folder, case))
        if trigger is Trigger.QUEUE:
            os.environ["TRIGGER_QUEUE"] = "queue"
        ports, twin = Ports(case.cloud, folder), document(case)
        url, sent = "", dict[str, int]()
        if case.role is Role.DASHBOARD_SYNC or case.remote or case.work == "remote_cold":
            server = stack.enter_context(listening(Other(case, sent)))
            server.seen = deque(maxlen=0)  # what passed is not kept: it would count
            url = server.url
        ports.grafana_url = url
        if case.work == "cold" or case.role is (Role.COLD_WRITER if case.remote else Role.COLD_MOVER):
            with ProcessPoolExecutor(1, mp_context=get_context("fork")) as process:
                cold = ports.objects("COLD_STORE")
                assert isinstance(cold, Objects)
                cold.take(process.submit(before, case, folder).result())
        if case.role is Role.ARCHIVE_MOVER:
            for number in range(FILES):
                archive_file(ports, folder, days=100 + number)
        if case.role is Role.COLD_MOVER:
            ports.stores["STORE"] = OldStore(OLD)
        stack.enter_context(patch.object(functions, "start", _filled(functions, case)))
        left_ms = ROLES[case.role].timeout_s * 1_000
        stack.enter_context(
            patch.object(deployed._Context, "get_remaining_time_in_millis", lambda _: left_ms)
        )
        parsed = parse(twin)
        stack.enter_context(patch.object(changes, "load_twin", lambda _root: parsed))
        function = functions.load(case.cloud, case.role, memory=ports, twin=twin)
        function.admit()
        ports.secret("FLEET_SECRET").text = FLEET
        secret = {"url": url, "api_key": API_KEY, "signing_keys": [KEY_1]}
        ports.secret("LINK_SECRET").text = ports.secret("COLD_LINK_SECRET").text = json.dumps(secret)
        idle = memory("VmRSS")
        if case.cloud is Cloud.AWS and trigger is Trigger.QUEUE:
            done = [batch(function, at_once)]
        else:
            together = threading.Barrier(at_once)
            call = calls_of(case, function, folder, together, sent)

            def one(number: int) -> bool:
                together.wait()
                return call(number)

            with ThreadPoolExecutor(at_once) as pool:
                done = list(pool.map(one, range(at_once)))
    found = {"before": idle, "peak": memory("VmHWM"), "code": of_the_code()}
    return {**found, "calls": len(done), "done": sum(done)}


def _filled(functions: Functions, case: Case) -> Callable[[Deployed], None]:
    start = functions.start

    def run(function: Deployed) -> None:
        prepare(case, function)
        start(function)

    return run


if __name__ == "__main__":
    cloud, role, variant, *work = sys.argv[1:]
    measured = main(Case(Cloud(cloud), Role(role), variant == "remote", *work))
    print(json.dumps(measured))
    if measured["done"] != measured["calls"]:
        sys.exit("\n".join(line[:2_000] for line in _lines[-5:]) or "a call failed")
