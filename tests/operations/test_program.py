"""What both commands have in common: their files, their twin and their exit status."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from command.app import main
from support.twinspan_command import twinspan

ROOT = Path(__file__).resolve().parents[2]
TWIN = ROOT / "examples" / "single-aws.yaml"
RANGE = ("--device", "pump-1", "--from", "2d", "--to", "1d")
COMMANDS = {
    "dead-letters": ("dead-letters", "list"),
    "restore": ("restore", "list", *RANGE),
}
OUTPUTS = {
    "dead-letters": '{"azure": {"dead_letter_queues": {"processing":'
    ' {"kind": "queue", "letters": "https://x/q", "target": "x"}}}}',
    "restore": '{"azure": {"storage_tiers": {"hot": {"cloud": "azure", "address": "x"},'
    ' "cold": {"cloud": "azure", "address": "https://x/c"}}}}',
}
ADAPTERS = {
    "dead-letters": "operations.dead_letters.sources.azure",
    "restore": "operations.restore.catalogues.azure",
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, and no twin in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("TWIN", "CDKTF_OUTDIR"):
        monkeypatch.delenv(name, raising=False)


def run(name: str, *options: str) -> int:
    return main([*COMMANDS[name], *options])


@pytest.fixture(params=COMMANDS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error; nothing else was printed."""
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line


def test_stacks_of_another_twin_are_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("cdktf.out").mkdir()
    Path("cdktf.out/twin-file").write_text(str(TWIN))
    Path("twin.yaml").write_text(TWIN.read_text())
    assert run(name) == 2
    said = complaint(capsys)
    assert "cdktf.out contains the stacks of" in said
    assert f"Set TWIN={TWIN} or pass --twin {TWIN} to keep that twin" in said
    # Named, it is the one that is meant: only the stacks are missing now.
    assert run(name, "--twin", "twin.yaml") == 2
    assert "contains no stacks" in complaint(capsys)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "is not a readable JSON file (JSONDecodeError)"),
        ("[]", "must contain an object by cloud"),
        ("{}", "deploy the twin first"),
        ('{"aws": {}}', "The stack aws has no output "),
        (
            '{"aws": {"dead_letter_queues": {"x": {"kind": "x"}}, "storage_tiers": {"x": 5}}}',
            "does not know the entry x",
        ),
    ],
)
def test_outputs_that_are_not_a_twins(
    name: str, document: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("outputs.json").write_text(document)
    assert run(name, "--twin", str(TWIN), "--outputs", "outputs.json") == 2
    assert words in complaint(capsys)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (
            '{"azure": {"blob": "x"}}',
            "azure has no endpoint 'blob'; use storage_key, cosmos_key, hub, token.",
        ),
        ('{"aws": {}}', "'aws' must be azure or gcp"),
        (None, "--endpoints endpoints.json is not a readable JSON file (FileNotFoundError)"),
    ],
)
def test_endpoints_that_are_not_known(
    name: str, document: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("outputs.json").write_text(OUTPUTS[name])
    if document is not None:
        Path("endpoints.json").write_text(document)
    options = ("--twin", str(TWIN), "--outputs", "outputs.json", "--endpoints", "endpoints.json")
    assert run(name, *options) == 2
    assert words in complaint(capsys)


def test_a_cloud_without_its_package(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, ADAPTERS[name], raising=False)
    for module in ("azure.storage.blob", "azure.storage.queue"):
        monkeypatch.setitem(sys.modules, module, None)
    Path("outputs.json").write_text(OUTPUTS[name])
    Path("endpoints.json").write_text('{"azure": {"storage_key": "x"}}')
    options = ("--twin", str(TWIN), "--outputs", "outputs.json", "--endpoints", "endpoints.json")
    assert run(name, *options) == 1
    said = complaint(capsys)
    assert said.startswith("The package of azure.storage.")
    assert said.endswith("is not installed: pip install -r requirements-operations.txt.")


TERRAFORM = """#!/bin/sh
case "$*" in *-no-color*) ;; *) printf '\\033[31m' >&2 ;; esac
printf '╷\\n│ Error: No state\\n│ It is not there.\\n╵\\n' >&2
exit 1
"""


def test_what_terraform_says_is_plain_text(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Path("cdktf.out/stacks/aws")
    stack.mkdir(parents=True)
    (stack / "cdk.tf.json").write_text("{}")
    binary = Path("bin/terraform").resolve()
    binary.parent.mkdir()
    binary.write_text(TERRAFORM)
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binary.parent}{os.pathsep}{os.environ['PATH']}")
    assert run(name, "--twin", str(TWIN)) == 1
    assert "failed in cdktf.out/stacks/aws: Error: No state It is not there. Deploy" in complaint(capsys)


@pytest.mark.parametrize("name", [*COMMANDS, "neither"])
def test_as_a_program_of_its_own(name: str, tmp_path: Path) -> None:
    """As it was called before: a notice, and then the same."""
    given = (*COMMANDS.get(name, (name,)), "--out", str(tmp_path))
    now, before = (twinspan(*given, cwd=ROOT, module=module) for module in ("twinspan", "operations"))
    assert (now.returncode, now.stdout) == (before.returncode, before.stdout) == (2, "")
    (sentence,) = now.stderr.splitlines()
    said = "'neither' is not a command" if name == "neither" else "contains no stacks: run make synth"
    assert said in sentence
    notice, *rest = before.stderr.splitlines()
    assert rest == [sentence]
    assert "use twinspan dead-letters, twinspan restore" in notice
