"""The readings of a device are deleted from each tier, the graph and the rules' state of a twin that runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from command.exits import Exit
from end_to_end.readings import exactly
from end_to_end.test_restore import MOST_AGAIN
from end_to_end.test_tiers import DEVICES, EACH, PATIENCE_S, data, left, send, succeeds
from local_cloud.operator import ROOT, Operator
from support import documents
from support.layouts import Layout, config_of
from support.local import local_twin, until
from support.twinspan_command import twinspan
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]

AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
LAYOUTS = (
    Layout(GCP, GCP, GCP, cold=AZURE, archive=AWS, l4=AZURE),
    Layout(AZURE, AZURE, AZURE, cold=AWS, archive=GCP, l4=GCP),
    Layout(AWS, AWS, AWS, cold=GCP, archive=AZURE, l4=GCP),
)
GONE, LEFT = DEVICES
RANGE = ("--from", "100d", "--to", "3d")


def run(operator: Operator, *command: str) -> subprocess.CompletedProcess[str]:
    return twinspan(*command, *operator.files(), cwd=ROOT, given=operator.environment)


def erase(operator: Operator, *options: str, status: int) -> dict[str, Any]:
    done = run(operator, "data", "delete", "--device", GONE, "--json", *options)
    assert done.returncode == status, done.stderr
    return documents.checked("data delete", done.stdout)


def events(operator: Operator, device: str) -> list[Any]:
    """What the files have of a device."""
    command = ("restore", "rows", "--device", device, *RANGE)
    done = run(operator, *command)
    for _ in range(MOST_AGAIN):
        if done.returncode != Exit.NOT_YET:
            break
        done = run(operator, *command)
    assert done.returncode == 0, done.stderr
    return [exactly(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_device_is_erased_and_another_stays(layout: Layout, tmp_path: Path) -> None:
    content = data(layout)
    content["events"]["enabled"] = True
    with local_twin(config_of(content), tmp_path) as twin:
        twin_file = tmp_path / "twin.yaml"
        twin_file.write_text(json.dumps(content))
        operator = Operator.of(twin, twin_file, tmp_path)
        sent = send(twin)
        total = len(DEVICES) * 3 * EACH
        assert until(lambda: len(twin.rows()) >= total, seconds=PATIENCE_S)
        assert until(lambda: succeeds(twin, "cold_mover"), seconds=PATIENCE_S)
        assert until(lambda: succeeds(twin, "archive_mover"), seconds=PATIENCE_S)

        def known() -> bool:
            """Whether graph and rules have seen the device; the graph may be synchronized in several runs."""
            succeeds(twin, "twin_sync")
            found = erase(operator, "--dry-run", status=Exit.DONE)["found"]
            return found["graph"] == "values replaced" and found["rule_state"]

        assert until(known, seconds=PATIENCE_S)
        files = erase(operator, "--dry-run", status=Exit.DONE)["found"]["files"]
        assert {(each["tier"], each["cloud"]) for each in files} == {
            ("cold", layout.cold),
            ("archive", layout.archive),
        }

        done = erase(operator, "--yes", status=Exit.NOT_YET)
        if done["result"] == "archived files":
            done = erase(operator, "--yes", status=Exit.NOT_YET)
        assert done["result"] == "to be checked"
        line = done["line"]
        twice = 2 * EACH if layout.l3 is AWS else 0  # rows that are in files, and have not expired
        assert sum(line["rows"].values()) == total / 2 + twice
        assert set(line["rows"]) == {f"hot {layout.l3}", f"cold {layout.cold}", f"archive {layout.archive}"}
        tiers = {
            tier for tier, _, name in (each.partition("/") for each in twin.files()) if name == done["audit"]
        }
        assert tiers == {"cold", "archive"}

        assert {key for _, key in twin.rows()} == left(sent, layout) - {
            f"{each.time}#{each.event_id}" for readings in sent.values() for each in readings[GONE]
        }
        assert events(operator, GONE) == []
        old = [reading for age in ("archive", "cold") for reading in sent[age][LEFT]]
        assert [each["id"] for each in events(operator, LEFT)] == [each.event_id for each in old]
        found = erase(operator, "--dry-run", status=Exit.DONE)["found"]
        assert (found["rows"], found["graph"], found["rule_state"]) == ([], "kept", False)
        assert found["unfinished"], "it is to be checked"
