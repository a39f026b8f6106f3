"""`main.py synth` of the twin, as a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from local_cloud.errors import LocalCloudError
from local_cloud.processes import finish

ROOT = Path(__file__).resolve().parents[2]


def synthesize(twin_file: Path, out: Path) -> None:
    """Write the stacks into `out`. Raises `LocalCloudError` with what main.py said."""
    environment = {**os.environ, "TWIN": str(twin_file), "CDKTF_OUTDIR": str(out)}
    done = finish([sys.executable, str(ROOT / "main.py")], environment=environment)
    if done.returncode:
        raise LocalCloudError(f"main.py could not synthesize {twin_file}:\n{done.stderr.strip()}")
