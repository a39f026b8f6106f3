"""What has left the hot store is found, printed and loaded by the command, from a twin that runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from end_to_end.readings import Sent, exactly
from end_to_end.test_tiers import DEVICES, EACH, PATIENCE_S, data, left, send
from local_cloud.cloud import LocalCloud
from local_cloud.operator import ROOT, Operator
from local_cloud.reader import Reader
from support.layouts import Layout, config_of
from support.local import local_twin, until
from support.twinspan_command import twinspan
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]

AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
LAYOUTS = (
    Layout(GCP, GCP, GCP, cold=AZURE, archive=AWS),
    Layout(AZURE, AZURE, AZURE, cold=AWS, archive=GCP),
    Layout(AWS, AWS, AWS, cold=GCP, archive=AZURE),
)
DEVICE = DEVICES[0]
RANGE = ("--device", DEVICE, "--from", "100d", "--to", "3d")
RETRIEVING = 3
MOST_AGAIN = 10
"""The emulators retrieve within seconds."""


def restore(operator: Operator, *command: str) -> subprocess.CompletedProcess[str]:
    return twinspan("restore", *command, *RANGE, *operator.files(), cwd=ROOT, given=operator.environment)


def retrieved(operator: Operator, *command: str) -> str:
    """The output of the command when the archived files are retrieved; runs it again while it says so."""
    done = restore(operator, *command)
    for _ in range(MOST_AGAIN):
        if done.returncode != RETRIEVING:
            break
        assert "must be retrieved from the archive" in done.stderr
        assert done.stdout == ""
        done = restore(operator, *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_older_data_is_printed_and_brought_back(layout: Layout, tmp_path: Path) -> None:
    with local_twin(config_of(data(layout)), tmp_path) as twin:
        twin_file = tmp_path / "twin.yaml"
        twin_file.write_text(json.dumps(data(layout)))
        operator = Operator.of(twin, twin_file, tmp_path)
        sent = send(twin)
        assert until(lambda: len(twin.rows()) >= len(DEVICES) * 3 * EACH, seconds=PATIENCE_S)
        twin.run("cold_mover")
        twin.run("archive_mover")
        old = [reading for age in ("archive", "cold") for reading in sent[age][DEVICE]]

        listed = json.loads(retrieved(operator, "list", "--json"))["files"]
        assert {(each["tier"], each["cloud"]) for each in listed} == {
            ("cold", layout.cold),
            ("archive", layout.archive),
        }
        assert equal([exactly(line) for line in retrieved(operator, "rows").splitlines()], old)

        for _ in range(2):
            retrieved(operator, "load", "--days", "3")
            twin.run("cold_mover")
            expected = left(sent, layout) | {f"{each.time}#{each.event_id}" for each in old}
            assert {key for _, key in twin.rows()} == expected
        assert equal(read(twin), [*old, *sent["hot"][DEVICE]])


def read(twin: LocalCloud) -> list[Any]:
    """What hot_reader has of the device, in the hot store alone."""
    return list(Reader.of(twin.outputs, trust=twin.trust, decode=exactly).events(DEVICE))


def equal(events: list[Any], readings: list[Sent]) -> bool:
    """The same readings, in order and with every digit."""
    told = [(event["id"], event["time"], event["data"]) for event in events]
    return told == [(reading.event_id, reading.time, exactly(reading.data)) for reading in readings]
