"""The fleet under Locust, headless, in one process and over two workers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from support.brokers import PubSubCapture, mosquitto
from support.servers import free_port, missing
from twinspan.config import load

ROOT = Path(__file__).resolve().parents[2]
TWIN = ROOT / "examples" / "single-gcp.yaml"
RATE = 20
MOST_EVENTS = RATE * 7
"""In a run of six seconds, with one for starting and ending; a busy machine sends fewer."""
pytestmark = [pytest.mark.servers, pytest.mark.slow]


def locust(folder: Path, document: Mapping[str, object], *arguments: str, twin: Path) -> list[dict[str, Any]]:
    """Run it for six seconds; its statistics."""
    # Not imported: that would patch the standard library of the tests for gevent.
    if find_spec("locust") is None:
        missing("locust is not installed: pip install -r requirements-dev.txt.")
    file = folder / "endpoint.json"
    file.write_text(json.dumps(document))
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "simulator" / "locustfile.py")]
    command += ["--headless", "-r", "10", "-t", "6s", "--json", "--exit-code-on-error", "3"]
    command += ["--twin", str(twin), "--endpoint", str(file), "--rate", str(RATE), *arguments]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):  # its workers, when it could not end them itself
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, errors[-2000:]
    # Workers print an empty list each before the master prints all.
    start = output.rfind("[\n    {")
    assert start >= 0, f"no statistics: {errors[-2000:]}"
    return json.loads(output[start:])


@pytest.fixture
def pubsub() -> Iterator[PubSubCapture]:
    with PubSubCapture() as capture:
        yield capture


def test_each_user_is_a_device_and_the_rate_is_that_of_the_fleet(
    pubsub: PubSubCapture, tmp_path: Path
) -> None:
    config = load(TWIN)
    devices = [device.id for device in config.devices]
    (statistics,) = locust(
        tmp_path, pubsub.endpoint(twin=config.name), "-u", str(len(devices)), "--per-message", "2", twin=TWIN
    )
    assert (statistics["name"], statistics["num_failures"]) == ("telemetry", 0)
    # A message that is on its way when Locust ends is in no statistics.
    assert len(pubsub.published) - len(devices) <= statistics["num_requests"] <= len(pubsub.published)
    assert len(pubsub.published) <= MOST_EVENTS / 2
    sent = Counter(attributes["device_id"] for _, attributes, _ in pubsub.published)
    assert set(sent) == set(devices)


def test_refusals_are_failures_of_the_statistics(pubsub: PubSubCapture, tmp_path: Path) -> None:
    pubsub.refuse = lambda _: True
    (statistics,) = locust(
        tmp_path, pubsub.endpoint(twin=load(TWIN).name), "-u", "1", "--exit-code-on-error", "0", twin=TWIN
    )
    assert statistics["num_failures"] == statistics["num_requests"] != 0


def test_workers_share_the_devices_out(pubsub: PubSubCapture, tmp_path: Path) -> None:
    config = load(TWIN)
    devices = [device.id for device in config.devices]
    port = str(free_port())
    workers = ["--processes", "2", "--master-bind-host", "127.0.0.1"]
    workers += ["--master-bind-port", port, "--master-port", port]
    locust(tmp_path, pubsub.endpoint(twin=config.name), "-u", str(len(devices)), *workers, twin=TWIN)
    runs: dict[str, set[str]] = {}
    for _, attributes, body in pubsub.published:
        runs.setdefault(attributes["device_id"], set()).add(json.loads(body)["id"].partition("-")[0])
    assert set(runs) == set(devices)
    assert all(len(found) == 1 for found in runs.values()), "a device was used by two workers"
    assert len(set.union(*runs.values())) == 2, "one of the workers sent nothing"


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_the_mqtt_clients_run_under_gevent(cloud: str, tmp_path: Path) -> None:
    twin = ROOT / "examples" / f"single-{cloud}.yaml"
    config = load(twin)
    devices = [device.id for device in config.devices]
    with mosquitto(tmp_path / "broker", *devices) as broker:
        document = {"cloud": cloud, "twin": config.name, "host": "localhost", "port": broker.port}
        document |= {"certificates": str(broker.folder), "ca_file": str(broker.folder / "ca.pem")}
        document |= {"ports": dict.fromkeys(devices, broker.port)}
        (statistics,) = locust(tmp_path, document, "-u", str(len(devices)), twin=twin)
        requests = statistics["num_requests"]
        broker.wait(lambda found: len(found) >= requests)
    assert statistics["num_failures"] == 0
    assert 0 < requests <= MOST_EVENTS
