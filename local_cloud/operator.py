"""What somebody who operates the local twin needs: outputs, endpoints and environment, as files.

With them every command for real clouds works here, such as
`python -m operations dead-letters list --outputs … --endpoints …`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cloud.cloud import LocalCloud
from local_cloud.errors import LocalCloudError
from local_cloud.gcp.cloud import LocalGcp

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Operator:
    """The files, and the environment variables in whose presence commands reach the local servers."""

    outputs: Path
    endpoints: Path
    environment: Mapping[str, str]
    twin_file: Path

    @classmethod
    def of(cls, twin: LocalCloud, twin_file: Path, folder: Path) -> Operator:
        """Write the files into `folder`."""
        outputs, endpoints = folder / "outputs.json", folder / "endpoints.json"
        _private(outputs, twin.stack_outputs)
        environment: dict[str, str] = {}
        reached: dict[str, Mapping[str, str]] = {}
        for name, cloud in twin.clouds.items():
            environment |= cloud.operator_environment()
            if isinstance(cloud, LocalGcp):  # its client libraries take no address from the environment
                reached[name] = cloud.operator_endpoints()
        _private(endpoints, reached)
        return cls(outputs, endpoints, environment, twin_file)

    def run(self, program: str, command: str, *options: str) -> str:
        """Run `python -m operations`, and return its standard output. Raises `LocalCloudError`."""
        done = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "operations", program, command, *options, *self.files()],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 1):
            raise LocalCloudError(f"{program} {command} failed: {done.stderr.strip()}")
        return done.stdout

    def files(self) -> tuple[str, ...]:
        """The options that select this twin."""
        return (
            *("--twin", str(self.twin_file)),
            *("--outputs", str(self.outputs)),
            *("--endpoints", str(self.endpoints)),
        )

    def dead_letters(self, *options: str) -> list[dict[str, Any]]:
        """Return every dead letter of the twin, as `dead-letters list --json` prints it."""
        return [
            json.loads(line) for line in self.run("dead-letters", "list", "--json", *options).splitlines()
        ]


def _private(path: Path, document: Mapping[str, Any]) -> None:
    """JSON that holds keys: for the user alone."""
    path.touch(0o600)
    path.write_text(json.dumps(document, indent=1), "utf-8")
