"""What is wrong with the file itself: bytes, YAML syntax, shape, size. No traceback, no long wait."""

import os
import time
import tracemalloc

import pytest

from tests.config.conftest import FULL
from twinspan.config import ConfigErrors, load

START = "start with twin: <name>"

CASES = {
    "empty": ("", "twin.yaml: is empty; start with twin: <name>, layers: and clouds:"),
    "comments alone": ("# nothing\n\n", "twin.yaml: is empty; start with twin: <name>, layers: and clouds:"),
    "null": ("~\n", "twin.yaml: is empty; start with twin: <name>, layers: and clouds:"),
    "list": ("- twin: factory\n", f"line 1, twin.yaml: must be a mapping of fields, got a list; {START}"),
    "scalar": ("factory\n", f"line 1, twin.yaml: must be a mapping of fields, got 'factory'; {START}"),
    "not utf-8": (
        b"twin: factory\nunit: \xb0C\n",
        "twin.yaml: is not UTF-8: byte 0xb0 in line 2; save the twin.yaml as UTF-8",
    ),
    "utf-16": (
        "twin: a".encode("utf-16"),
        "twin.yaml: is not UTF-8: byte 0xff in line 1; save the twin.yaml as UTF-8",
    ),
    "10 MB": (b"x" * 10_000_000, "twin.yaml: is larger than 1024 KiB; make the twin.yaml smaller"),
    "control character": (
        "twin: a\x00b\n",
        "line 1, twin.yaml: contains a control character, which YAML does not allow; remove it",
    ),
    "second document": (
        FULL + "---\ntwin: other\n",
        "line 42, twin.yaml: a second document starts with '---'; keep one twin per file",
    ),
    "anchor": (
        "twin: &name factory\n",
        "line 1, twin.yaml: anchor &name is not supported; remove it and write the value out",
    ),
    "alias": ("twin: *name\n", "line 1, twin.yaml: alias *name is not supported; write the value out"),
    "tag": (
        "twin: !!python/object/apply:os.system [ls]\n",
        "line 1, twin.yaml: tag 'tag:yaml.org,2002:python/object/apply:os.system' is not supported; "
        "remove it, and put text in quotes",
    ),
    "key is a list": (
        "? [a, b]\n: 1\n",
        "line 1, twin.yaml: a key is a list or a mapping; write a plain word before the ':'",
    ),
    "endless number": (
        f"twin: {'9' * 5000}\n",
        "line 1, twin.yaml: a number has 5000 digits; write at most 100, or quote it",
    ),
    "no value": (
        FULL.replace("twin: factory  ", "twin:  "),
        "line 1, twin: has no value; give it one or leave the line out",
    ),
    "no value in a list": (
        FULL.replace("type: thermostat}\n", "type: thermostat}\n  -\n"),
        "line 25, devices[1]: has no value; give it one or leave the line out",
    ),
    "duplicate key": (
        FULL + "twin: other\n",
        "line 42, twin: is given twice, first in line 1; keep one of them",
    ),
    "duplicate deep key": (
        FULL.replace("{region: eu-central-1,", "{region: eu-central-1, region: eu-west-1,"),
        "line 7, clouds.aws.region: is given twice, first in line 7; keep one of them",
    ),
    "yes": (
        FULL.replace("enabled: true", "enabled: yes"),
        "line 26, events.enabled: must be true or false, got 'yes'; write true, without quotes",
    ),
    "underscore in a number": (
        FULL.replace("3650", "3_650"),
        "line 34, retention.archive_days: must be a whole number, got '3_650'; write 3650, without quotes",
    ),
}


@pytest.mark.parametrize(("text", "said"), CASES.values(), ids=CASES)
def test_one_problem(problems, text, said):
    assert problems(text) == [said]


def test_syntax_error_has_line_and_column(problems):
    (said,) = problems("twin: factory\nlayers: {acquisition: aws\nclouds: x: y\n")
    assert said.startswith("line 3, twin.yaml: is not valid YAML at column ")
    assert said.endswith("; check the indentation, quotes and brackets there")
    (said,) = problems("twin: factory\n\tlayers: 1\n")
    assert said.startswith("line 2, twin.yaml: is not valid YAML at column 1 (")


def test_values_that_old_yaml_reads_otherwise_are_text(problems):
    text = FULL.replace(
        "mode: {type: string}", "no: {type: string, unit: on}\n      mode: {type: string, unit: 12:30:00}"
    )
    text = text.replace("id: thermostat-1", "id: 12:30:00")
    assert problems(text) == []


