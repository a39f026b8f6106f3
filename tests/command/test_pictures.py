"""docs/plan.svg and docs/status.svg: what `twinspan plan` and `twinspan status` print, from real runs."""

from __future__ import annotations

import copy
import json
import re
import shutil
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from command.session import Session
from local_cloud.operator import Operator
from simulator import clients, endpoint
from support.layouts import EXAMPLES, Layout, config_of, twin_data
from support.local import local_twin, until
from support.operated import Operated
from support.pictures import PLAN, STATUS, Terminal, as_terminal, lines_of, picture, printed, printed_apart
from twin_runtime.roles import Cloud

AWS, AZURE, GCP = Cloud
COLUMNS = 115
"""A wider picture cannot be read in a page of a repository's host."""
_TYPES = {
    "thermostat": {
        "telemetry": {"temperature": {"type": "number", "unit": "Cel"}},
        "commands": {"set_point": {"type": "number", "unit": "Cel"}},
        "processor": "processors/thermostat.py",
    },
    "door": {"telemetry": {"open": {"type": "boolean"}}},
}
_DEVICES = [{"id": "thermostat-1", "type": "thermostat"}, {"id": "door-1", "type": "door"}]


def _twin(layout: Layout) -> dict[str, Any]:
    return copy.deepcopy(twin_data(layout, device_types=_TYPES, devices=_DEVICES))


@pytest.mark.slow
@pytest.mark.terraform
def test_the_plan_is_as_it_is_shown(
    operated: Operated, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Hot storage leaves Azure, a device is added, and the keys rotate."""
    twin = _twin(Layout(AZURE, GCP, AZURE))
    operated.write(twin)
    operated.deploy()
    twin["layers"]["hot_storage"] = "gcp"
    twin["devices"].append({"id": "thermostat-2", "type": "thermostat"})
    operated.write({**twin, "keys": {"generation": 2}})
    status, said = printed(monkeypatch, "--twin", str(operated.file), "plan")
    assert status == 4
    title = (
        "Output of twinspan plan: hot storage moves from Azure to Google Cloud. The plan is refused, because "
        "it would delete the rows of hot_storage@azure, and names the two ways on."
    )
    _show(PLAN, picture("twinspan plan", said, title=title), request)


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.terraform
def test_the_status_is_as_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Devices send readings and what nobody can read, and twin.yaml has had its keys rotated since."""
    data = _twin(Layout(AWS, AZURE, AWS))
    shutil.copytree(EXAMPLES / "processors", tmp_path / "processors")
    with local_twin(config_of(data), tmp_path) as twin:
        file = tmp_path / "twin.yaml"
        file.write_text(json.dumps(data), "utf-8")
        operator = Operator.of(twin, file, tmp_path)
        for name, value in operator.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CDKTF_OUTDIR", str(tmp_path / "cdktf.out"))
        where = endpoint.parse(twin.endpoint)
        for device, body in (
            ("thermostat-1", b'{"temperature": 21.5}'),
            ("thermostat-1", b'{"temperature": "warm"}'),  # which the processor cannot compare with a number
            ("thermostat-1", b'{"temperature": 21.'),
            ("door-1", b'{"open": true}'),
        ):
            with clients.connect(where, device) as client:
                client.send(body)
        until(lambda: (len(twin.rows()), len(operator.dead_letters())) == (2, 2), seconds=120)
        letters = operator.dead_letters()
        assert (len(twin.rows()), len(letters)) == (2, 2), letters
        file.write_text(json.dumps({**data, "keys": {"generation": 2}}), "utf-8")
        twin_option, files = operator.files()[:2], operator.files()[2:]
        status, said = printed_apart(monkeypatch, tmp_path, *twin_option, "status", *files)
    assert status == 0, said
    title = (
        "Output of twinspan status: the stacks of a twin with version, event system and keys, the queues "
        "with their dead letters, and the newest reading of each device type."
    )
    _show(STATUS, picture("twinspan status", said, title=title), request)


def _show(file: Path, drawn: str, request: pytest.FixtureRequest) -> None:
    """The file shows the same, but for times; it is written where snapshots are updated."""
    if request.config.getoption("update_snapshots"):
        file.write_text(drawn, "utf-8")
    assert _timeless(file.read_text("utf-8")) == _timeless(drawn)


def _timeless(drawn: str) -> list[str]:
    times = r"\d+ (?:second|minute)s? ago +|\d{4}-\d\d-\d\dT[\d:.]+Z"
    return [re.sub(times, "…", line).rstrip() for line in lines_of(drawn)]


@pytest.mark.parametrize("file", [PLAN, STATUS], ids=lambda file: file.name)
def test_a_picture_stands_by_itself(file: Path) -> None:
    text = file.read_text("utf-8")
    root = ElementTree.fromstring(text)
    assert (root.attrib["role"], root[0].tag.rpartition("}")[2]) == ("img", "title")
    assert root[0].text
    assert not {"script", "image", "foreignObject", "use"} & {
        each.tag.rpartition("}")[2] for each in root.iter()
    }
    assert not re.search(r"url\(|@import|@font-face|href", text)
    assert re.findall(r"\w+://[^\"<]*", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"/(?:home|tmp|work|root|usr|var|Users)\b|localhost|127\.0\.0\.1", text)
    assert max(map(len, lines_of(text))) <= COLUMNS


def test_a_terminal_shows_headings_in_bold(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "Plan of the twin factory",
        "",
        "Layers",
        "  processing [appears] in AWS",
        "",
        "Nothing changes.",
    ]
    as_terminal(monkeypatch)
    terminal = Terminal()
    Session(stdout=terminal).page(lines)
    shown = terminal.getvalue().splitlines()
    assert [re.sub(r"\x1b\[\d*m", "", line) for line in shown] == lines
    assert [line for line in shown if "\x1b[1m" in line] == [shown[2]]
    piped = StringIO()
    Session(stdout=piped).page(lines)
    assert piped.getvalue().splitlines() == lines
