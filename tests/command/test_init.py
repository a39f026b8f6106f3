"""`twinspan init`: every answer gives a twin.yaml that passes `check`, or sentences."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from command.app import main
from guides.picker import answers
from guides.picker.answers import EVENTS, OFF, READ_API
from guides.picker.decisions import Choices
from guides.picker.layout import LayoutError, defaults, of_word, word
from support import documents
from support.picker_choices import COVERING, every
from support.twinspan_command import environment, twinspan
from twin_runtime.roles import Cloud, Layer
from twinspan.config import PLACEHOLDERS
from twinspan.topology import Topology
from twinspan.twinfile import checked

ROOT = Path(__file__).resolve().parents[2]
NAME = ("--name", "pumps")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())


def options(choices: Choices) -> list[str]:
    """What the picker shows after `twinspan init`."""
    off = [f"--no-{name.replace('_', '-')}" for name in (EVENTS, READ_API) if choices[name] == OFF]
    return ["--from", word(choices), *off]


def wrong(chosen: Choices) -> bool:
    """Whether the file of some choices is not what was chosen."""
    assert main(["init", "--force", *NAME, *options(chosen)]) == 0
    config = checked(Path("twin.yaml"))
    return answers.choices_of(config) != chosen or config.name != "pumps"


@pytest.mark.parametrize("choices", COVERING, ids=lambda choices: "-".join(choices.values()))
def test_a_layout_gives_a_file_that_passes_check(
    choices: Choices, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not wrong(choices)
    assert main(["check", "--twin", "twin.yaml"]) == 0
    said = capsys.readouterr()
    assert "twin.yaml describes the twin pumps." in said.out
    assert said.err == ""
    clouds = Topology.of(checked(Path("twin.yaml"))).clouds
    for cloud, (field, _) in PLACEHOLDERS.items():
        assert (f"clouds.{cloud}.{field}" in said.out) is (cloud in clouds)


@pytest.mark.matrix
def test_some_of_all_layouts() -> None:
    assert not [choices for choices in islice(every(), 0, None, 211) if wrong(choices)]


@pytest.mark.slow
def test_every_layout() -> None:
    assert not [choices for choices in every() if wrong(choices)]


@pytest.mark.matrix
def test_layers_that_the_word_leaves_out_are_twin_yaml_s_defaults() -> None:
    """Against a twin.yaml that leaves them out too."""
    for choices in COVERING:
        whole = [choices[layer.value] for layer in Layer]
        for length in range(3, 8):
            given = dict(zip(Layer, whole[:length], strict=False))
            text = "-".join(given.values())
            assert of_word(text) == defaults(given)
            assert main(["init", "--force", *NAME, "--from", text]) == 0
            data = yaml.safe_load(Path("twin.yaml").read_text(encoding="utf-8"))
            data["layers"] = {
                layer: cloud for layer, cloud in given.items() if cloud != "none" or "storage" in layer
            }
            Path("own.yaml").write_text(json.dumps(data), encoding="utf-8")
            own, made = (answers.choices_of(checked(Path(f"{name}.yaml"))) for name in ("own", "twin"))
            assert own == made


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("aws-aws", "'aws-aws' has 2 layers; write the clouds of 3 to 7 layers in this order"),
        ("aws-aws-aws-aws-aws-aws-aws-aws", "has 8 layers"),
        ("aws-none-aws", "'none' is not a cloud for processing"),
        ("aws-axure-aws", "'axure' is not a cloud for processing; did you mean 'azure'?"),
    ],
)
def test_a_word_that_is_no_layout(text: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LayoutError, match=re.escape(says)):
        of_word(text)
    assert main(["init", *NAME, "--from", text]) == 2
    assert capsys.readouterr().err.startswith(f"--from: '{text}'")
    assert not Path("twin.yaml").exists()


def test_options_of_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    given = {
        "--acquisition": "aws",
        "--processing": "azure",
        "--hot-storage": "gcp",
        "--cold-storage": "none",
        "--twin-management": "aws",
        "--visualization": "azure",
        "--aws-account": "123456789012",
        "--aws-region": "eu-west-1",
        "--azure-subscription": "11111111-2222-3333-4444-555555555555",
        "--azure-location": "northeurope",
        "--gcp-project": "my-project",
        "--gcp-region": "europe-west3",
        "--output": "sub/mine.yaml",
    }
    words = [word for pair in given.items() for word in pair]
    assert main(["init", *NAME, *words, "--no-events", "--json"]) == 0
    said = capsys.readouterr()
    found = documents.checked("init", said.out)
    assert found["layout"] == "aws-azure-gcp-none-none-aws-azure"
    assert found["placeholders"] == []
    assert found["next"][0].endswith(" check --twin sub/mine.yaml")
    path = Path(found["file"])
    config = checked(path)
    text = path.read_text(encoding="utf-8")
    for option, value in given.items():
        assert value in text or option == "--output"
    assert not config.events.enabled
    schema = re.search(r"\$schema=(\S+)", text)
    assert schema is not None
    assert (path.parent / schema[1]).resolve() == ROOT / "docs" / "twin.schema.json"
    assert text.count("#") > 8


def test_wrong_answers_are_told_together(capsys: pytest.CaptureFixture[str]) -> None:
    given = "--name X --acquisition awx --processing aws --hot-storage aws --aws-account 12 --gcp-region x"
    assert main(["init", *given.split()]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.partition(":")[0] for line in said.err.splitlines()] == [
        "--gcp-region",
        "--name",
        "--acquisition",
        "--aws-account",
    ]
    assert not Path("twin.yaml").exists()


def test_a_file_that_exists_stays(capsys: pytest.CaptureFixture[str]) -> None:
    Path("twin.yaml").write_text("mine", encoding="utf-8")
    assert main(["init", *NAME, "--from", "aws-aws-aws"]) == 2
    assert capsys.readouterr().err == (
        "twin.yaml exists: name another file with --output, or replace it with --force.\n"
    )
    assert main(["init", *NAME, "--from", "aws-awx-aws", "--force"]) == 2
    assert Path("twin.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "option"),
    [(["--from", "aws-aws-aws"], "--name"), ([*NAME, "--processing", "aws"], "--acquisition, --hot-storage")],
)
def test_without_a_terminal_it_says_what_is_missing(
    arguments: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *arguments]) == 2
    assert option in capsys.readouterr().err


@given(st.text(max_size=30), st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_answered_is_a_value_or_a_sentence(name: str, account: str, region: str) -> None:
    """Text that YAML would read as something else, or that would end the field."""
    path = Path("twin.yaml")
    path.unlink(missing_ok=True)
    given = [f"--name={name}", f"--aws-account={account}", f"--aws-region={region}"]
    status = main(["init", "--from", "aws-aws-aws", *given])
    if status == 0:
        config = checked(path)
        assert config.clouds.aws is not None
        assert (config.name, config.clouds.aws.account_id, config.clouds.aws.region) == (
            name,
            account,
            region,
        )
    else:
        assert status == 2
        assert not path.exists()


@pytest.mark.matrix
def test_it_asks_on_a_terminal(tmp_path: Path) -> None:
    """The layers, the name, the accounts of the clouds in use, and events; Enter takes the default."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "twinspan", "init", "--json"],
        cwd=tmp_path,
        env=environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    typed = ["aws", "azuer", "azure", "aws", "", "none", "", "azure", "mine", "", "eu-west-1", "", "", "n"]
    os.write(ours, "".join(f"{word}\n" for word in typed).encode())
    try:
        document, asked = running.communicate(timeout=60)
    finally:
        running.kill()
        os.close(ours)
        os.close(theirs)
    assert running.returncode == 0, asked
    assert documents.checked("init", document)["layout"] == "aws-azure-aws-aws-none-none-azure"
    assert "'azuer' is not one of" in asked
    config = checked(tmp_path / "twin.yaml")
    assert config.name == "mine"
    assert config.clouds.aws is not None
    assert config.clouds.aws.region == "eu-west-1"
    assert not config.events.enabled


def test_the_next_commands_run_as_printed(tmp_path: Path) -> None:
    done = twinspan(
        "init", *NAME, "--from", "gcp-gcp-gcp", "--output", "it's mine.yaml", "--json", cwd=tmp_path
    )
    check, _ = documents.checked("init", done.stdout)["next"]
    program, *words = shlex.split(check)
    assert Path(program).name in ("twinspan", Path(sys.executable).name)
    assert twinspan(*[each for each in words if each not in ("-m", "twinspan")], cwd=tmp_path).returncode == 0


def test_every_cloud_has_its_options() -> None:
    from command.commands.init import ACCOUNTS

    assert set(ACCOUNTS) == set(Cloud)