def test_byte_order_mark_and_crlf(problems):
    assert problems(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode()) == []


def test_merge_key_is_an_unknown_field(problems):
    (said,) = problems(FULL + "<<: {}\n")
    assert said.startswith("line 42, ['<<']: is not a known field; use twin, layers")


BILLION = "a: &a [x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(20)
)
BOMBS = {
    "aliases": BILLION,
    "flow lists": "[" * 500_000,
    "flow mappings": "{a: " * 250_000,
    "block lists": "- " * 500_000,
    "deep rule": "events: {rules: [{when: " + "{all: [" * 100 + "]}" * 100 + "}]}\n",
    "one endless key": "a" * 1_000_000 + ": 1\n",
    "many values": "a: [" + "1," * 400_000 + "1]\n",
    "many keys without value": "".join(f"k{i}:\n" for i in range(100_000)),
    "many repeated keys": "a: 1\n" * 200_000,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_bombs_end_soon_and_small(problems, text):
    started = time.process_time()
    said = problems(text)
    assert 1 <= len(said) <= 101
    assert time.process_time() - started < 3


def test_alias_bomb_takes_milliseconds_and_little_memory(twin):
    twin.write_text(BILLION)
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(ConfigErrors):
        load(twin)
    assert time.process_time() - started < 0.1
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()


def _said(path) -> str:
    with pytest.raises(ConfigErrors) as raised:
        load(path)
    (problem,) = raised.value.problems
    return str(problem)


def test_paths_that_are_no_file(tmp_path):
    assert _said(tmp_path / "gone.yaml") == "gone.yaml: does not exist; give the path of a twin.yaml"
    assert _said(tmp_path) == f"{tmp_path.name}: is a folder; give the path of a twin.yaml"
    assert _said("twin\0.yaml").endswith("is not a valid path: it contains a null byte")
    assert _said(tmp_path / ("x" * 300)).endswith(
        "cannot be read (File name too long); give the path of a twin.yaml"
    )
    os.mkfifo(tmp_path / "pipe")
    assert _said(tmp_path / "pipe") == "pipe: is not a regular file; give the path of a twin.yaml"


def test_file_without_permission(twin, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)  # root, whom containers run as, may read everything
    assert _said(twin) == "twin.yaml: is not readable; give this user permission to read it"


def test_the_text_for_the_terminal(twin):
    twin.write_text("twin: x\n")
    with pytest.raises(ConfigErrors) as raised:
        load(twin)
    first, *rest = str(raised.value).splitlines()
    assert first == f"{twin} has 4 problems:"
    assert rest[-1].startswith("  line 1, twin: 'x' is not allowed;")


def test_thousands_of_devices_load_in_seconds(twin):
    devices = "".join(f"  - {{id: thermostat-{i}, type: thermostat}}\n" for i in range(2, 10_000))
    twin.write_text(FULL.replace("events:\n", devices + "events:\n"))
    started = time.process_time()
    assert len(load(twin).devices) == 9_999
    assert time.process_time() - started < 5


def test_thousands_of_misspelt_names_end_soon(twin):
    devices = "".join(f"  - {{id: thermostat-{i}, type: thermostad}}\n" for i in range(2, 900))
    rule = (
        "    - {name: r%d, device: sensor-%d, when: {metric: open, equals: true}, then: {workflow: true}}\n"
    )
    rules = "".join(rule % (i, i) for i in range(3_000))
    text = FULL.replace("events:\n", devices + "events:\n").replace("  rules:\n", "  rules:\n" + rules)
    twin.write_text(text)
    started = time.process_time()
    with pytest.raises(ConfigErrors) as raised:
        load(twin)
    assert len(raised.value.problems) == 898 + 3_000
    assert time.process_time() - started < 5
    assert "times the same, the last one at line 922, devices[898].type\n" in str(raised.value)
    assert str(raised.value).endswith("… and 2808 more")


def test_many_equal_problems_do_not_hide_the_one_that_differs(twin):
    devices = "".join(f"  - {{id: thermostat-{i}, type: thermostad}}\n" for i in range(2, 302))
    twin.write_text(FULL.replace("events:\n", devices + "  - {id: last, type: dor}\nevents:\n"))
    with pytest.raises(ConfigErrors) as raised:
        load(twin)
    first, *listed = str(raised.value).splitlines()
    assert first.endswith("has 301 problems:")
    assert len(listed) < 10
    assert "devices[1].type: 'thermostad' is not a device type" in listed[0]
    assert "times the same, the last one at line 324, devices[300].type" in "\n".join(listed)
    assert "'dor' is not a device type" in listed[-1]
