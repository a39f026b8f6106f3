"""The three acts of the demonstration: one event, one rule, many readings."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from local_cloud.cloud import LocalCloud
from local_cloud.demo import outcome
from local_cloud.demo.complaints import grouped
from local_cloud.demo.screen import Screen
from local_cloud.errors import LocalCloudError
from local_cloud.hops import Watch, entries
from local_cloud.operator import Operator
from local_cloud.reader import Answered, Reader
from simulator import clients, endpoint
from simulator.faults import Fault
from simulator.fleet import Device, Fleet
from simulator.options import Options
from simulator.payloads import Reading, Source
from simulator.run import Run
from twinspan.config import Config

READINGS = 200
RATE = 20.0
FAULTS = {
    Fault.DUPLICATE: 0.05,
    Fault.OUT_OF_ORDER: 0.05,
    Fault.WRONG_CLOCK: 0.02,
    Fault.MALFORMED: 0.02,
}
NAMES = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud"}
_PATIENCE_S = 90.0
_POLL_S = 0.1
_LOGS_S = 1.0
"""How long the last log lines take to be read."""
Found = TypeVar("Found")


@dataclass(frozen=True)
class Stage:
    """A twin that is up, and all that an act needs of it. `where` names the cloud of each role."""

    config: Config
    screen: Screen
    twin: LocalCloud
    fleet: Fleet
    broker: endpoint.Endpoint
    reader: Reader
    watch: Watch
    operator: Operator
    where: Mapping[str, str]
    record: Path

    @property
    def broker_cloud(self) -> str:
        return NAMES[self.fleet.cloud]

    def hop(self, sent: float, at: float, what: str, cloud: str) -> None:
        """A line for what happened `at`, in seconds since `sent`."""
        self.screen.line(f"+{max(0.0, at - sent):6.2f} s  {cloud:<13} {what}")

    def has_code(self, device: Device) -> bool:
        """Whether the user's code sees the device's events, and may change them, or drop them."""
        return self.config.device_types[device.type].processor is not None


def one_event(stage: Stage) -> None:
    """From the first device to a reader, hop by hop."""
    device = stage.fleet.devices[0]
    stage.screen.title(f"One event, from the device {device.id} to a reader")
    reading = Source(device, seed=1, run=_run_name()).next()
    with clients.connect(stage.broker, device.id) as client:
        sent = time.time()
        client.send(json.dumps(reading.document()).encode())
        acknowledged = time.time()
        event = _until(lambda: _newest(stage.reader, device.id, reading.event_id))
    seen, elapsed = time.time(), stage.screen.elapsed
    if event is None:
        raise LocalCloudError(f"The event was not read back within {_PATIENCE_S:.0f} s.")
    trace = event["traceparent"].split("-")[1]
    time.sleep(_LOGS_S)
    passed = [
        (acknowledged, "acknowledged by the broker", stage.broker_cloud),
        *(
            (hop.at, f"{hop.role}: {hop.event}", stage.where[hop.role])
            for hop in stage.watch.hops(sent)
            if hop.trace == trace
        ),
        # A role logs that it is done after it is done: a reader can be quicker than that line.
        (seen, f"read back: {json.dumps(event['data'])}", stage.where["hot_reader"]),
    ]
    for at, what, cloud in sorted(passed):
        stage.hop(sent, at, what, cloud)
    if event["data"] != reading.data and not stage.has_code(device):
        raise LocalCloudError(
            f"The event that was read back differs from the one that was sent: {json.dumps(reading.data)}."
        )
    stage.screen.line(f"Read back {elapsed:.1f} s after the start of this command.")


def one_rule(stage: Stage) -> None:
    """A reading that a rule waits for; the command at the device, the workflow."""
    found = _tripping(stage.fleet) if stage.config.events.enabled else None
    if found is None:
        stage.screen.title("No rule to trigger: the event system is off, or has no rule for these devices")
        return
    device, reading, name = found
    then = device.rules[name]["then"]
    stage.screen.title(f"The rule {name}, tripped by {device.id}: {json.dumps(reading.data)}")
    commands: list[tuple[float, Mapping[str, Any]]] = []
    with clients.connect(stage.broker, device.id) as client:
        client.on_command(lambda command: commands.append((time.time(), command)))
        before, sent = len(stage.twin.workflow_runs()), time.time()
        client.send(json.dumps(reading.document()).encode())
        fired = stage.watch.first("event_checker", since=sent, seconds=_PATIENCE_S)
        if fired is None:
            raise LocalCloudError(f"The rule did not fire within {_PATIENCE_S:.0f} s.")
        stage.hop(sent, fired.at, "event_checker: the rule has fired", stage.where["event_checker"])
        if then.get("feedback"):
            if not _until(lambda: commands):
                raise LocalCloudError(f"The command did not reach the device in {_PATIENCE_S:.0f} s.")
            at, command = commands[0]
            stage.hop(sent, at, f"the device got {json.dumps(command['data'])}", stage.broker_cloud)
        if then.get("workflow"):
            runs = _until(lambda: stage.twin.workflow_runs()[before:])
            if not runs:
                raise LocalCloudError(f"The workflow was not started within {_PATIENCE_S:.0f} s.")
            state = runs[0].get("status") or runs[0].get("state") or "start recorded; none runs it here"
            stage.hop(sent, time.time(), f"workflow: {state}", stage.where["event_checker"])


def many(stage: Stage) -> tuple[outcome.Outcome, bool]:
    """Send readings of the whole fleet with faults among them; return the counts, and whether all is as it
    should be.
    """
    screen, fleet = stage.screen, stage.fleet
    screen.title(f"{READINGS} readings of {len(fleet.devices)} devices, {RATE:.0f} a second")
    traffic = Options(rate=RATE, count=READINGS, seed=1, shares=FAULTS, run=_run_name(), commands=False)
    run = Run(fleet, stage.broker, traffic, record=stage.record)
    report = run.go()
    if run.stopped:
        raise KeyboardInterrupt
    faults = ", ".join(f"{count} {fault}" for fault, count in report.faults.items()) or "none"
    screen.step(f"sent, with faults on purpose: {faults}")
    sent = [json.loads(line) for line in stage.record.read_text("utf-8").splitlines()]
    wanted = outcome.outcome(sent, [], dead_letters=0).sent

    def arrived() -> list[dict[str, Any]]:
        events = (event for device in fleet.devices for event in stage.reader.events(device.id))
        return [event for event in events if event["id"].startswith(traffic.run)]

    _until(lambda: len(arrived()) >= wanted)
    stored = arrived()
    screen.step("read back")
    time.sleep(_LOGS_S)
    result = outcome.outcome(sent, stored, dead_letters=len(stage.operator.dead_letters()))
    screen.line()
    for line in result.sums():
        screen.line(line)
    screen.line()
    times = outcome.delays(sent, stored, stage.watch.hops())
    screen.table(["from the device to", "in", "timed", "p50", "p95"], outcome.rows(times, stage.where))
    screen.line()
    screen.line("A function logs one trace per batch, so only some readings are timed.")
    if own := any(stage.has_code(device) for device in fleet.devices):
        screen.line(
            "User code processes these readings: readings that it drops on purpose count as lost here."
        )
    return result, not result.duplicates and (own or not result.lost)


def complaints(stage: Stage) -> None:
    """What the functions warned of since they were started."""
    found = grouped(entries(stage.twin.log_lines()))
    if found:
        stage.screen.title("Warnings and errors in the functions' logs")
    for line in found:
        stage.screen.line(line)


def _tripping(fleet: Fleet) -> tuple[Device, Reading, str] | None:
    """A device, a reading of it that makes a rule fire by itself, and the rule's name."""
    for device in fleet.devices:
        reading = Source(device, seed=1, run=_run_name(), trip=1.0).next()
        if reading.trips is not None and "for" not in device.rules[reading.trips]:
            return device, reading, reading.trips
    return None


def _run_name() -> str:
    return f"{time.time_ns() // 1_000_000:x}"


def _newest(reader: Reader, device: str, id: str | None) -> dict[str, Any] | None:
    """The device's newest event when it is the one of that id; None while it is not there."""
    try:
        found = reader.page(device=device, latest="true")["events"]
    except (Answered, OSError):
        return None
    return found[0] if found and found[0]["id"] == id else None


def _until(probe: Callable[[], Found]) -> Found:
    """What `probe` returns once it is something, or at last."""
    until = time.monotonic() + _PATIENCE_S
    while not (found := probe()) and time.monotonic() < until:
        time.sleep(_POLL_S)
    return found
