"""The packages of a processor: pinned lines, and nothing else."""

import pytest

from twinspan.config.requirements import Pin, parse

FIELD = "device_types.thermostat.requirements"
NAME = "processors/requirements.txt"
A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64

CASES = {
    "no version": ("numpy", "line 1 is not pinned: numpy names no version; write numpy==<version>"),
    "a range": ("numpy>=1.2", "line 1 is not pinned: numpy allows >=1.2; write numpy==<version>"),
    "a wildcard": ("numpy==1.*", "line 1 is not pinned: numpy allows ==1.*; write numpy==<version>"),
    "two": ("numpy==1.2,!=1.3", "line 1 is not pinned: numpy allows !=1.3,==1.2; write numpy==<version>"),
    "exactly the text": ("numpy===1.2", "line 1 is not pinned: numpy allows ===1.2; write numpy==<version>"),
    "an option": (
        "# pins\n--index-url https://example.com/simple\n",
        "line 2 has the option '--index-url'; remove it, and configure pip by its environment",
    ),
    "another file": (
        "-r more.txt",
        "line 1 has the option '-r'; remove it, and configure pip by its environment",
    ),
    "an option of a line": (
        "numpy==1.2 --no-binary numpy",
        "line 1 has the option '--no-binary'; remove it, only --hash is allowed",
    ),
    "a URL": (
        "numpy @ https://example.com/numpy.whl",
        "line 1 is a URL ('numpy @ https://example.com/numpy.whl'); write numpy==<version>",
    ),
    "a bare URL": (
        "https://example.com/numpy.whl",
        "line 1 is a URL or a path ('https://example.com/numpy.whl'); write <name>==<version>",
    ),
    "a path": ("./numpy.whl", "line 1 is a URL or a path ('./numpy.whl'); write <name>==<version>"),
    "no requirement": ("num py", "line 1 is not a requirement ('num py'); write <name>==<version>"),
    "a marker": (
        "numpy==1.2; python_version < '3.12'",
        "line 1 has a marker ('python_version < \"3.12\"'); remove it, every cloud runs the same Python on "
        "Linux",
    ),
    "twice": ("numpy==1.2\n\nNumPy==1.3", "line 3 pins numpy again, after line 1; remove one of the two"),
    "a weak hash": (
        "numpy==1.2 --hash=md5:abc",
        "line 1 has the hash 'md5:abc'; write --hash=sha256: and 64 hexadecimal digits",
    ),
    "hashes of some": (
        f"numpy==1.2 --hash={A}\nscipy==1.1",
        "has hashes, but none for scipy; give every package its hashes, or none",
    ),
}


@pytest.mark.parametrize(("text", "said"), CASES.values(), ids=CASES)
def test_a_line_that_is_no_pin(text, said):
    assert parse(text)[1] == [said]


def test_what_pip_tools_write():
    text = f"""\
    # pip-compile --generate-hashes
numpy==1.2.0 \\
    --hash={B} \\
    --hash={A}
    # via -r requirements.in
Ruamel.YAML[jinja2]==0.19.1   --hash={A}  # a comment
"""
    pins, wrong = parse(text)
    assert wrong == []
    assert pins == [
        Pin("numpy", "1.2.0", hashes=(A, B)),
        Pin("ruamel-yaml", "0.19.1", frozenset({"jinja2"}), (A,)),
    ]
    assert list(map(str, pins)) == [
        f"numpy==1.2.0 --hash={A} --hash={B}",
        f"ruamel-yaml[jinja2]==0.19.1 --hash={A}",
    ]
    assert [pin.line for pin in pins] == [2, 6]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", " \\\n\n"])
def test_nothing_is_fine(text):
    assert parse(text) == ([], [])


def test_every_wrong_line_is_reported_with_the_file_and_the_field(twin, changed):
    (twin.parent / NAME).write_text("numpy\nscipy>1\n")
    assert changed(FIELD, NAME) == [
        f"{FIELD}: {NAME} line 1 is not pinned: numpy names no version; write numpy==<version>",
        f"{FIELD}: {NAME} line 2 is not pinned: scipy allows >1; write scipy==<version>",
    ]


def test_paths(twin, changed):
    assert changed(FIELD, NAME) == [f"{FIELD}: {NAME} does not exist; give the path of a requirements.txt"]
    assert changed(FIELD, "../r.txt") == [
        f"{FIELD}: '../r.txt' is outside the folder of the twin.yaml; put the file into that folder"
    ]
    (twin.parent / NAME).write_text("numpy==1\n")
    assert changed(FIELD, NAME) == []


def test_without_a_processor_they_have_no_effect(twin, changed):
    (twin.parent / NAME).write_text("numpy==1\n")
    said = f"{FIELD}: has no effect without a processor; add processor, or remove requirements"
    assert changed("device_types.thermostat", {"telemetry": {"t": {"type": "number"}}, "requirements": NAME})[
        :1
    ] == [said]


def test_processors_agree_on_versions_and_hashes(twin, changed):
    (twin.parent / NAME).write_text("numpy==1\n")
    (twin.parent / "other.txt").write_text(f"numpy==2 --hash={A}\nscipy==1 --hash={A}\n")
    types = {
        name: {
            "telemetry": {"t": {"type": "number"}},
            "processor": "processors/thermostat.py",
            "requirements": file,
        }
        for name, file in (("thermostat", NAME), ("valve", "other.txt"))
    }
    said = changed("device_types", types)
    assert (
        f"device_types.valve.requirements: other.txt line 1 pins numpy 2, and {NAME} 1; pin one version, "
        "since all processors run in one function"
    ) in said
    assert (
        f"device_types: {NAME} has no hashes, other requirements do; give all of them hashes, or none"
    ) in said
