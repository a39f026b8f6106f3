"""Serves one function as Cloud Run would: Google's functions framework with its own server, on loopback.

    TWIN_ROLE=… THREADS=… python -m local_cloud.gcp.function --package DIR --entry-point NAME --port N
        --pubsub URL --secrets URL --executions URL --storage URL

The environment is what the stack gives the function. `package` is the unpacked zip; the product's modules
come from there, unchanged, but for where Google's APIs are, which `twin_gcp` would ask no server on loopback
for. LOCAL_CLOUD_CLOCK_OFFSET_S shifts the clock by so many seconds.

Cloud Run would check who calls before the function runs: the token of Pub/Sub's push account, or nobody for
a receiver. Here nobody checks. It would also start instances as load grows; here there are WORKERS of them,
each a process with THREADS threads, as the framework's own server reads the two.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

CLOCK_OFFSET = "LOCAL_CLOUD_CLOCK_OFFSET_S"


class TimedLines:
    """Standard output whose JSON lines get the field `time` in front, as Cloud Logging stamps entries."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def write(self, text: str) -> int:
        if text.startswith("{"):
            text = f'{{"time":"{datetime.now(UTC).isoformat()}",{text[1:]}'
        return self._output.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._output, name)


def shift_clock(seconds: float) -> None:
    """Before anything else has taken hold of `time.time`."""
    real = time.time
    time.time = lambda: real() + seconds


def main() -> None:
    arguments = _arguments()
    if offset := float(os.environ.get(CLOCK_OFFSET) or 0):
        shift_clock(offset)
    sys.stdout = TimedLines(sys.stdout)
    sys.path.insert(0, str(arguments.package))
    _point_at(arguments)
    from functions_framework import create_app
    from functions_framework._http import create_server

    app = create_app(arguments.entry_point, str(arguments.package / "main.py"), "http")
    # Its control socket has one place in the home folder, for all servers of a user.
    create_server(app, False, control_socket_disable=True).run("127.0.0.1", arguments.port)


def _point_at(arguments: argparse.Namespace) -> None:
    from twin_gcp import cloud, entry

    endpoints = cloud.Endpoints(
        pubsub=arguments.pubsub,
        secrets=arguments.secrets,
        executions=arguments.executions,
        storage=arguments.storage,
    )
    entry.GcpCloud = functools.partial(cloud.GcpCloud, endpoints=endpoints)  # pyright: ignore[reportAttributeAccessIssue]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local_cloud.gcp.function")
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--entry-point", required=True)
    parser.add_argument("--port", type=int, required=True)
    for api in ("pubsub", "secrets", "executions", "storage"):
        parser.add_argument(f"--{api}", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
