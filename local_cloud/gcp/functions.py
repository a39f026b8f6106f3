"""Functions as processes, in place of Cloud Run services."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from local_cloud.gcp import firestore
from local_cloud.processes import Process, Processes, listens

_ROOT = Path(__file__).resolve().parents[2]
_STAMPED = re.compile(r'\{"time":"([^"]+)"')  # see function.TimedLines


@dataclass(frozen=True)
class Apis:
    """The ports of the servers, as functions reach them."""

    pubsub: int
    secrets: int
    executions: int
    firestore: int
    storage: int


def object_of(values: Mapping[str, Any]) -> str:
    """Return the name of a function's zip in its bucket; `values` is its evaluated resource."""
    return values["build_config"]["source"]["storage_source"]["object"]


class Function:
    """One function of the stack; `values` is its evaluated `google_cloudfunctions2_function`."""

    process: Process

    def __init__(
        self,
        processes: Processes,
        values: Mapping[str, Any],
        *,
        port: int,
        package: Path,
        apis: Apis,
        instances: int = 1,
    ) -> None:
        """Starts it; `wait` says when it answers. `package` is the unpacked zip; there are `instances`, but
        no more than the stack allows.
        """
        self._processes = processes
        self.port = port
        self.name: str = values["name"]
        self.environment: Mapping[str, str] = values["service_config"][0]["environment_variables"]
        self.role = self.environment["TWIN_ROLE"]
        self.url: str = values["service_config"][0]["uri"]
        self._apis = apis
        self._package = package
        self._entry_point: str = values["build_config"]["entry_point"]
        self._instances = min(instances, values["service_config"][0]["max_instance_count"])
        self._start({})

    @property
    def log(self) -> Path:
        """JSON lines with `time`, `role`, `event` and what belongs to the event; and what servers say."""
        return self.process.log

    def log_lines(self) -> Iterator[tuple[float, str]]:
        """The JSON lines of the log, each with its Unix time."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if match := _STAMPED.match(line):
                    yield datetime.fromisoformat(match[1]).timestamp(), line.rstrip("\n")

    def wait(self) -> None:
        """Until it takes requests; raises `LocalCloudError` with its last words when it cannot be loaded."""
        self._processes.wait(self.process, port=self.port)

    def kill(self) -> None:
        """End it at once, in the midst of its requests; returns when nobody listens on its port."""
        self.process.kill()
        self._ended()

    def restart(self, environment: Mapping[str, str] | None = None, *, package: Path | None = None) -> None:
        """End it if it runs, start it anew and wait for it. `environment` is laid over the stack's; `package`
        is another unpacked zip from now on.
        """
        self._processes.stop(self.process)
        self._ended()
        self._package = package or self._package
        self._start(environment or {})
        self.wait()

    def _ended(self) -> None:
        """The server's children end a moment after itself, and would pass for the next one."""
        while listens(self.port):
            time.sleep(0.01)

    def _start(self, environment: Mapping[str, str]) -> None:
        self.process = self._processes.start(
            self.name,
            [
                *(sys.executable, "-m", "local_cloud.gcp.function"),
                *("--package", str(self._package)),
                *("--entry-point", self._entry_point),
                *("--port", str(self.port)),
                *("--pubsub", f"http://127.0.0.1:{self._apis.pubsub}"),
                *("--secrets", f"http://127.0.0.1:{self._apis.secrets}"),
                *("--executions", f"http://127.0.0.1:{self._apis.executions}"),
                *("--storage", f"http://127.0.0.1:{self._apis.storage}"),
            ],
            environment={
                **self.environment,
                "WORKERS": str(self._instances),
                firestore.HOST_VARIABLE: f"127.0.0.1:{self._apis.firestore}",
                **environment,
            },
            cwd=_ROOT,
        )
