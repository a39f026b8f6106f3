"""The environment of each role: declared as data, read in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from twin_runtime import settings
from twin_runtime.errors import ConfigurationError
from twin_runtime.roles import Cloud, Role

VARIANTS = [
    (role, cloud, remote)
    for role in Role
    for cloud in Cloud
    for remote in (False, True)
    if not remote or settings.expected(role, cloud) != settings.expected(role, cloud, remote=True)
]


@pytest.mark.parametrize(("role", "cloud", "remote"), VARIANTS)
def test_what_is_expected_loads_and_each_part_is_needed(role: str, cloud: str, remote: bool) -> None:
    environ = {name: f"value of {name}" for name in settings.expected(role, cloud, remote=remote)}
    if "TWIN_ROLE" in environ:
        environ["TWIN_ROLE"] = role
    loaded = settings.load(role, cloud, environ)
    assert {name: loaded[name] for name in environ} == environ
    assert loaded.remote == remote
    may_be_absent = {"EVENTS_QUEUE", "COLD_STORE", "COLD_LINK_SECRET", "API_KEY_READS", "API_CLIENTS"}
    if role == "cold_writer" or role.startswith("archive_") or role == "cold_mover":
        may_be_absent.remove("COLD_STORE")
    if role == "hot_reader" or (role, cloud) == ("event_feedback", "aws"):
        # Nothing else tells its variants apart: without the secret it is the local one.
        may_be_absent.add("LINK_SECRET")
    for name in environ.keys() - may_be_absent:
        rest = {key: value for key, value in environ.items() if key != name}
        with pytest.raises(ConfigurationError, match=r"^The .*\.$"):
            settings.load(role, cloud, rest)
        with pytest.raises(ConfigurationError):
            settings.load(role, cloud, rest | {name: ""})


def test_the_table() -> None:
    expected = settings.expected
    assert expected("dispatcher", "aws") == {"DEAD_LETTER_QUEUE", "PROCESSING_QUEUE"}
    assert expected("dispatcher", "gcp") == {
        "DEAD_LETTER_QUEUE",
        "PROCESSING_QUEUE",
        "FLEET_SECRET",
        "TWIN_ROLE",
    }
    assert expected("ingestion", "aws") == {"DEAD_LETTER_QUEUE", "PROCESSING_QUEUE", "LINK_SECRET"}
    assert expected("persister", "aws") == {"DEAD_LETTER_QUEUE", "EVENTS_QUEUE", "STORE"}
    assert expected("persister", "aws", remote=True) == {"DEAD_LETTER_QUEUE", "EVENTS_QUEUE", "LINK_SECRET"}
    reads = {"STORE", "COLD_STORE", "COLD_LINK_SECRET", "API_KEY_READS"}
    assert expected("hot_reader", "aws") == reads | {"API_CLIENTS"}
    assert expected("hot_reader", "aws", remote=True) == reads | {"API_CLIENTS", "LINK_SECRET"}
    assert expected("hot_reader", "azure") == reads | {"API_KEYS_SECRET", "TWIN_ROLE"}
    assert expected("cold_mover", "aws") == {"STORE", "EXPIRY", "COLD_STORE"}
    assert expected("cold_mover", "gcp") == {"STORE", "COLD_STORE", "TWIN_ROLE"}
    assert expected("cold_mover", "aws", remote=True) == {"STORE", "EXPIRY", "LINK_SECRET"}
    assert expected("cold_writer", "aws") == {"COLD_STORE", "LINK_SECRET"}
    assert expected("archive_mover", "gcp") == {"COLD_STORE", "LINK_SECRET", "TWIN_ROLE"}
    assert expected("archive_writer", "azure") == {
        "ARCHIVE_STORE",
        "LINK_SECRET",
        "API_KEYS_SECRET",
        "TWIN_ROLE",
    }
    assert expected("twin_sync", "azure") == {"GRAPH", "STORE", "TWIN_ROLE"}
    assert expected("twin_sync", "azure", remote=True) == {"GRAPH", "LINK_SECRET", "TWIN_ROLE"}
    assert expected("twin_connector", "aws") == {"STORE"}
    assert expected("twin_connector", "aws", remote=True) == {"LINK_SECRET"}
    assert expected("twin_reader", "aws") == {"GRAPH", "API_CLIENTS"}
    assert expected("twin_reader", "gcp") == {"GRAPH", "API_KEYS_SECRET", "TWIN_ROLE"}
    assert expected("dashboard_sync", "aws") == {"GRAFANA", "LINK_SECRET"}
    checker = {"DEAD_LETTER_QUEUE", "WORKFLOW", "STATE_STORE", "COMMANDS_QUEUE"}
    assert expected("event_checker", "aws") == checker
    assert expected("event_checker", "gcp") == checker | {"TWIN_ROLE"}
    assert expected("event_feedback", "azure", remote=True) == {
        "DEAD_LETTER_QUEUE",
        "BROKER",
        "LINK_SECRET",
        "API_KEYS_SECRET",
        "TWIN_ROLE",
    }


def test_events_may_be_off() -> None:
    environ = {"DEAD_LETTER_QUEUE": "d", "STORE": "s", "EVENTS_QUEUE": ""}
    assert settings.load("persister", "aws", environ)["EVENTS_QUEUE"] == ""


@pytest.mark.parametrize(
    ("role", "cloud", "environ", "sentence"),
    [
        (
            "persister",
            "aws",
            {"DEAD_LETTER_QUEUE": "d", "STORE": "s", "LINK_SECRET": "l"},
            "has STORE and LINK_SECRET",
        ),
        ("persister", "aws", {"DEAD_LETTER_QUEUE": "d"}, r"STORE \(local write link\) or LINK_SECRET"),
        (
            "event_checker",
            "aws",
            {"COMMANDS_QUEUE": "c", "LINK_SECRET": "l"},
            "has COMMANDS_QUEUE and LINK_SECRET",
        ),
        ("event_feedback", "gcp", {"API_KEYS_SECRET": "k"}, "has API_KEYS_SECRET and no LINK_SECRET"),
        ("cold_mover", "aws", {"STORE": "s"}, r"COLD_STORE \(local cold link\) or LINK_SECRET"),
        (
            "cold_mover",
            "aws",
            {"STORE": "s", "COLD_STORE": "c", "LINK_SECRET": "l"},
            "has COLD_STORE and LINK_SECRET",
        ),
        ("connector", "aws", {}, "DEAD_LETTER_QUEUE and LINK_SECRET"),
        ("writer", "azure", {"TWIN_ROLE": "persister"}, "TWIN_ROLE is 'persister'"),
    ],
)
def test_impossible(role: str, cloud: str, environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        settings.load(role, cloud, environ)


def test_nothing_else_reads_the_environment() -> None:
    folder = Path(settings.__file__).parent
    nodes = [(path, node) for path in folder.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    readers = {
        path.name
        for path, node in nodes
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"))
        or (isinstance(node, ast.ImportFrom) and node.module == "os")
    }
    assert readers == {"settings.py"}
