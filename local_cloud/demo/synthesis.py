"""`main.py synth` of the twin, as a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_cloud.errors import LocalCloudError
from local_cloud.processes import finish
from twin_runtime.roles import Cloud
from twinspan import vendoring
from twinspan.config import Config

ROOT = Path(__file__).resolve().parents[2]


def synthesize(twin_file: Path, out: Path) -> None:
    """Write the stacks into `out`. Raises `LocalCloudError` with what main.py said."""
    environment = {**os.environ, "TWIN": str(twin_file), "CDKTF_OUTDIR": str(out)}
    done = finish([sys.executable, str(ROOT / "main.py")], environment=environment)
    if done.returncode:
        raise LocalCloudError(f"main.py could not synthesize {twin_file}:\n{done.stderr.strip()}")


@contextmanager
def packages_for_this_machine(config: Config) -> Iterator[None]:
    """Let packages that processors require be those for the functions here, not in the cloud."""
    name = vendoring.LOCAL_VARIABLE
    before = os.environ.get(name)
    if any(device_type.requirements for device_type in config.device_types.values()):
        os.environ[name] = _python(config.layers.processing)
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


def _python(cloud: Cloud) -> str:
    """The version of the Python that runs a cloud's functions here."""
    if cloud is Cloud.AZURE:
        from local_cloud.azure.apps import WORKER_PYTHON

        if WORKER_PYTHON.exists():
            return vendoring.PYTHON
    return vendoring.here().python
