"""`twinspan status` of a twin that runs on local servers: its queues, dead letters and newest readings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from command.commands.status import SCHEMA
from end_to_end import fleet
from local_cloud.cloud import LocalCloud
from local_cloud.operator import ROOT, Operator
from operations.access import Access, endpoints_of
from support.layouts import Layout, config_of
from support.local import local_twin, until
from twin_runtime.roles import Cloud
from twinspan import __version__
from twinspan.topology import LINKS_STACK

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]

AWS, AZURE, GCP = Cloud
COUNT = 100


def status(operator: Operator, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    source = os.pathsep.join(str(ROOT / name) for name in (".", "constructs", "function_src"))
    twin, *files = operator.files()[1:]
    environment = {**os.environ, **operator.environment, "PYTHONPATH": source}
    return subprocess.run(
        [sys.executable, "-m", "twinspan", "--twin", twin, *options, "status", *files],
        cwd=folder,
        env={**environment, "CDKTF_OUTDIR": str(folder / "cdktf.out")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("layout", [Layout(AWS, AZURE, AWS), Layout(AZURE, GCP, GCP)], ids=str)
def test_status_of_a_running_twin(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data: dict[str, Any] = fleet.twin(layout)
    with local_twin(config_of(data), tmp_path) as twin:
        twin_file = tmp_path / "twin.yaml"
        twin_file.write_text(json.dumps(data))
        operator = Operator.of(twin, twin_file, tmp_path)
        for name, value in operator.environment.items():
            monkeypatch.setenv(name, value)
        senders = fleet.Fleet.at(twin)
        senders.send(COUNT)
        assert until(lambda: len(twin.rows()) == COUNT, seconds=120)
        letters = _add_letters(twin, operator, 3)

        done = status(operator, tmp_path, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        found = json.loads(done.stdout)
        Draft202012Validator(SCHEMA).validate(found)
        deployed = {stack["stack"]: stack for stack in found["stacks"] if stack["deployed"]}
        assert deployed.keys() == {*layout.clouds, LINKS_STACK}
        for stack in deployed.values():
            assert stack["twinspan"] == __version__
            assert (stack["events"], stack["key_generation"], stack["differences"]) == (False, 1, [])
        counted = {(hop["cloud"], hop["hop"]): hop for hop in found["hops"]}
        assert letters.keys() <= counted.keys()
        for where, hop in counted.items():
            unknown = where[0] == "gcp"  # an emulator of Pub/Sub counts nothing
            assert hop["dead_letters"] == (None if unknown else letters.get(where, 0)), where
            assert hop["messages"] == (None if unknown or not hop["queue"] else 0), where
        (reading,) = found["readings"]
        assert reading["device_type"] == "thermostat"
        assert reading["device"] in fleet.DEVICES
        assert 3_000 < reading["age_s"] < 7_200  # the fleet's readings are an hour old

        text = status(operator, tmp_path).stdout
        assert f"deployed by {__version__}" in text
        assert "Newest readings:\n  thermostat  " in text


def _add_letters(twin: LocalCloud, operator: Operator, number: int) -> dict[tuple[str, str], int]:
    """Put dead letters into each dead-letter queue of AWS and Azure; return the numbers by cloud and hop."""
    access = Access(region="eu-central-1", endpoints=endpoints_of(operator.endpoints))
    added = {}
    for cloud in (AWS, AZURE):
        hops = twin.stack_outputs.get(cloud, {}).get("dead_letter_queues", {})
        for hop, fields in hops.items():
            if fields and hop != "broker" and fields["kind"] == "queue":
                access.to(cloud).queue(fields["letters"]).send([json.dumps([n]) for n in range(number)])
                added[cloud.value, hop] = number
    return added
