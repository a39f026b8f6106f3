"""Events enter at the broker of L1 and come out of hot_reader as they went in, wherever the layers are."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from end_to_end.readings import Sent, exactly, made, messages
from local_cloud.cloud import LocalCloud, Options
from local_cloud.operator import Operator
from local_cloud.reader import Reader
from simulator import clients, endpoint
from support.layouts import LAYOUTS, Layout, config_of, twin_data
from support.local import HASTEN, local_twin, until
from twinspan.vocabulary import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform]

DEVICES = ("thermostat-1", "thermostat-2")
EACH = 100
PATIENCE_S = 180
AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
ALWAYS = (Layout(AWS, AZURE, GCP), Layout(AZURE, GCP, AWS), Layout(GCP, GCP, GCP))
"""Every cloud in every layer, and one twin without a remote link; the rest run with the long matrices."""
WITHOUT_EVENTS = (Layout(AWS, AWS, AWS), Layout(AZURE, AZURE, AZURE), Layout(GCP, AWS, AZURE))


def data(layout: Layout) -> dict[str, Any]:
    """A twin whose processor leaves everything as it is: there is no user code."""
    thermostat = {
        "telemetry": {"temperature": {"type": "number", "unit": "Cel"}},
        "commands": {"set_point": {"type": "number", "unit": "Cel"}},
    }
    return twin_data(
        layout,
        device_types={"thermostat": thermostat},
        devices=[{"id": device, "type": "thermostat"} for device in DEVICES],
    )


@pytest.mark.parametrize(
    "layout",
    [
        pytest.param(layout, id=str(layout), marks=() if layout in ALWAYS else pytest.mark.slow)
        for layout in LAYOUTS
    ],
)
def test_events_come_back_as_they_were_sent(layout: Layout, tmp_path: Path) -> None:
    with local_twin(config_of(data(layout)), tmp_path) as twin:
        commands: Counter[str] = Counter()
        sent = send(twin, commands)
        check_stored(twin, sent, tmp_path, layout)
        # The rule fires once per device, and Pub/Sub, SQS and storage queues may say a thing twice.
        assert until(lambda: set(commands) == set(DEVICES), seconds=PATIENCE_S), commands
        assert until(lambda: len(twin.workflow_runs()) == len(DEVICES), seconds=PATIENCE_S)
        assert dead_letters(twin, tmp_path, layout) == []


@pytest.mark.parametrize(
    "layout",
    [
        pytest.param(layout, id=str(layout), marks=() if layout == WITHOUT_EVENTS[2] else pytest.mark.slow)
        for layout in WITHOUT_EVENTS
    ],
)
def test_without_the_event_system_nothing_is_checked(layout: Layout, tmp_path: Path) -> None:
    options = Options(hasten=HASTEN, enable_events=False)
    with local_twin(config_of(data(layout)), tmp_path, options=options) as twin:
        commands: Counter[str] = Counter()
        check_stored(twin, send(twin, commands), tmp_path, layout)
        roles = {
            json.loads(line[line.index("{") :])["role"] for _, line in twin.log_lines() if '"role"' in line
        }
        assert "persister" in roles
        assert not roles & {"event_checker", "event_feedback"}
        assert not commands
        assert not twin.workflow_runs()
        assert dead_letters(twin, tmp_path, layout) == []


def send(twin: LocalCloud, commands: Counter[str]) -> dict[str, list[Sent]]:
    """Every device sends its readings, side by side; `commands` counts what each device is told."""
    where = endpoint.parse(twin.endpoint)
    sent = {device: made(device, EACH) for device in DEVICES}
    started: list[clients.Client] = []

    def heard(device: str, _command: Mapping[str, Any]) -> None:
        commands[device] += 1

    def one(device: str, client: clients.Client) -> None:
        for body in messages(sent[device]):
            client.send(body)

    for device in DEVICES:
        client = clients.connect(where, device)
        client.on_command(lambda command, device=device: heard(device, command))
        started.append(client)
    threads = [
        threading.Thread(target=one, args=(device, client))
        for device, client in zip(DEVICES, started, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sent


def check_stored(twin: LocalCloud, sent: Mapping[str, list[Sent]], folder: Path, layout: Layout) -> None:
    reader = Reader.of(twin.outputs, trust=twin.trust, decode=exactly)
    total = sum(map(len, sent.values()))
    if not until(lambda: len(twin.rows()) >= total, seconds=PATIENCE_S):
        pytest.fail(f"{len(twin.rows())} of {total} were stored; {dead_letters(twin, folder, layout)}")
    for device, readings in sent.items():
        events = list(reader.events(device))
        assert [event["id"] for event in events] == [reading.id for reading in readings]
        for event, reading in zip(events, readings, strict=True):
            assert (event["time"], event["data"]) == (reading.time, exactly(reading.data))
    rows = twin.rows()
    assert len(rows) == len(set(rows)) == total


def dead_letters(twin: LocalCloud, folder: Path, layout: Layout) -> list[dict[str, Any]]:
    twin_file = folder / "twin.yaml"
    twin_file.write_text(json.dumps(data(layout)))
    return Operator.of(twin, twin_file, folder).dead_letters()
