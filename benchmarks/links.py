"""Requests between clouds per 1,000 events, at a steady 500 events a second on a remote link.

The twin runs on this machine (see local_cloud). Events enter the connector's queue one to a message, which
is the worst that a dispatcher makes of it, and a proxy counts what goes to the receiver.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import Result, Table
from twin_runtime.roles import CLOUD_NAMES, Cloud

TARGET = 40
"""Requests per 1,000 events, at most."""
TABLES = (
    Table(
        "Requests between clouds",
        "HTTPS requests that the connector makes for events that arrive one per message, compared with one "
        "request per event. At a higher rate, more events share a request. A slow machine does not reach "
        "the intended 500 events a second, so compare rows of a similar rate. Runs differ by up to 20%.",
        rows="sender",
    ),
)
_EVERY_S = 0.1
_PATIENCE_S = 120
_SENDERS = 8


@dataclass(frozen=True, slots=True)
class Load:
    """Requests on the link, events sent, and how many of them a second."""

    requests: int
    events: int
    rate: float


def results(*, quick: bool) -> Iterator[Result]:
    # The Cosmos DB client checks no certificate on loopback, and says so at each call.
    warnings.filterwarnings("ignore", "Unverified HTTPS request")
    for cloud in Cloud:
        load = measure(cloud, 100, 1) if quick else measure(cloud, 500, 20)
        row, share = CLOUD_NAMES[cloud], load.requests / load.events
        yield Result(
            TABLES[0].title, row, "requests", share * 1_000, "of 1,000 events", share, "one each event"
        )
        yield Result(TABLES[0].title, row, "rate", load.rate, "events/s")


def measure(cloud: Cloud, rate: int, seconds: int) -> Load:
    """`rate` events a second are meant. Raises when one was not stored, or when none crossed the link."""
    from end_to_end import fleet
    from local_cloud.cloud import Options
    from local_cloud.operator import Operator
    from support.layouts import Layout, config_of
    from support.local import local_twin
    from support.proxy import Proxy

    other = Cloud.AZURE if cloud is Cloud.GCP else Cloud.GCP
    layout = Layout(cloud, other, other)
    proxies: dict[str, Proxy] = {}
    with tempfile.TemporaryDirectory() as folder:

        def between(link: str, url: str) -> str:
            proxies[link] = Proxy(url, trust=Path(folder) / "certificates" / "ca.pem")
            return proxies[link].url

        options = Options(hasten=60, between=between)
        with local_twin(config_of(fleet.twin(layout)), Path(folder), options=options) as twin:
            twin_file = Path(folder) / "twin.yaml"
            twin_file.write_text(json.dumps(fleet.twin(layout)))
            operator = Operator.of(twin, twin_file, Path(folder))
            os.environ.update(operator.environment)
            queue = connector_queue(cloud, operator)
            began = time.monotonic()
            count = steadily(queue.send, rate, seconds)
            took = time.monotonic() - began
            until = time.monotonic() + _PATIENCE_S
            while len(twin.rows()) < count and time.monotonic() < until:
                time.sleep(0.2)
            stored, requests = len(twin.rows()), proxies["telemetry"].counts["requests"]
    if stored != count or not requests:
        raise RuntimeError(f"Of {count} events from {cloud}, {stored} were stored, by {requests} requests.")
    return Load(requests, count, count / took)


def connector_queue(cloud: Cloud, operator: Any) -> Any:
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
