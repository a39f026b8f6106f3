"""The user's processor is read, never run."""

import platform

import pytest

FIELD = "device_types.thermostat.processor"
VERSION = platform.python_version()
NAME = "processors/thermostat.py"

CASES = {
    "empty": ("", f"{NAME} has no top-level function process; add def process(event)"),
    "other function": (
        "def proces(event): ...",
        f"{NAME} has no top-level function process; add def process(event)",
    ),
    "inside a class": (
        "class A:\n    def process(self, event): ...",
        f"{NAME} has no top-level function process; add def process(event)",
    ),
    "a class": ("class process: ...", f"{NAME} has no top-level function process; add def process(event)"),
    "async": ("async def process(event): ...", f"{NAME} defines process as async; write def process(event)"),
    "no argument": (
        "def process(): ...",
        f"{NAME} defines process with the wrong arguments; write def process(event)",
    ),
    "two arguments": (
        "def process(a, b): ...",
        f"{NAME} defines process with the wrong arguments; write def process(event)",
    ),
    "named argument": (
        "def process(event, *, unit): ...",
        f"{NAME} defines process with the wrong arguments; write def process(event)",
    ),
    "syntax error": (
        "x = 1\ndef process(event:\n",
        f"{NAME} has a syntax error in line 2; correct it (read by Python {VERSION})",
    ),
    "not utf-8": (
        b"# \xe4\ndef process(event): ...",
        f"{NAME} is not UTF-8: byte 0xe4 in line 1; save the Python file as UTF-8",
    ),
    "too large": (b"#" * 2_000_000, f"{NAME} is larger than 1024 KiB; make the Python file smaller"),
}


@pytest.mark.parametrize(("text", "said"), CASES.values(), ids=CASES)
def test_one_wrong_processor(twin, changed, text, said):
    twin.with_name("processors").joinpath("thermostat.py").write_bytes(
        text.encode() if isinstance(text, str) else text
    )
    assert changed("twin", "factory") == [f"{FIELD}: {said}"]


@pytest.mark.parametrize("text", ["x" + "(" * 5000, "-" * 900_000 + "1", "a" + ".b" * 100_000, "x = 1\x00"])
def test_source_that_breaks_parsers(twin, changed, text):
    twin.with_name("processors").joinpath("thermostat.py").write_text(text)
    (said,) = changed("twin", "factory")
    assert said.startswith(f"{FIELD}: {NAME} ")


@pytest.mark.parametrize(
    "text",
    [
        "def process(event, factor=2): ...",
        "def process(*events): ...",
        "import re\nPATTERN = re.compile('\\d')\ndef process(event, /): ...",
        "raise SystemExit('never run')\ndef process(event): ...",
    ],
)
def test_accepted(twin, changed, text):
    twin.with_name("processors").joinpath("thermostat.py").write_text(text)
    assert changed("twin", "factory") == []


def test_paths(twin, changed):
    outside = "is outside the folder of the twin.yaml; put the file into that folder"
    assert changed(FIELD, "processors/gone.py") == [
        f"{FIELD}: processors/gone.py does not exist; give the path of a Python file"
    ]
    assert changed(FIELD, "processors") == [
        f"{FIELD}: processors is a folder; give the path of a Python file"
    ]
    assert changed(FIELD, "../thermostat.py") == [f"{FIELD}: '../thermostat.py' {outside}"]
    assert changed(FIELD, "/etc/passwd") == [f"{FIELD}: '/etc/passwd' {outside}"]
    assert changed(FIELD, "processors\\thermostat.py") == [
        f"{FIELD}: 'processors\\\\thermostat.py' is not a valid path; write it with '/', "
        "for example processors/thermostat.py"
    ]
    assert changed(FIELD, 5) == [f"{FIELD}: must be the path of a file, got 5"]


def test_links(twin, changed):
    secret = twin.parent.parent / "secret.py"
    secret.write_text("def process(event): ...")
    (twin.parent / "link.py").symlink_to(secret)
    assert changed(FIELD, "link.py") == [
        f"{FIELD}: link.py links to a file outside the folder of the twin.yaml; copy the file into it"
    ]
    (twin.parent / "loop.py").symlink_to("loop.py")
    (said,) = changed(FIELD, "loop.py")
    assert said.startswith(f"{FIELD}: loop.py ")
    (twin.parent / "inner.py").symlink_to("processors/thermostat.py")
    assert changed(FIELD, "inner.py") == []


def test_empty_workflow(twin, changed):
    (twin.parent / "flow.json").write_text(" \n")
    said = "events.workflow: flow.json is empty; put the definition of the workflow into it"
    assert changed("events.workflow", "flow.json") == [said]
