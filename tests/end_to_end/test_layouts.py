"""Events enter at the broker of L1 and come out of hot_reader as they went in, wherever the layers are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from end_to_end.readings import Sent, exactly, made, messages
from local_cloud.cloud import LocalCloud, Options
from local_cloud.operator import Operator
from local_cloud.reader import Reader
from simulator import clients, endpoint
from simulator.clients import Client
from support.layouts import LAYOUTS, Layout, config_of, twin_data
from support.local import HASTEN, local_twin, until
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform]

DEVICES = ("thermostat-1", "thermostat-2")
EACH = 100
PATIENCE_S = 180
AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
ALWAYS = (Layout(AWS, AZURE, GCP), Layout(AZURE, GCP, AZURE), Layout(GCP, GCP, GCP))
"""Every cloud's broker, and one twin without a remote link; the rest run with the long matrices."""
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
        with fleet(twin) as (devices, commands):
            check_stored(twin, send(devices), tmp_path, layout)
            assert until(lambda: set(commands) == set(DEVICES), seconds=PATIENCE_S), commands
        assert until(lambda: {device for device, _ in started(twin)} == set(DEVICES), seconds=PATIENCE_S)
        assert len(started(twin)) == len(set(started(twin))), (
            "a hop delivers an event again, and starts nothing"
        )
        assert dead_letters(twin, tmp_path, layout) == []


@pytest.mark.parametrize(
    "layout",
    [pytest.param(layout, id=str(layout), marks=pytest.mark.slow) for layout in WITHOUT_EVENTS],
)
def test_without_the_event_system_nothing_is_checked(layout: Layout, tmp_path: Path) -> None:
    options = Options(hasten=HASTEN, enable_events=False)
    with local_twin(config_of(data(layout)), tmp_path, options=options) as twin:
        with fleet(twin) as (devices, commands):
            check_stored(twin, send(devices), tmp_path, layout)
        roles = {
            json.loads(line[line.index("{") :])["role"] for _, line in twin.log_lines() if '"role"' in line
        }
        assert "persister" in roles
        assert not roles & {"event_checker", "event_feedback"}
        assert not commands
        assert not twin.workflow_runs()
        assert dead_letters(twin, tmp_path, layout) == []


def started(twin: LocalCloud) -> list[tuple[str, str]]:
    """Device and event of each start of the workflow; one rule asks for it."""
    inputs = [run.get("input") or run["argument"] for run in twin.workflow_runs()]
    return [(told["device"], told["event"]["id"]) for told in inputs]


@contextmanager
def fleet(twin: LocalCloud) -> Iterator[tuple[dict[str, Client], Counter[str]]]:
    """Every device, connected, and how many commands each was told."""
    where = endpoint.parse(twin.endpoint)
    commands: Counter[str] = Counter()
    with ExitStack() as stack:
        connected = {device: stack.enter_context(clients.connect(where, device)) for device in DEVICES}
        for device, client in connected.items():
            client.on_command(lambda _command, device=device: commands.update([device]))
        yield connected, commands


def send(devices: Mapping[str, Client]) -> dict[str, list[Sent]]:
    """Every device sends its readings, side by side."""
    sent = {device: made(device, EACH) for device in devices}

    def one(device: str) -> None:
        for body in messages(sent[device]):
            devices[device].send(body)

    with ThreadPoolExecutor(len(devices)) as pool:
        list(pool.map(one, devices))
    return sent


def check_stored(twin: LocalCloud, sent: Mapping[str, list[Sent]], folder: Path, layout: Layout) -> None:
    reader = Reader.of(twin.outputs, trust=twin.trust, decode=exactly)
    total = sum(map(len, sent.values()))
    if not until(lambda: len(twin.rows()) >= total, seconds=PATIENCE_S):
        pytest.fail(f"{len(twin.rows())} of {total} were stored; {dead_letters(twin, folder, layout)}")
    for device, readings in sent.items():
        events = list(reader.events(device))
        assert [event["id"] for event in events] == [reading.event_id for reading in readings]
        for event, reading in zip(events, readings, strict=True):
            assert (event["time"], event["data"]) == (reading.time, exactly(reading.data))
    rows = twin.rows()
    assert len(rows) == len(set(rows)) == total


def dead_letters(twin: LocalCloud, folder: Path, layout: Layout) -> list[dict[str, Any]]:
    twin_file = folder / "twin.yaml"
    twin_file.write_text(json.dumps(data(layout)))
    return Operator.of(twin, twin_file, folder).dead_letters()
