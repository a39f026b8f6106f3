"""`twinspan check` runs processors on generated readings, and `twinspan processor test` shows how."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from command.app import main
from support import documents
from support.wheels import index, wheel
from twin_runtime.events import user_code

TWIN = """\
twin: pumps
layers: {acquisition: aws, processing: aws, hot_storage: aws}
clouds: {aws: {region: eu-central-1, account_id: "111122223333"}}
device_types:
  pump:
    telemetry:
      pressure: {type: number, unit: bar}
      speed: {type: integer, unit: rpm}
      mode: {type: string}
      open: {type: boolean}
    processor: processors/pump.py
    # more
devices: [{id: pump-1, type: pump}]
events:
  enabled: true
  rules:
    - name: stuck
      device_type: pump
      when: {all: [{metric: pressure, above: 7}, {metric: open, equals: false}]}
      then: {workflow: true}
"""
FIELD = "device_types.pump.processor"
ALL = "fails where all values are usual (and for 19 other readings): "
EVERY = "correct process, which gets every reading of a pump"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A twin in the working directory, whose processor is to be written."""
    monkeypatch.chdir(tmp_path)
    for name in ("TWIN", "CDKTF_OUTDIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "twin.yaml").write_text(TWIN)
    (tmp_path / "processors").mkdir()


def write(code: str, *, twin: str = TWIN) -> None:
    Path("processors/pump.py").write_text(code)
    Path("twin.yaml").write_text(twin)


def found(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The problems that check finds."""
    status = main(["check", "--json"])
    problems = documents.checked("check", capsys.readouterr().out)["problems"]
    assert status == (2 if problems else 0)
    return problems


def test_of(*arguments: str, capsys: pytest.CaptureFixture[str], status: int = 0) -> dict[str, Any]:
    """The document of `processor test`."""
    assert main(["processor", "test", "processors/pump.py", *arguments, "--json"]) == status
    return documents.checked("processor test", capsys.readouterr().out)


test_of.__test__ = False  # pyright: ignore[reportFunctionMemberAccess]


def test_a_good_one_passes(capsys: pytest.CaptureFixture[str]) -> None:
    write("def process(event):\n    return event\n")
    assert found(capsys) == []


@pytest.mark.parametrize(
    ("code", "line", "said"),
    [
        (
            "def process(event):\n    event['data']['pressure'] *= 2\n    return event\n",
            2,
            f"fails where pressure is missing: KeyError: 'pressure'; {EVERY}",
        ),
        (
            "def process(event):\n    event['data']['x'] = 1 / (event['data'].get('pressure', 2) - 1)\n"
            "    return event\n",
            2,
            "fails where pressure is 1 (and for 1 other reading): ZeroDivisionError: division by zero; "
            f"{EVERY}",
        ),
        (
            "def process(event):\n    assert event['data'].get('mode') != 'standby'\n    return event\n",
            2,
            f"fails where mode is 'standby': AssertionError; {EVERY}",
        ),
        (
            "def process(event):\n    return 5\n",
            1,
            f"{ALL}process must return an event, a list of events or None, not int; {EVERY}",
        ),
        (
            "\n\ndef process(event):\n    event['data']['speed'] = 'fast'\n    return event\n",
            3,
            f"{ALL}process returned speed as string; pump declares it as integer; {EVERY}",
        ),
        (
            "import json\njson.loads('{')\ndef process(event): ...\n",
            2,
            f"{ALL}JSONDecodeError: Expecting property name "
            f"enclosed in double quotes: line 1 column 2 (char 1); {EVERY}",
        ),
        (
            "import os\ndef process(event):\n    os._exit(3)\n",
            2,
            f"{ALL}The process ended by itself (exit status 3); {EVERY}",
        ),
        (
            "import importlib\ndef process(event):\n    importlib.import_module('pydantic')\n",
            3,
            f"{ALL}ModuleNotFoundError: No module named 'pydantic'; {EVERY}",
        ),
    ],
)
def test_how_one_fails(code: str, line: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The last one imports what is installed for Twinspan, and will not be in the cloud."""
    write(code)
    (problem,) = found(capsys)
    assert problem == {"file": "processors/pump.py", "field": FIELD, "line": line, "message": said}


def test_the_line_is_that_of_the_user_s_innermost_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("processors/units.py").write_text("def bar(event):\n    return event['data']['pressure']\n")
    write("import units\ndef process(event):\n    units.bar(event)\n    return event\n")
    (problem,) = found(capsys)
    assert (problem["file"], problem["line"]) == ("processors/units.py", 2)


def test_a_call_without_end_is_ended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.trial.LIMIT_S", 0.5)
    write("def process(event):\n    while True:\n        pass\n")
    began = time.monotonic()
    (problem,) = found(capsys)
    assert time.monotonic() - began < 10  # it is not tried on the other readings
    assert problem["message"] == (
        f"fails where all values are usual: A call took longer than 0.5 s and was ended; {EVERY}"
    )
    assert problem["line"] in (2, 3)


def test_everything_is_reported_together(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        "def process(event):\n    raise ValueError('no')\n",
        twin=TWIN.replace(
            "    # more", "  valve: {telemetry: {t: {type: number}}, processor: valve.py}"
        ).replace("id: pump-1", "id: 'a b'"),
    )
    Path("valve.py").write_text("import numpy\ndef process(event):\n    return event\n")
    assert [(each["file"], each["line"]) for each in found(capsys)] == [
        (None, 13),
        ("processors/pump.py", 2),
        ("valve.py", 1),
    ]


@pytest.mark.parametrize("code", ["def process(event:\n", "def proces(event): ...\n", None])
def test_what_is_no_processor_is_reported_once(code: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    write(code or "")
    if code is None:
        Path("processors/pump.py").unlink()
    assert len(found(capsys)) == 1


def test_requirements_that_are_gone_are_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    write("import tiny\ndef process(event): ...\n", twin=TWIN.replace("# more", "requirements: gone.txt"))
    assert [each["field"] for each in found(capsys)] == ["device_types.pump.requirements"]


def test_it_runs_with_the_packages_that_the_cloud_will_have(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shelf = index(tmp_path, monkeypatch)
    wheel(shelf, "tiny-units", "1.0", {"tiny_units.py": "BAR = 100_000\n"})
    Path("requirements.txt").write_text("tiny-units==1.0\n")
    code = (
        "from tiny_units import BAR\nimport tiny_units\ndef process(event):\n"
        "    event['data']['pascal'] = BAR\n    event['data']['from'] = tiny_units.__file__\n"
        "    return event\n"
    )
    write(code, twin=TWIN.replace("# more", "requirements: requirements.txt"))
    assert found(capsys) == []
    (reading,) = test_of("--event", '{"pressure": 1}', capsys=capsys)["readings"]
    assert reading["output"][0]["data"]["pascal"] == 100_000
    assert str(tmp_path / "cache") in reading["output"][0]["data"]["from"]


def test_the_sdk_of_the_cloud_is_there_where_it_is_imported(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("boto3")
    write("import boto3\ndef process(event):\n    event['data']['v'] = boto3.__name__\n    return event\n")
    assert found(capsys) == []


def test_without_processors_nothing_is_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_keywords: object) -> None:
        raise AssertionError("a processor was run")

    monkeypatch.setattr(user_code, "try_out", refuse)
    write("", twin=TWIN.replace("    processor: processors/pump.py\n", ""))
    assert found(capsys) == []


def test_shows_input_output_prints_and_failures(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        "import logging\n"
        "def process(event):\n"
        "    print('got it')\n"
        "    logging.getLogger('pump').warning('careful')\n"
        "    if 'pressure' not in event['data']:\n"
        "        return None\n"
        "    if event['data']['pressure'] > 7:\n"
        "        raise ValueError('too much')\n"
        "    return [event, {**event, 'id': 'other', 'data': {'twice': 2 * event['data']['pressure']}}]\n"
    )
    event = '[{"pressure": 1.5, "id": "a"}, {"speed": 5}, {"pressure": 8}]'
    document = test_of("--event", event, capsys=capsys, status=1)
    assert (document["file"], document["type"], document["failed"]) == ("processors/pump.py", "pump", 1)
    one, two, three = document["readings"]
    assert [result["data"] for result in one["output"]] == [{"pressure": 1.5}, {"twice": 3.0}]
    assert one["output"][0] == one["input"]
    assert one["printed"].splitlines() == ["got it", "WARNING pump: careful"]
    assert (two["output"], two["failure"]) == ([], None)
    assert three["failure"] | {"detail": ""} == {
        "kind": "ValueError",
        "text": "ValueError: too much",
        "detail": "",
        "final": False,
        "file": "processors/pump.py",
        "line": 8,
    }
    assert main(["processor", "test", "processors/pump.py", "--event", event]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "processors/pump.py, the processor of pump"
    assert '  in       {"pressure": 1.5}' in lines
    assert "  printed  WARNING pump: careful" in lines
    assert any(line.startswith('  out      {"twice": 3.0}  (id ') for line in lines)
    assert "  out      nothing" in lines
    assert "  failed   ValueError: too much" in lines
    assert "           pump.py, line 8, in process: raise ValueError('too much')" in lines
    assert lines[-1] == "1 of 3 readings failed."


def test_generated_readings_have_every_edge_of_the_type(capsys: pytest.CaptureFixture[str]) -> None:
    write("def process(event):\n    return event\n")
    document = test_of(capsys=capsys)
    assert document["failed"] == 0
    assert [each["what"] for each in document["readings"]] == [
        *["all values are usual"] * 3,
        *("pressure is missing", "pressure is 1", "pressure is 8", "pressure is 1.0", "pressure is 8.0"),
        *("pressure is 4.75", "speed is missing", "speed is 600", "speed is 3000", "mode is missing"),
        *(f"mode is {each!r}" for each in ("ok", "idle", "busy", "standby")),
        *("open is missing", "open is False", "open is True"),
    ]
    # The same every time, so that two runs can be compared.
    assert test_of(capsys=capsys) == document


def test_an_event_as_it_is_in_the_log_of_dead_letters(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write("def process(event):\n    return event\n")
    event = test_of(capsys=capsys)["readings"][0]["input"]
    (tmp_path / "event.json").write_text(json.dumps(event))
    (reading,) = test_of("--event", "event.json", capsys=capsys)["readings"]
    assert reading["input"] == event


def test_a_file_that_no_type_names_yet(capsys: pytest.CaptureFixture[str]) -> None:
    write("def process(event):\n    return event\n")
    Path("draft.py").write_text("def process(event):\n    return None\n")
    assert main(["processor", "test", "draft.py", "--type", "pump", "--json"]) == 0
    document = documents.checked("processor test", capsys.readouterr().out)
    assert document["file"] == "draft.py"
    assert not any(each["output"] for each in document["readings"])
    Path("draft.py").write_text("import numpy\ndef process(event):\n    return None\n")
    assert main(["processor", "test", "draft.py", "--type", "pump"]) == 2
    assert "draft.py, line 1, device_types.pump.processor: imports 'numpy'" in capsys.readouterr().err
    Path("draft.py").write_text("def process(event:\n")
    assert main(["processor", "test", "draft.py", "--type", "pump"]) == 1
    assert "SyntaxError" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.py"], "gone.py is not a file: give the path of a processor."),
        (
            ["twin.yaml"],
            "twin.yaml is not the processor of a device type in twin.yaml: name one with --type.",
        ),
        (
            ["processors/pump.py", "--type", "pumq"],
            "'pumq' is not a device type of twin.yaml; did you mean 'pump'?",
        ),
        (["processors/pump.py", "--event", "{"], "--event is not JSON. "),
        (
            ["processors/pump.py", "--event", "gone.json"],
            "--event gone.json cannot be read (No such file or directory): give JSON, or a file with JSON.",
        ),
        (
            ["processors/pump.py", "--event", '{"time": "yesterday", "pressure": 1}'],
            "Reading 1 of --event would be refused before a processor gets it. ",
        ),
        (
            ["processors/pump.py", "--event", '{"specversion": "1.0"}'],
            "--event is not an event of this twin. ",
        ),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    write("def process(event):\n    return event\n")
    assert main(["processor", "test", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(said)


def test_a_file_outside_the_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write("def process(event):\n    return event\n")
    outside = tmp_path.parent / f"{tmp_path.name}.py"
    outside.write_text("def process(event):\n    return event\n")
    assert main(["processor", "test", str(outside), "--type", "pump"]) == 2
    assert capsys.readouterr().err == (
        f"{outside} is outside the folder of twin.yaml: put it into that folder, or use --twin.\n"
    )
