"""A run: every device of a fleet at its broker, a thread each, at a steady rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from simulator import clients
from simulator.clients import Client
from simulator.conditions import tripping
from simulator.endpoint import Endpoint
from simulator.errors import NotAcknowledged, NotConnected, SimulatorError
from simulator.faults import Fault, Injector, Message
from simulator.fleet import Device, Fleet
from simulator.options import Options
from simulator.pace import Pace
from simulator.payloads import Source
from simulator.record import Record
from simulator.report import Report, Tally

OnCommand = Callable[[str, Mapping[str, Any]], None]
Connected = list[tuple[Device, Client]]
_CONNECTING = 16
"""How many devices connect at a time."""


class Traffic:
    """What one device sends: its readings, in messages, with faults."""

    def __init__(self, device: Device, options: Options, fleet: Fleet) -> None:
        self._source = Source(
            device, seed=options.seed, run=options.run, trip=options.trip, flat=options.flat
        )
        names = [other.id for other in fleet.devices]
        self._injector = Injector(device.id, seed=options.seed, shares=options.shares, others=names)

    def messages(self, readings: int) -> Iterator[Message]:
        """The messages to send now, for as many new readings."""
        return self._injector.messages([self._source.next() for _ in range(readings)])

    def rest(self) -> Iterator[Message]:
        """What is left at the end."""
        return self._injector.rest()


class _Sending:
    """A thread that can be waited for again after Ctrl-C. `Thread.join` cannot: once interrupted, it takes a
    thread that still runs for one that has ended (CPython 3.11).
    """

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._ended.set()

    def start(self, work: Callable[[], None]) -> None:
        self._ended.clear()

        def run() -> None:
            try:
                work()
            finally:
                self._ended.set()

        thread = threading.Thread(target=run, daemon=True)
        try:
            thread.start()
        except BaseException:
            if thread.ident is None:  # it will not run
                self._ended.set()
            raise

    def wait(self) -> None:
        self._ended.wait()


class Run:
    """One run. `on_command(device, command)` hears every command, repetitions too."""

    def __init__(
        self,
        fleet: Fleet,
        endpoint: Endpoint,
        options: Options,
        *,
        record: Path | None = None,
        on_command: OnCommand | None = None,
    ) -> None:
        fleet.check(twin=endpoint.twin, cloud=endpoint.cloud)
        check(fleet, options)
        self._fleet, self._endpoint, self._options = fleet, endpoint, options
        self._record_path = record
        self._on_command = on_command
        self._tally = Tally()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the run soon: what is on its way is waited for."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether it was ended before its end, by `stop` or Ctrl-C."""
        return self._stopped.is_set()

    def go(self) -> Report:
        """Connect, send until the end, disconnect. Ctrl-C ends it too, with its report.

        Raises `SimulatorError` when no device is let in.
        """
        connected: Connected = []
        elapsed = 0.0
        with Record(self._record_path) as record:
            try:
                connected = self._connected()
                elapsed = self._send(connected, record)
            except KeyboardInterrupt:
                self.stop()
            finally:
                with ThreadPoolExecutor(_CONNECTING) as pool:
                    list(pool.map(lambda pair: pair[1].close(), connected))
        return self._tally.report(elapsed=elapsed, seed=self._options.seed)

    def _connected(self) -> Connected:
        with ThreadPoolExecutor(_CONNECTING) as pool:
            clients_ = list(pool.map(self._connect, self._fleet.devices))
        pairs = zip(self._fleet.devices, clients_, strict=True)
        connected = [(device, client) for device, client in pairs if client is not None]
        if not connected:
            reason = next(iter(self._tally.unconnected.values()))
            raise NotConnected(f"The broker let no device in: {reason}")
        return connected

    def _connect(self, device: Device) -> Client | None:
        try:
            client = clients.connect(self._endpoint, device.id, key=device.key, timeout=self._options.timeout)
            if self._options.commands:
                client.on_command(partial(self._command, device.id))
        except NotConnected as error:
            self._tally.unconnected[device.id] = str(error)
            return None
        return client

    def _command(self, device: str, command: Mapping[str, Any]) -> None:
        self._tally.command(device, str(command.get("id")))
        if self._on_command:
            self._on_command(device, command)

    def _send(self, connected: Connected, record: Record) -> float:
        options = self._options
        pace = Pace(options.per_message / options.rate, duration=options.duration, wait=self._stopped.wait)
        runs = [_Sending() for _ in connected]
        try:
            for first, ((device, client), sending) in enumerate(zip(connected, runs, strict=True)):
                sending.start(partial(self._device, device, client, pace, first, len(connected), record))
            for sending in runs:
                sending.wait()
        except KeyboardInterrupt:
            self.stop()
            for sending in runs:
                sending.wait()
        return pace.elapsed

    def _device(
        self, device: Device, client: Client, pace: Pace, first: int, step: int, record: Record
    ) -> None:
        """Every `step`-th message of the fleet, from `first` on."""
        traffic = Traffic(device, self._options, self._fleet)
        number = first
        while (readings := self._readings(number)) and pace.due(number):
            for message in traffic.messages(readings):
                self._deliver(client, message, record)
            number += step
        for message in traffic.rest():
            self._deliver(client, message, record)

    def _readings(self, number: int) -> int:
        """How many readings the fleet's message `number` holds."""
        size, count = self._options.per_message, self._options.count
        return size if count is None else min(size, max(0, count - number * size))

    def _deliver(self, client: Client, message: Message, record: Record) -> None:
        sent, before, reason = datetime.now(UTC), time.perf_counter(), None
        try:
            deliver(client, message)
        except NotAcknowledged as error:
            reason = str(error)
        self._tally.message(message, time.perf_counter() - before, reason)
        record.message(message, sent, acknowledged=reason is None)


def check(fleet: Fleet, options: Options) -> None:
    """That the fleet can do what the options ask for. Raises `SimulatorError`."""
    if options.shares.get(Fault.SPOOFED) and len(fleet.devices) < 2:
        raise SimulatorError(
            "spoofed needs a second device whose name can be taken: use two devices or more."
        )
    if options.trip and not any(tripping(device) for device in fleet.devices):
        raise SimulatorError(
            "trip needs a rule on one of the devices: add one under events.rules, or leave it out."
        )


def deliver(client: Client, message: Message) -> None:
    """Send a message under the name that it claims. Raises `NotAcknowledged`."""
    if message.device == message.sender:
        client.send(message.body)
    else:
        client.send_as(message.device, message.body)
