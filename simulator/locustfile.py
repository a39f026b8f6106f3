"""The fleet as Locust users, so that Locust's workers spread it over processes and machines.

    locust -f simulator/locustfile.py --headless -u 3 -r 3 -t 60s --endpoint endpoint.json --rate 30
    … --processes 4, or --master --expect-workers 4 and four times --worker

A user is a device: `-u` should be the number of devices. `--rate` is of the whole fleet; each device sends
its part of it. A worker's users take their devices from the worker's share of the fleet (every n-th, by the
worker's index), so that no device is connected twice. Users beyond that share stop at once and say so.

Locust patches the standard library for gevent before it loads this file. The sockets, locks and threads of
paho, of Microsoft's client and of the one for Pub/Sub are the standard library's, so that one user's wait
lets the others run.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from locust import User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import WorkerRunner

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "constructs"), str(ROOT / "function_src")]

from simulator import cli, clients  # noqa: E402
from simulator.endpoint import Endpoint  # noqa: E402
from simulator.errors import NotAcknowledged, NotConnected, SimulatorError  # noqa: E402
from simulator.fleet import Device, Fleet  # noqa: E402
from simulator.options import Options  # noqa: E402
from simulator.run import Traffic, check, deliver  # noqa: E402
from twinspan.config import ConfigErrors  # noqa: E402

_log = logging.getLogger(__name__)


class Share:
    """This worker's part of the fleet: hands each device out once at a time."""

    def __init__(self, environment: Environment) -> None:
        given = environment.parsed_options
        if given is None:
            raise SimulatorError("Locust handed over no arguments: start it from its command line.")
        self.fleet: Fleet
        self.endpoint: Endpoint
        self.fleet, self.endpoint = cli.fleet_and_endpoint(given, os.environ, root=ROOT)
        self.options: Options = cli.options(given)
        check(self.fleet, self.options)
        self._free = list(_part(self.fleet, environment).devices)

    @property
    def interval(self) -> float:
        """Seconds between two messages of one device."""
        return len(self.fleet.devices) * self.options.per_message / self.options.rate

    def take(self) -> Device | None:
        return self._free.pop(0) if self._free else None

    def give_back(self, device: Device) -> None:
        self._free.append(device)


def _part(fleet: Fleet, environment: Environment) -> Fleet:
    runner = environment.runner
    if not isinstance(runner, WorkerRunner):
        return fleet
    total = getattr(environment.parsed_options, "expect_workers", 1)
    if not 0 <= runner.worker_index < total:
        raise SimulatorError(
            f"This worker has the index {runner.worker_index} and the master expects {total}: "
            "start the master with --expect-workers and the number of all workers."
        )
    return fleet.share(runner.worker_index, total)


@events.init_command_line_parser.add_listener
def _arguments(parser: LocustArgumentParser) -> None:
    cli.add_arguments(parser)


@events.test_start.add_listener
def _start(environment: Environment, **_: Any) -> None:
    # Again for each test: a worker learns its index, and the master's arguments, only now.
    DeviceUser.share = None
    try:
        DeviceUser.share = Share(environment)
    except (SimulatorError, ConfigErrors) as error:
        _log.error("%s", error)
        environment.process_exit_code = 2
        if environment.runner is not None:
            environment.runner.quit()


class DeviceUser(User):
    """One device, for as long as Locust runs the user."""

    share: ClassVar[Share | None] = None

    def wait_time(self) -> float:
        """Until the next message is due; none when that is past."""
        self._due += self._interval
        return max(0.0, self._due - time.monotonic())

    def on_start(self) -> None:
        share = self.share
        self._device = share.take() if share else None
        if share is None or self._device is None:
            _log.warning("There is no device left for this user: ask for as many users as devices.")
            raise StopUser
        try:
            self._client = clients.connect(share.endpoint, self._device.id, timeout=share.options.timeout)
        except NotConnected as error:
            _log.error("%s", error)
            raise StopUser from None
        self._traffic = Traffic(self._device, share.options, share.fleet)
        self._readings, self._interval = share.options.per_message, share.interval
        self._due = time.monotonic()

    def on_stop(self) -> None:
        if hasattr(self, "_client"):
            self._client.close()
        if self.share is not None and self._device is not None:
            self.share.give_back(self._device)

    @task
    def report(self) -> None:
        """One message, or what a fault makes of it. What a broker should refuse is under the fault's name."""
        for message in self._traffic.messages(self._readings):
            before, failure = time.perf_counter(), None
            try:
                deliver(self._client, message)
            except NotAcknowledged as error:
                failure = error
            self.environment.events.request.fire(
                request_type="publish",
                name=message.fault or "telemetry",
                response_time=(time.perf_counter() - before) * 1000,
                response_length=len(message.body),
                exception=failure,
                context={"device": message.device},
            )
