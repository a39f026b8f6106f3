"""The demonstration itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud.cloud import LocalCloud, Options
from local_cloud.demo import outcome
from local_cloud.demo.screen import Screen
from local_cloud.errors import LocalCloudError
from local_cloud.hops import Watch
from local_cloud.operator import Operator
from local_cloud.reader import Answered, Reader
from simulator import clients, endpoint
from simulator.faults import Fault
from simulator.fleet import Fleet
from simulator.options import Options as Traffic
from simulator.payloads import Source
from simulator.run import Run
from twinspan.config import Config
from twinspan.topology import Topology

ROOT = Path(__file__).resolve().parents[2]
HASTEN = 30.0
"""Queues deliver again after a thirtieth of the time that the stacks say."""
READINGS = 200
RATE = 20.0
FAULTS = {Fault.DUPLICATE: 0.05, Fault.OUT_OF_ORDER: 0.05, Fault.MALFORMED: 0.02}
_PATIENCE_S = 90.0
_POLL_S = 0.1
_NAMES = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud"}


class Demo:
    """One demonstration of a twin; `folder` is for scratch files, `began` the Unix time of its start."""

    def __init__(self, config: Config, twin_file: Path, *, folder: Path, began: float) -> None:
        self._config = config
        self._twin_file = twin_file
        self._folder = folder
        self._screen = Screen(began)
        self._topology = Topology.of(config)
        self._where = {str(role): _NAMES[cloud] for role, cloud in self._topology.roles.items()}

    def go(self, *, keep: bool) -> bool:
        """Show everything; whether nothing was lost. `keep` waits for Ctrl-C at the end."""
        if not self._config.read_api:
            raise LocalCloudError(
                f"The demonstration reads back what it sent: set read_api: true in {self._twin_file}."
            )
        out = self._folder / "cdktf.out"
        self._screen.title(f"The twin {self._config.name} on this machine")
        self._synthesize(out)
        options = Options(hasten=HASTEN)
        with LocalCloud(out, folder=self._folder, options=options, progress=self._screen.step) as twin:
            twin.up()
            document = self._folder / "endpoint.json"
            document.write_text(json.dumps(twin.endpoint, indent=1), "utf-8")
            watch = Watch(twin.log_lines)
            try:
                good = self._show(twin, endpoint.read(document), watch)
            finally:
                watch.close()
            if keep:
                self._keep(twin, document)
        return good

    def _synthesize(self, out: Path) -> None:
        environment = {**os.environ, "TWIN": str(self._twin_file), "CDKTF_OUTDIR": str(out)}
        command = [sys.executable, str(ROOT / "main.py")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise LocalCloudError(f"main.py could not synthesize {self._twin_file}:\n{done.stderr.strip()}")
        self._screen.step("synthesized")

    def _show(self, twin: LocalCloud, where: endpoint.Endpoint, watch: Watch) -> bool:
        fleet = Fleet.of(self._config)
        reader = Reader.of(twin.outputs, trust=twin.trust)
        self._one_event(fleet, where, reader, watch)
        self._one_rule(fleet, where, twin, watch)
        return self._many(fleet, where, twin, reader, watch)

    def _one_event(self, fleet: Fleet, where: endpoint.Endpoint, reader: Reader, watch: Watch) -> None:
        device = fleet.devices[0]
        self._screen.title(f"One event, from the device {device.id} to a reader")
        reading = Source(device, seed=1, run=_run_name()).next()
        with clients.connect(where, device.id) as client:
            sent = time.time()
            client.send(json.dumps(reading.document()).encode())
            self._hop(sent, time.time(), "acknowledged by the broker", _NAMES[fleet.cloud])
            event = _until(lambda: _read(reader, device.id, reading.id))
        seen = time.time()
        if event is None:
            raise LocalCloudError(f"The event was not read back within {_PATIENCE_S:.0f} s.")
        trace = event["traceparent"].split("-")[1]
        time.sleep(1)  # the logs' time to be read
        for hop in (each for each in watch.hops(sent) if each.trace == trace and each.at <= seen):
            self._hop(sent, hop.at, f"{hop.role}: {hop.event}", self._where[hop.role])
        self._hop(sent, seen, f"read back: {json.dumps(event['data'])}", self._where["hot_reader"])
        own_code = self._config.device_types[device.type].processor is not None
        if event["data"] != reading.data and not own_code:
            raise LocalCloudError(f"What was read back is not what was sent: {json.dumps(reading.data)}.")
        self._screen.step("first event read back")

    def _one_rule(self, fleet: Fleet, where: endpoint.Endpoint, twin: LocalCloud, watch: Watch) -> None:
        device, reading = next(
            (
                (device, reading)
                for device in fleet.devices
                for reading in [Source(device, seed=1, run=_run_name(), trip=1.0).next()]
                if reading.trips
            ),
            (None, None),
        )
        if not self._config.events.enabled or device is None or reading is None or reading.trips is None:
            self._screen.title("No rule to trip: the event system is off, or has no rule for these devices")
            return
        rule = device.rules[reading.trips]
        self._screen.title(f"The rule {reading.trips}, tripped by {device.id}: {json.dumps(reading.data)}")
        commands: list[tuple[float, Mapping[str, Any]]] = []
        with clients.connect(where, device.id) as client:
            client.on_command(lambda command: commands.append((time.time(), command)))
            before, sent = len(twin.workflow_runs()), time.time()
            client.send(json.dumps(reading.document()).encode())
            fired = watch.first("event_checker", since=sent, seconds=_PATIENCE_S)
            if fired is None:
                raise LocalCloudError(f"The rule did not fire within {_PATIENCE_S:.0f} s.")
            self._hop(sent, fired.at, "event_checker: the rule has fired", self._where["event_checker"])
            if rule["then"].get("feedback"):
                got = _until(lambda: commands[0] if commands else None)
                if got is None:
                    raise LocalCloudError(f"The command did not reach the device in {_PATIENCE_S:.0f} s.")
                self._hop(sent, got[0], f"the device got {json.dumps(got[1]['data'])}", _NAMES[fleet.cloud])
            if rule["then"].get("workflow"):
                run = _until(lambda: twin.workflow_runs()[before:])
                said = f"workflow {run[0].get('status') or run[0].get('state', 'recorded')}" if run else ""
                self._hop(sent, time.time(), said or "the workflow was not started", self._where["processor"])

    def _many(
        self, fleet: Fleet, where: endpoint.Endpoint, twin: LocalCloud, reader: Reader, watch: Watch
    ) -> bool:
        self._screen.title(f"{READINGS} readings of {len(fleet.devices)} devices, {RATE:.0f} a second")
        record = self._folder / "sent.jsonl"
        traffic = Traffic(rate=RATE, count=READINGS, seed=1, shares=FAULTS, run=_run_name(), commands=False)
        report = Run(fleet, where, traffic, record=record).go()
        faults = ", ".join(f"{count} {fault}" for fault, count in report.faults.items()) or "none"
        self._screen.step(f"sent, with faults on purpose: {faults}")
        sent = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
        wanted = outcome.outcome(sent, [], dead_lettered=0).sent

        def arrived() -> list[dict[str, Any]] | None:
            found = [event for event in _all(reader, fleet) if event["id"].startswith(traffic.run)]
            return found if len(found) >= wanted else None

        stored = _until(arrived) or [e for e in _all(reader, fleet) if e["id"].startswith(traffic.run)]
        time.sleep(1)
        result = outcome.outcome(sent, stored, dead_lettered=len(self._operator(twin).dead_letters()))
        self._screen.line()
        head = ["sent", "stored", "duplicates", "dead-lettered", "lost"]
        values = (result.sent, result.stored, result.duplicates, result.dead_lettered, result.lost)
        self._screen.table(head, [[str(value) for value in values]])
        self._screen.line()
        times = outcome.delays(sent, stored, watch.hops())
        head = ["from the device to", "in", "timed", "p50", "p95"]
        self._screen.table(head, outcome.rows(times, self._where))
        self._screen.line()
        self._screen.line("A function logs one trace per batch, so a part of the readings is timed.")
        return not result.lost and not result.duplicates

    def _keep(self, twin: LocalCloud, document: Path) -> None:
        device, outputs = self._config.devices[0].id, twin.outputs
        self._screen.title("It stays up until Ctrl-C. By hand:")
        program = Path(sys.executable)
        program = program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program
        self._screen.line(f"{program} -m simulator --endpoint {document} --twin {self._twin_file} --rate 5")
        self._screen.line(
            f"curl --cacert {twin.trust} -H 'x-api-key: {outputs['hot_reader_api_key']}' "
            f"'{outputs['hot_reader_url']}?device={device}&latest=true'"
        )
        operator = self._operator(twin)
        given = " ".join(f"{name}={value}" for name, value in operator.environment.items())
        self._screen.line(f"{given} {program} -m replay list {' '.join(operator.files())}")
        self._screen.line(f"logs: {self._folder / 'logs'}")
        threading.Event().wait()

    def _operator(self, twin: LocalCloud) -> Operator:
        return Operator.of(twin, self._twin_file, self._folder)

    def _hop(self, sent: float, at: float, what: str, cloud: str) -> None:
        self._screen.line(f"+{max(0.0, at - sent):6.2f} s  {cloud:<13} {what}")


def _run_name() -> str:
    return f"{time.time_ns() // 1_000_000:x}"


def _read(reader: Reader, device: str, id: str | None) -> dict[str, Any] | None:
    """The device's newest event when it is the one of that id; None while it is not there."""
    try:
        found = reader.page(device=device, latest="true")["events"]
    except (Answered, OSError):
        return None
    return found[0] if found and found[0]["id"] == id else None


def _all(reader: Reader, fleet: Fleet) -> list[dict[str, Any]]:
    return [event for device in fleet.devices for event in reader.events(device.id)]


def _until(probe: Any) -> Any:
    """What `probe` returns once it is something; None when that takes too long."""
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        found = probe()
        if found:
            return found
        time.sleep(_POLL_S)
    return None
