"""`twinspan simulate`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command.app import main
from support import documents
from support.brokers import PubSubCapture
from support.twinspan_command import environment, twinspan

ROOT = Path(__file__).resolve().parents[2]
TWIN = str(ROOT / "examples" / "single-gcp.yaml")


def endpoint_of(pubsub: PubSubCapture, folder: Path) -> str:
    file = folder / "endpoint.json"
    file.write_text(json.dumps(pubsub.endpoint(twin=twin_name())))
    return str(file)


def twin_name() -> str:
    from twinspan.config import load

    return load(TWIN).name


def test_a_run_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with PubSubCapture() as pubsub:
        given = ["simulate", "--twin", TWIN, "--endpoint", endpoint_of(pubsub, tmp_path), "--devices", "1"]
        more = ["--count", "5", "--rate", "1000", "--json", "--record", str(tmp_path / "record")]
        assert main([*given, *more]) == 0
        report = documents.read("simulate", capsys)
        assert (report["acknowledged"], len(pubsub.published)) == (5, 5)
        assert len((tmp_path / "record").read_text().splitlines()) == 5
        assert main([*given, "--count", "3", "--rate", "1000", "--seed", "9"]) == 0
        text = capsys.readouterr().out
        assert "sent          3 readings" in text
        assert "seed 9" in text
        pubsub.refuse = lambda _: True
        assert main([*given, "--count", "1"]) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Give the endpoint document with --endpoint FILE"),
        (
            ["--rate", "fast"],
            "Invalid value for '--rate': 'fast' is not a valid float. See twinspan simulate --help.",
        ),
        (["--unknown"], "No such option '--unknown'."),
        (["--endpoint", "nowhere.json"], "nowhere.json cannot be read"),
        (["--endpoint", "x", "--devices", "1000"], "The broker knows only the "),
        (["--endpoint", "x", "--devices", "0"], "--devices must be 1 or more, got 0."),
        (["--endpoint", "x", "--twin", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_arguments_get_a_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments if "--twin" in arguments else ["--twin", TWIN, *arguments]
    assert main(["simulate", *given]) == 2
    output = capsys.readouterr()
    assert says in output.err
    assert not output.out


@pytest.mark.servers
def test_ctrl_c_ends_a_run_with_its_report(tmp_path: Path) -> None:
    with PubSubCapture() as pubsub:
        command = [sys.executable, "-m", "twinspan", "simulate", "--twin", TWIN, "--rate", "50"]
        command += ["--endpoint", endpoint_of(pubsub, tmp_path)]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        until = time.monotonic() + 30
        while not pubsub.published and time.monotonic() < until and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert f"acknowledged  {len(pubsub.published)} " in output


def test_as_it_was_called_before() -> None:
    done = twinspan("--rate", "fast", cwd=ROOT, module="simulator")
    assert (done.returncode, done.stdout) == (2, "")
    notice, sentence = done.stderr.splitlines()
    assert notice == "python -m simulator will go in the next release: use twinspan simulate."
    assert "'fast' is not a valid float" in sentence
