"""Requests between clouds per 1,000 events, at a steady 500 events a second on a remote link.

The twin runs on this machine (see local_cloud). Events enter the connector's queue one to a message, which
is the worst that a dispatcher makes of it, and a proxy counts what goes to the receiver. `--seconds` and
`--rate` change the load, `--clouds` the senders.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = 40
_EVERY_S = 0.1
_PATIENCE_S = 120
_SENDERS = 8


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rate", type=int, default=500)
    options.add_argument("--seconds", type=int, default=20)
    options.add_argument("--clouds", default="aws,azure,gcp")
    given = options.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "constructs"), str(ROOT / "function_src"), str(ROOT / "tests")]
    print(f"telemetry link at {given.rate} events a second for {given.seconds} s, target {TARGET} requests")
    for cloud in given.clouds.split(","):
        requests, events, stored = measure(cloud, given.rate, given.seconds)
        each = requests / events * 1000
        print(
            f"  {cloud:<6} {each:6.1f} requests per 1,000 events   ({requests} for {events}, {stored} stored)"
        )


def measure(cloud: str, rate: int, seconds: int) -> tuple[int, int, int]:
    """Requests, events sent, rows stored."""
    from end_to_end import fleet
    from local_cloud.cloud import Options
    from local_cloud.operator import Operator
    from support.layouts import Layout, config_of
    from support.local import local_twin
    from support.proxy import Proxy
    from twin_runtime.roles import Cloud

    other = Cloud.AZURE if cloud == "gcp" else Cloud.GCP
    layout = Layout(Cloud(cloud), other, other)
    proxies: list[Proxy] = []
    with tempfile.TemporaryDirectory() as folder:

        def between(_link: str, url: str) -> str:
            proxies.append(Proxy(url, trust=Path(folder) / "certificates" / "ca.pem"))
            return proxies[-1].url

        options = Options(hasten=60, between=between)
        with local_twin(config_of(fleet.twin(layout)), Path(folder), options=options) as twin:
            twin_file = Path(folder) / "twin.yaml"
            twin_file.write_text(json.dumps(fleet.twin(layout)))
            operator = Operator.of(twin, twin_file, Path(folder))
            os.environ.update(operator.environment)
            queue = connector_queue(cloud, operator)
            count = steadily(queue.send, rate, seconds)
            until = time.monotonic() + _PATIENCE_S
            while len(twin.rows()) < count and time.monotonic() < until:
                time.sleep(1)
            return proxies[0].counts["requests"], count, len(twin.rows())


def connector_queue(cloud: str, operator: Any) -> Any:
    """The product's adapter at the queue that the connector consumes."""
    from operations.access import Access, endpoints_of

    hops = json.loads(operator.outputs.read_text())[cloud]["dead_letter_queues"]
    access = Access(region="eu-central-1", endpoints=endpoints_of(operator.endpoints))
    return access.to(cloud).queue(hops["processing"]["target"])


def steadily(send: Callable[[list[str]], None], rate: int, seconds: int) -> int:
    """One event a message, `rate` of them a second; returns how many."""
    from end_to_end import fleet
    from twin_runtime.events import cloudevents

    began, sent, pool = time.monotonic(), 0, ThreadPoolExecutor(_SENDERS)
    while (now := time.monotonic() - began) < seconds:
        due = int(now * rate) + 1
        bodies = []
        for number in range(sent, due):
            event = cloudevents.make(
                cloudevents.TELEMETRY,
                twin="factory",
                device=fleet.DEVICES[number % len(fleet.DEVICES)],
                subject="thermostat",
                data={"temperature": number / 4},
                time=cloudevents_time(number),
                id=f"n{number}",
            )
            bodies.append(f"[{cloudevents.encode(event)}]")
        # Storage queues take a message a call, so several calls go at a time.
        list(pool.map(send, (bodies[first::_SENDERS] for first in range(_SENDERS))))
        sent = due
        time.sleep(_EVERY_S)
    return sent


def cloudevents_time(number: int) -> str:
    """A different moment for each event, lately."""
    from twin_runtime import times

    return times.from_epoch(time.time() - 3600 + number / 1000)


if __name__ == "__main__":
    main()
