"""Whole runs, against a capture of Pub/Sub."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simulator import endpoint, run
from simulator.errors import SimulatorError
from simulator.faults import Fault
from simulator.fleet import Fleet
from simulator.options import Options
from simulator.pace import Pace
from simulator.payloads import rfc3339
from simulator.report import percentile
from simulator.run import Run
from support.brokers import PubSubCapture
from support.fleets import fleet
from support.layouts import LAYOUTS, twin_config
from twin_gcp.devices import problem


@pytest.fixture
def pubsub() -> Iterator[PubSubCapture]:
    with PubSubCapture() as capture:
        yield capture


def go(pubsub: PubSubCapture, *, size: int = 3, record: Path | None = None, **options: Any) -> Any:
    where = endpoint.parse(pubsub.endpoint(), {})
    return Run(fleet(size), where, Options(**{"rate": 5000, "seed": 1, **options}), record=record).go()


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_reading_is_sent_once_signed_and_recorded(pubsub: PubSubCapture, tmp_path: Path) -> None:
    report = go(pubsub, count=50, per_message=4, record=tmp_path / "record")
    assert (report.sent, report.acknowledged, report.failed, report.messages) == (50, 50, 0, 13)
    assert report.good
    now = rfc3339(datetime.now(UTC))
    stored = {}
    for topic, attributes, body in pubsub.published:
        assert topic == "factory-telemetry"
        assert problem("fleet", attributes, body, now, {}) is None
        readings = json.loads(body)
        for reading in readings if isinstance(readings, list) else [readings]:
            stored[attributes["device_id"], reading["id"]] = (reading["time"], reading["data"])
    recorded = {
        (line["device"], line["id"]): (line["time"], line["data"]) for line in lines(tmp_path / "record")
    }
    assert stored == recorded
    assert len(stored) == 50
    assert Counter(device for device, _ in stored) == {"d-1": 18, "d-2": 16, "d-3": 16}


def test_faults_are_counted_and_recorded_by_kind(pubsub: PubSubCapture, tmp_path: Path) -> None:
    shares = {Fault.DUPLICATE: 0.1, Fault.SPOOFED: 0.1, Fault.MALFORMED: 0.1, Fault.OUT_OF_ORDER: 0.1}
    report = go(pubsub, count=300, shares=shares, record=tmp_path / "record")
    recorded = Counter(line["fault"] for line in lines(tmp_path / "record"))
    assert report.faults == {kind: count for kind, count in recorded.items() if kind}
    assert report.faults.keys() == {str(fault) for fault in shares}
    # What nobody should take is not among what was sent, and duplicates are sent beyond the count.
    lost = report.faults["spoofed"] + report.faults["malformed"]
    assert report.sent == 300 - lost + report.faults["duplicate"]
    now = rfc3339(datetime.now(UTC))
    refused = [problem("fleet", attributes, body, now, {}) for _, attributes, body in pubsub.published]
    assert sum(reason is not None for reason in refused) == report.faults["spoofed"]
    for line in lines(tmp_path / "record"):
        assert (line["device"] != line["sent_by"]) is (line["fault"] == "spoofed")


def test_a_device_signs_with_the_key_of_its_number(pubsub: PubSubCapture) -> None:
    config = twin_config(LAYOUTS[0], devices=[{"id": "thermostat-1", "type": "thermostat", "key": 3}])
    devices = Fleet.of(config).devices
    where = endpoint.parse(pubsub.endpoint(), {})
    Run(Fleet("factory", "gcp", devices), where, Options(rate=5000, count=1)).go()
    now = rfc3339(datetime.now(UTC))
    ((_, attributes, body),) = pubsub.published
    assert problem("fleet", attributes, body, now, {"thermostat-1": 3}) is None
    assert problem("fleet", attributes, body, now, {}) is not None


def test_a_revoked_device_is_not_of_the_fleet() -> None:
    devices = [{"id": f"t-{n}", "type": "thermostat", "revoked": n == 1} for n in range(1, 4)]
    config = twin_config(LAYOUTS[0], devices=devices)
    assert [device.id for device in Fleet.of(config, devices=2).devices] == ["t-2", "t-3"]


def test_what_is_not_acknowledged_is_failed_with_the_reason(pubsub: PubSubCapture, tmp_path: Path) -> None:
    pubsub.refuse = lambda attributes: attributes["device_id"] == "d-2"
    report = go(pubsub, count=30, record=tmp_path / "record")
    assert (report.acknowledged, report.failed, report.good) == (20, 10, False)
    assert report.reasons == {"Pub/Sub refused the message: 403, not this device": 10}
    assert {line["device"] for line in lines(tmp_path / "record") if not line["acknowledged"]} == {"d-2"}


def test_a_broker_that_is_not_there_is_a_failure_and_no_crash() -> None:
    with PubSubCapture() as gone:
        pass
    report = go(gone, count=3, commands=False)
    assert (report.failed, report.acknowledged, report.p50) == (3, 0, None)


def test_the_same_seed_sends_the_same_measurements(pubsub: PubSubCapture, tmp_path: Path) -> None:
    def data(run: str) -> list[Any]:
        go(pubsub, count=60, trip=0.2, shares={Fault.DUPLICATE: 0.2}, record=tmp_path / run)
        found = [(line["device"], line["fault"], line["data"]) for line in lines(tmp_path / run)]
        return sorted(found, key=str)

    assert data("first") == data("second")


def test_the_rate_is_that_of_the_fleet(pubsub: PubSubCapture) -> None:
    report = go(pubsub, rate=100, duration=0.5)
    assert report.sent == 50
    assert 0.45 < report.elapsed < 2


def test_a_run_ends_when_it_is_stopped(pubsub: PubSubCapture) -> None:
    run = Run(fleet(), endpoint.parse(pubsub.endpoint(), {}), Options(rate=20))
    threading.Timer(0.3, run.stop).start()
    report = run.go()
    assert 0 < report.sent < 60
    assert report.good


def test_commands_reach_the_caller_and_a_repetition_is_told_apart(pubsub: PubSubCapture) -> None:
    heard: list[tuple[str, Any]] = []
    command = {"id": "c-1", "data": {"command": "set_point", "value": 20}}
    run = Run(
        fleet(2),
        endpoint.parse(pubsub.endpoint(token="t"), {}),
        Options(rate=20),
        on_command=lambda device, command: heard.append((device, command)),
    )
    for _ in range(2):
        pubsub.send("factory-command-d-2", command)

    def stop_when_heard() -> None:
        until = time.monotonic() + 10
        while len(pubsub.acknowledged) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        run.stop()

    threading.Thread(target=stop_when_heard).start()
    report = run.go()
    assert heard == [("d-2", command)] * 2
    assert (report.commands, report.commands_repeated) == (1, 1)
    assert pubsub.acknowledged == ["ack-c-1"] * 2
    assert pubsub.authorizations == {"Bearer t"}


def test_an_endpoint_of_another_twin_is_refused(pubsub: PubSubCapture) -> None:
    where = endpoint.parse(pubsub.endpoint(twin="other"), {})
    with pytest.raises(SimulatorError, match=r"of the twin other on gcp, the twin.yaml of factory on gcp"):
        Run(fleet(), where, Options())


def test_what_a_fleet_cannot_do_is_refused(pubsub: PubSubCapture) -> None:
    where = endpoint.parse(pubsub.endpoint(), {})
    with pytest.raises(SimulatorError, match="needs a second device"):
        Run(fleet(1), where, Options(shares={Fault.SPOOFED: 0.1}))


def test_workers_share_no_device() -> None:
    whole = fleet(5)
    parts = [device.id for index in range(2) for device in whole.share(index, 2).devices]
    assert sorted(parts) == [device.id for device in whole.devices]


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(round(seconds, 6))
        self.now += seconds
        return False


def test_pace_is_even_and_catches_up() -> None:
    clock = Clock()
    pace = Pace(0.5, duration=3, wait=clock.wait, clock=lambda: clock.now)
    assert pace.due(0)
    assert pace.due(1)
    clock.now += 1.2  # the broker was slow
    assert [pace.due(number) for number in (2, 3, 4, 5, 6)] == [True, True, True, True, False]
    assert clock.waits == [0, 0.5, 0, 0, 0.3, 0.5]
    assert pace.elapsed == 2.5


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0], 0.95) == 3.0
    hundred = [float(number) for number in range(1, 101)]
    assert (percentile(hundred, 0.5), percentile(hundred, 0.95)) == (50.0, 95.0)


def test_what_still_sends_is_waited_for_after_ctrl_c() -> None:
    sending, done = run._Sending(), threading.Event()

    def work() -> None:
        time.sleep(0.5)
        done.set()

    sending.start(work)
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        sending.wait()
    assert not done.is_set()
    sending.wait()
    assert done.is_set()
