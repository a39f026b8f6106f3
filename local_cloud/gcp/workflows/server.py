"""Starts the stand-in, and gives it the workflows of an evaluated stack."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from local_cloud.gcp.rest import call
from local_cloud.processes import Process, Processes
from local_cloud.standins import Evaluated

ENVIRONMENT_VARIABLE = "TWINSPAN_WORKFLOWS"
"""Names the folder of a Python environment with workflows-emulator, where it is not `.venv-workflows`."""
_ROOT = Path(__file__).resolve().parents[3]


def start(processes: Processes, port: int) -> Process:
    """Start it on a port of loopback."""
    command = [str(emulator_python() or sys.executable), "-m", "local_cloud.gcp.workflows", str(port)]
    return processes.start("workflows", command, cwd=_ROOT)


def emulator_python() -> Path | None:
    """The interpreter that has workflows-emulator; None where there is none."""
    folder = Path(os.environ.get(ENVIRONMENT_VARIABLE) or _ROOT / ".venv-workflows")
    python = folder / "bin" / "python"
    return python if python.exists() else None


def configure(port: int, evaluated: Evaluated) -> None:
    """Make what the stack makes."""
    for workflow in evaluated.of("google_workflows_workflow").values():
        document = {"sourceContents": workflow["source_contents"]}
        call(port, "PUT", f"v1/{workflow['id']}", document)


def runs(port: int) -> list[dict[str, Any]]:
    """Every execution in the form of the API, oldest first, its `argument` as an object."""
    executions = call(port, "GET", "runs")["executions"]
    return [{**run, "argument": json.loads(run["argument"])} for run in executions]
