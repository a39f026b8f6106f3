"""The command line of `twinspan`: its options, errors, exit statuses and completion."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from command.app import COMMANDS, main
from support import documents
from support.servers import missing
from support.twinspan_command import PATHS, environment, twinspan

ROOT = Path(__file__).resolve().parents[2]
TWIN = str(ROOT / "examples" / "single-aws.yaml")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, and no twin in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("TWIN", "CDKTF_OUTDIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["chek"], "'chek' is not a command; did you mean 'check'? See twinspan --help."),
        (
            ["restore", "lst"],
            "'lst' is not a command; did you mean 'list'? See twinspan restore --help.",
        ),
        (["check", "--jsn"], "No such option '--jsn'. Did you mean '--json'? See twinspan check --help."),
        (["check", "--twin", "no.yaml"], "--twin no.yaml does not exist: give the path of a twin.yaml."),
        (["--twin", "no.yaml", "check"], "--twin no.yaml does not exist: give the path of a twin.yaml."),
        (["check", "x"], "Got unexpected extra argument (x). See twinspan check --help."),
        (
            ["completion", "ksh"],
            "Invalid value for '{bash|zsh|fish}': 'ksh' is not one of 'bash', 'zsh', 'fish'. "
            "See twinspan completion --help.",
        ),
        (["demo", "--keep", "--json"], "--keep runs until Ctrl-C and prints no document: omit --json."),
    ],
)
def test_a_wrong_command_line_is_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"{sentence}\n"


def test_without_a_command_it_shows_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert all(f"  {name} " in said.err for name in COMMANDS)
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.strip() == said.err.strip()


def test_the_options_of_every_command_go_before_and_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["--twin", TWIN, "--json", "check"],
        ["check", "--json", "--twin", TWIN],
        ["--twin", "/", "--json", "check", "--twin", TWIN],
    ):
        assert main(arguments) == 0
        assert documents.read("check", capsys) == {"problems": [], "warnings": []}


def test_check_reports_each_problem_in_the_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    Path("twin.yaml").write_text(
        "twin: Factory\nlayers: {acquisition: aws, processing: azur, hot_storage: aws}\n"
        "clouds: {aws: {region: eu-central-1}}\ndevice_types: {}\n",
        encoding="utf-8",
    )
    assert main(["check"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert main(["check", "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.err == said.err
    problems = documents.checked("check", shown.out)["problems"]
    assert len(problems) > 3
    for problem in problems:
        assert f"line {problem['line']}, {problem['field']}: {problem['message']}" in said.err
    assert not Path("cdktf.out").exists()


def test_rules_without_a_decision_on_events_are_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    example = (ROOT / "examples" / "events-off.yaml").read_text(encoding="utf-8")
    assert example.count("  enabled: false") == 1
    Path("twin.yaml").write_text(example.replace("  enabled: false", ""), encoding="utf-8")
    assert main(["check", "--json"]) == 0
    said = capsys.readouterr()
    assert "twin.yaml: the rules under events have no effect" in said.err
    (warning,) = documents.checked("check", said.out)["warnings"]
    assert warning in said.err


def test_check_reads_only(tmp_path: Path) -> None:
    done = twinspan("check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("three-clouds.yaml has no problems.\n")
    assert list(tmp_path.iterdir()) == []


def test_the_installed_name_is_of_this_command() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'twinspan = "command.app:main"' in text


def test_it_starts_without_the_product() -> None:
    """Completing a word, and `--help`, are quick."""
    code = "import sys, command.app; print(sorted({'pydantic', 'rich', 'cdktf', 'yaml'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_names_the_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell, "--json"]) == 0
    found = documents.read("completion", capsys)
    assert found["shell"] == shell
    assert f"_TWINSPAN_COMPLETE={shell}_complete" in found["script"]


BASH = """
mkdir bin && printf '#!/bin/sh\\nexec %s -m twinspan "$@"\\n' "$PYTHON" >bin/twinspan && chmod +x bin/twinspan
PATH=$PWD/bin:$PATH
eval "$(twinspan completion bash)"
for words in "twinspan de" "twinspan dead-letters pu" "twinspan check --js"; do
  COMP_WORDS=($words) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
  $(complete -p twinspan | sed 's/.*-F \\([^ ]*\\) .*/\\1/') twinspan
  echo "${COMPREPLY[@]}"
done
"""


@pytest.mark.matrix
def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        missing("bash is not on PATH")
    done = subprocess.run(
        [bash, "-c", BASH],
        cwd=tmp_path,
        env=environment({"PYTHON": sys.executable, "PYTHONPATH": PATHS}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [
        " ".join(name for name in COMMANDS if name.startswith("de")),
        "purge",
        "--json",
    ], done.stderr


def test_ctrl_c_while_a_module_makes_dataclasses_is_an_exit_status(tmp_path: Path) -> None:
    """CPython notes an interrupt of `exec()` of a string: `python -m` then dies of it even if handled."""
    (tmp_path / "interrupted.py").write_text(
        "import sys\n"
        "from command import app\n"
        "app.cli.main = lambda *_, **__: exec('import signal; signal.raise_signal(signal.SIGINT)')\n"
        "sys.exit(app.main([]))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (130, "Interrupted.\n")
