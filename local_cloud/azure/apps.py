"""Function apps as processes: each is a `local_cloud.azure.host`, with its settings as environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from local_cloud.certificates import Certificate
from local_cloud.processes import Process, Processes

_ROOT = Path(__file__).resolve().parents[2]
WORKER_PYTHON = _ROOT / ".venv-functions" / "bin" / "python"
"""Where there is a Python with azure-functions-runtime, it runs the function apps."""
_ENVIRONMENT = {
    "PYTHONPATH": str(_ROOT),
    "PYTHONUNBUFFERED": "1",
    # The Cosmos DB client checks no certificate on loopback, and says so for every call.
    "PYTHONWARNINGS": "ignore:Unverified HTTPS request",
    "NO_PROXY": "127.0.0.1,localhost",
}


def worker_python() -> str:
    """What runs the function apps: Azure's own worker where it is installed, else this Python."""
    return str(WORKER_PYTHON) if WORKER_PYTHON.exists() else sys.executable


def python(
    processes: Processes,
    name: str,
    module: str,
    *arguments: str,
    interpreter: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Start a module of this package as a process."""
    command = [interpreter or sys.executable, "-m", module, *arguments]
    return processes.start(name, command, environment={**_ENVIRONMENT, **(environment or {})})


class Function:
    """The app of one role. Its log goes on when it is started again."""

    def __init__(
        self,
        role: str,
        processes: Processes,
        *,
        site: Path,
        port: int,
        certificate: Certificate,
        environment: Mapping[str, str],
        public: bool,
        hasten: float,
        interpreter: str | None = None,
    ) -> None:
        self.role = role
        self._processes = processes
        self.port = port
        self._environment = environment
        self._interpreter = interpreter
        self._site = site
        self._arguments = ["--port", str(port), "--hasten", str(hasten)]
        self._arguments += ["--certificate", str(certificate.certificate), "--key", str(certificate.key)]
        self._arguments += [] if public else ["--private"]
        self.process = self._start({})

    @property
    def log(self) -> Path:
        return self.process.log

    def wait(self) -> None:
        """Until it has loaded its app and listens."""
        self._processes.wait(self.process, port=self.port)

    def kill(self) -> None:
        """End it at once, as a machine that fails would."""
        self.process.kill()

    def restart(self, environment: Mapping[str, str] | None = None, *, site: Path | None = None) -> None:
        """Start it anew, with `environment` over its settings; returns when it answers. `site` is another
        unpacked zip from now on.
        """
        self._processes.stop(self.process)
        self._site = site or self._site
        self.process = self._start(environment or {})
        self.wait()

    def _start(self, environment: Mapping[str, str]) -> Process:
        return python(
            self._processes,
            f"azure-{self.role}",
            "local_cloud.azure.host",
            str(self._site),
            *self._arguments,
            interpreter=self._interpreter or worker_python(),
            environment={**self._environment, **environment},
        )
