"""`twinspan` from this checkout whatever is installed: a process of its own, or a session in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from command.session import Session

ROOT = Path(__file__).resolve().parents[2]
PATHS = os.pathsep.join(map(str, (ROOT, ROOT / "constructs", ROOT / "function_src")))


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without a twin, and with the given variables."""
    clean = {name: value for name, value in os.environ.items() if name not in ("TWIN", "CDKTF_OUTDIR")}
    return {**clean, "PYTHONPATH": PATHS, **(given or {})}


def twinspan(
    *arguments: str, cwd: Path, given: Mapping[str, str] | None = None, module: str = "twinspan"
) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal; `given` are environment variables."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        env=environment(given),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def session_of(file: Path, *, as_json: bool = False) -> Session:
    """A session of a twin.yaml with an output folder beside it, whose output is kept."""
    return Session(
        twin=file,
        as_json=as_json,
        environment={},
        out=file.parent / "out",
        stdout=StringIO(),
        stderr=StringIO(),
    )
