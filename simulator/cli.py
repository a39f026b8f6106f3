"""The options that `twinspan simulate` and Locust share, and what they select."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator import endpoint
from simulator.errors import SimulatorError
from simulator.faults import Fault
from simulator.fleet import Fleet
from simulator.options import Options
from twinspan.config import load
from twinspan.twinfile import twin_file

_FAULTS = {
    Fault.DUPLICATE: "sent twice",
    Fault.LATE: "with readings one hour old",
    Fault.WRONG_CLOCK: "with a clock that is decades off",
    Fault.OUT_OF_ORDER: "sent after the device's next message",
    Fault.MALFORMED: "that are not JSON or not a reading",
    Fault.OVERSIZED: "above the size limit",
    Fault.SPOOFED: "sent under another device's name",
}
_SHARE = {"type": float, "default": 0.0, "metavar": "SHARE"}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "--endpoint": {
        "metavar": "FILE",
        "help": "endpoint document: where devices connect (see docs/devices.md)",
    },
    "--devices": {"type": int, "metavar": "N", "help": "the first N devices (default: all)"},
    "--rate": {
        "type": float,
        "default": 1.0,
        "metavar": "R",
        "help": "readings per second of the whole fleet (default: 1)",
    },
    "--per-message": {"type": int, "default": 1, "metavar": "N", "help": "readings per message (default: 1)"},
    "--seed": {"type": int, "help": "seed of the random measurements and faults, to repeat a run"},
    "--trip": {**_SHARE, "help": "fraction (0–1) of readings that trigger a rule"},
    "--flat": {"action": "store_true", "help": "send flat readings, without id and time"},
    "--timeout": {
        "type": float,
        "default": 10.0,
        "metavar": "S",
        "help": "seconds to wait for an acknowledgement (default: 10)",
    },
    **{
        f"--{fault.replace('_', '-')}": {**_SHARE, "help": f"fraction (0–1) of messages {what}"}
        for fault, what in _FAULTS.items()
    },
}
"""Each option, as argparse takes it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to Locust's."""
    parser.add_argument(
        "--twin", metavar="FILE", help="twin.yaml (default: TWIN, else ./twin.yaml, else the example)"
    )
    for name, fields in OPTIONS.items():
        parser.add_argument(name, **fields)


def fleet_and_endpoint(
    given: argparse.Namespace, environment: Mapping[str, str], *, root: Path
) -> tuple[Fleet, endpoint.Endpoint]:
    """Return the fleet and the endpoint of the arguments. Raises `SimulatorError` or `ConfigErrors`."""
    if not given.endpoint:
        raise SimulatorError(
            "Give the endpoint document with --endpoint FILE: where devices connect (see docs/devices.md)."
        )
    if given.devices is not None and given.devices < 1:
        raise SimulatorError(f"--devices must be 1 or more, got {given.devices}.")
    config = load(given.twin or twin_file(environment, root=root))
    fleet = Fleet.of(config, devices=given.devices)
    where = endpoint.read(Path(given.endpoint), environment)
    fleet.check(twin=where.twin, cloud=where.cloud)
    return fleet, where


def options(given: argparse.Namespace) -> Options:
    """Return the options of a run. Raises `SimulatorError`."""
    optional = {name: getattr(given, name, None) for name in ("seed", "count", "duration")}
    return Options(
        rate=given.rate,
        per_message=given.per_message,
        trip=given.trip,
        flat=given.flat,
        timeout=given.timeout,
        commands=not getattr(given, "no_commands", False),
        shares={fault: share for fault in Fault if (share := getattr(given, fault))},
        **{name: value for name, value in optional.items() if value is not None},
    )
