"""The twin's own definition, executed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.gcp.rest import call
from local_cloud.gcp.workflows import server
from local_cloud.processes import Process, Processes, free_port
from support.local import arrival
from twin_gcp.cloud import Endpoints, GcpCloud
from twinspan.gcp.events.definition import DEFAULT

pytestmark = pytest.mark.servers
WORKFLOW = "projects/my-project/locations/europe-west1/workflows/factory-workflow"
FIRED = {"rule": "overheating", "device": "thermostat-1", "event": {"id": "e1"}}
_ACKNOWLEDGE = re.compile(r'"acknowledge": "http://127\.0\.0\.1:[0-9]+/(callbacks/[0-9a-f]+)"')


@pytest.fixture
def workflows(tmp_path: Path) -> Iterator[tuple[int, Process]]:
    if server.emulator_python() is None:
        pytest.skip("there is no Python environment with workflows-emulator (see local_cloud.gcp.workflows)")
    with Processes(tmp_path) as processes:
        port = free_port()
        process = server.start(processes, port)
        processes.wait(process, port=port)
        yield port, process


def start(port: int, definition: str) -> None:
    call(port, "PUT", f"v1/{WORKFLOW}", {"sourceContents": definition})
    GcpCloud(endpoints=Endpoints(executions=f"http://127.0.0.1:{port}")).workflow(WORKFLOW).start("x", FIRED)


def ended(port: int) -> dict[str, Any]:
    def state() -> dict[str, Any] | None:
        (run,) = server.runs(port)
        return run if run["state"] != "ACTIVE" else None

    return arrival(state)


def test_a_notice_that_somebody_acknowledges(workflows: tuple[int, Process]) -> None:
    port, process = workflows
    start(port, DEFAULT.read_text("utf-8"))
    noticed = arrival(lambda: _ACKNOWLEDGE.search(process.log.read_text("utf-8")))
    (run,) = server.runs(port)
    assert (run["state"], run["argument"]) == ("ACTIVE", FIRED)
    call(port, "POST", noticed[1], {"by": "me"})
    run = ended(port)
    assert (run["state"], json.loads(run["result"])) == ("SUCCEEDED", "acknowledged")


def test_a_notice_that_nobody_acknowledges_is_the_only_one(workflows: tuple[int, Process]) -> None:
    port, process = workflows
    definition = DEFAULT.read_text("utf-8")
    assert "timeout: 900" in definition
    start(port, definition.replace("timeout: 900", "timeout: 1"))
    run = ended(port)
    assert run["state"] == "FAILED"
    assert "Nobody acknowledged the fired rule in time." in run["error"]["payload"]
    assert process.log.read_text("utf-8").count('"notice": ') == 1
