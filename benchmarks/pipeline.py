"""Readings through dispatcher, processor and persister on one machine, with queues and a store in memory.

The roles are the product's, assembled as in a function; the processor runs the example's code. What platforms
and services add is not in it: neither their calls nor the time that a message waits. CPU is that of the whole
process tree.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.hops import sample
from benchmarks.results import Result, Table
from support.memory import MemoryCloud
from twin_runtime import functions, settings, times
from twin_runtime.context import Context
from twin_runtime.ports import BrokerMessage
from twin_runtime.roles import Role

TABLES = (
    Table(
        "From a reading to its row",
        "Dispatcher, processor with the example's code and persister in one process, with queues and a store "
        "in memory. Throughput is for messages of 100 readings, per second of CPU of the process and its "
        "children. The time of one reading does not include the platforms. Runs differ by up to 30%.",
        rows="readings in a message",
    ),
)
_BATCH = 100
_MESSAGES = 500
_SINGLES = 500
_RECEIVED = 1_709_208_000
"""Unix time of the first reading; each of the others is a second later."""


def results(*, quick: bool) -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder:
        pipeline = Pipeline(Path(folder))
        pipeline.run(pipeline.message(1))  # the first call loads what is loaded late
        messages = [pipeline.message(_BATCH) for _ in range(20 if quick else _MESSAGES)]
        began = _cpu_s()
        for message in messages:
            pipeline.run(message)
        each = len(messages) * _BATCH / (_cpu_s() - began)
        yield Result(TABLES[0].title, str(_BATCH), "throughput", each, "events/s of CPU")
        singles = [pipeline.message(1) for _ in range(20 if quick else _SINGLES)]
        parts = statistics.quantiles([_wall_ms(pipeline.run, message) for message in singles], n=20)
        yield Result(TABLES[0].title, "1", "median", parts[9], "ms")
        yield Result(TABLES[0].title, "1", "95th percentile", parts[18], "ms")
        pipeline.check()


class Pipeline:
    """The three roles, and what passes between them. `folder` is scratch."""

    def __init__(self, folder: Path) -> None:
        self._cloud = MemoryCloud()
        self._root = sample.package(folder / "package", processor=True)
        self._null = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process
        self._dispatcher = self._role("dispatcher", PROCESSING_QUEUE="processing")
        self._processor = self._role("processor", PERSISTING_QUEUE="persisting")
        self._persister = self._role("persister", STORE="hot", EVENTS_QUEUE="")
        self._made = 0

    def message(self, count: int) -> BrokerMessage:
        """A message with the next `count` readings, as a device sends it."""
        made = sample.readings(count)
        for reading in made:
            reading["time"] = times.from_epoch(_RECEIVED + self._made)
            reading["id"] = str(self._made)
            self._made += 1
        received = times.from_epoch(_RECEIVED + self._made)
        return BrokerMessage(sample.DEVICE, json.dumps(made).encode(), received)

    def run(self, message: BrokerMessage) -> None:
        """Bring a message into the store. Raises RuntimeError if a role does not do its part."""
        self._dispatcher.handle([message])
        for role, queue in ((self._processor, "processing"), (self._persister, "persisting")):
            if role.handle(self._cloud.queue(queue).take()):
                raise RuntimeError(f"{type(role).__name__} did not do its batch.")

    def check(self) -> None:
        """Raise RuntimeError unless each reading has a row."""
        stored = len(self._cloud.store("hot").of_devices)
        if stored != self._made:
            raise RuntimeError(f"{self._made} readings were sent, {stored} rows are stored.")

    def _role(self, role: str, **own: str) -> Any:
        names = settings.expected(Role(role), self._cloud.name, remote=False)
        environ = {name: own.get(name, "dead") for name in names} | {"TWIN_ROLE": role}
        return functions.assemble(
            Context(Role(role), self._cloud, environ=environ, root=self._root, sink=self._write)
        )

    def _write(self, _level: str, line: str) -> None:
        self._null.write(line + "\n")


def _cpu_s() -> float:
    return sum(seconds for seconds, _ in measure.usage(os.getpid()).values())


def _wall_ms(run: Callable[[BrokerMessage], None], message: BrokerMessage) -> float:
    began = time.perf_counter()
    run(message)
    return (time.perf_counter() - began) * 1e3
