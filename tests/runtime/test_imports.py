"""What a role loads: the standard library alone, and of it no more than the role needs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import twin_runtime
from twin_runtime.roles import Role

FOLDER = Path(twin_runtime.__file__).parent
HEAVY = {"http.client", "ssl", "urllib.request", "email.parser", "asyncio", "unittest", "logging"}
CLIENTS = ("connector", "cold_mover", "archive_mover", "twin_sync", "twin_connector", "dashboard_sync")
"""The roles that send over HTTP, whose modules may load a client."""
WITHOUT_HTTP = [role for role in Role if role not in CLIENTS]


def test_the_standard_library_alone() -> None:
    roots = {
        name.partition(".")[0]
        for path in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
    }
    assert roots <= {*sys.stdlib_module_names, "twin_runtime"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module or ""]
    return []


def loaded(*modules: str) -> set[str]:
    imports = ";".join(f"import twin_runtime.{module}" for module in modules)
    code = f"import sys;sys.path.insert(0,{str(FOLDER.parent)!r});{imports};print(*sys.modules)"
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("role", WITHOUT_HTTP)
def test_a_role_that_sends_nothing_over_http_does_not_load_a_client(role: str) -> None:
    assert loaded("context", f"functions.{role}") & HEAVY == set()


def test_the_senders_load_http_client_and_nothing_heavier() -> None:
    modules = loaded("context", "functions.connector", "wire.sender")
    assert "http.client" in modules
    assert modules & {"urllib.request", "asyncio", "unittest", "logging"} == set()
