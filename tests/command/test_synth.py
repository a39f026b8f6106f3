"""`twinspan synth`: the same Terraform as `cdktf synth` writes, with a summary."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stacks import summary
from support import documents
from support.cdktf_command import cdktf
from support.twinspan_command import twinspan
from twinspan.twinfile import checked

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.matrix


def stacks(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in folder.glob("cdktf.out/stacks/*/cdk.tf.json")}


def own_twin(path: Path) -> Path:
    """A small twin in an account that somebody may have."""
    example = (EXAMPLES / "single-aws.yaml").read_text(encoding="utf-8")
    path.write_text(example.replace("000000000000", "123456789012"), encoding="utf-8")
    return path


@pytest.mark.servers
def test_cdktf_synth_writes_the_same(tmp_path: Path) -> None:
    twin = EXAMPLES / "three-clouds.yaml"
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    cdktf("synth", folder=theirs, twin=twin)
    done = twinspan("synth", "--twin", str(twin), cwd=ours)
    assert done.returncode == 0, done.stderr
    assert set(stacks(ours)) == {"aws", "azure", "gcp", "links"}
    assert stacks(ours) == stacks(theirs)


def test_the_document_is_what_the_summary_shows(tmp_path: Path) -> None:
    twin = EXAMPLES / "leaving.yaml"
    shown = twinspan("synth", "--twin", str(twin), cwd=tmp_path)
    done = twinspan("synth", "--twin", str(twin), "--json", cwd=tmp_path)
    assert done.returncode == shown.returncode == 0, done.stderr
    found = documents.checked("synth", done.stdout)
    assert summary.text(found) in shown.stdout
    assert done.stderr.startswith("Synthesizing ")
    assert found["twin"] == checked(twin).name
    assert {stack["name"] for stack in found["stacks"]} == set(stacks(tmp_path))
    for stack in found["stacks"]:
        file = tmp_path / "cdktf.out" / "stacks" / stack["name"] / "cdk.tf.json"
        assert summary.resources(file) == (stack["resources"], stack["with_events"])


@pytest.mark.parametrize(
    ("name", "option"), [("twin.yaml", ""), ("it's.yaml", """ --twin 'it'"'"'s.yaml'""")]
)
def test_the_next_commands_select_the_same_twin(name: str, option: str, tmp_path: Path) -> None:
    own_twin(tmp_path / name)
    done = twinspan("synth", cwd=tmp_path, given={"TWIN": name})
    assert done.returncode == 0, done.stderr
    program = done.stdout.rpartition("Deploy: ")[2].partition(" plan")[0]
    assert done.stdout.endswith(f"Deploy: {program} plan{option}, then {program} deploy{option}\n")
    assert "This is the example" not in done.stdout


def test_the_program_is_named_as_it_can_be_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "")
    assert summary.program() == f"{folder / 'python'} -m twinspan"
    script = folder / "twinspan"
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    script.chmod(0o755)
    assert summary.program() == ".venv/bin/twinspan"
    monkeypatch.setenv("PATH", str(folder))
    assert summary.program() == "twinspan"


def test_the_example_cannot_be_deployed_and_says_so(tmp_path: Path) -> None:
    done = twinspan("synth", cwd=tmp_path)
    assert "Deploy: first replace clouds.aws.account_id, clouds.azure.subscription_id" in done.stdout
    assert "This is the example that comes with Twinspan. Run twinspan init" in done.stdout
    assert "\x1b" not in done.stdout, "no terminal, no ANSI codes"
