"""The command line."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from simulator import endpoint
from simulator.errors import SimulatorError
from simulator.faults import Fault
from simulator.fleet import Fleet
from simulator.options import Options
from simulator.run import Run
from twinspan.config import ConfigErrors, load
from twinspan.twinfile import twin_file

_FAULTS = {
    Fault.DUPLICATE: "sent twice",
    Fault.LATE: "with readings one hour old",
    Fault.OUT_OF_ORDER: "sent after the device's next message",
    Fault.MALFORMED: "that are not JSON or not a reading",
    Fault.OVERSIZED: "above the size limit",
    Fault.SPOOFED: "sent under another device's name",
}


class _Parser(argparse.ArgumentParser):
    """Reports errors in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise SimulatorError(f"{message[:1].upper()}{message[1:]}; see --help.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that the command line and Locust share."""
    parser.add_argument(
        "--endpoint",
        metavar="FILE",
        help="endpoint document: where devices connect (see docs/devices.md)",
    )
    parser.add_argument(
        "--twin", metavar="FILE", help="twin.yaml (default: TWIN, else ./twin.yaml, else the example)"
    )
    parser.add_argument("--devices", type=int, metavar="N", help="the first N devices (default: all)")
    parser.add_argument(
        "--rate",
        type=float,
        default=1.0,
        metavar="R",
        help="readings per second of the whole fleet (default: 1)",
    )
    parser.add_argument(
        "--per-message", type=int, default=1, metavar="N", help="readings per message (default: 1)"
    )
    parser.add_argument(
        "--seed", type=int, help="seed of the random measurements and faults, to repeat a run"
    )
    parser.add_argument(
        "--trip",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="fraction (0–1) of readings that trigger a rule",
    )
    parser.add_argument("--flat", action="store_true", help="send flat readings, without id and time")
    parser.add_argument(
        "--timeout",
        type=float,
        default=10.0,
        metavar="S",
        help="seconds to wait for an acknowledgement (default: 10)",
    )
    for fault, what in _FAULTS.items():
        parser.add_argument(
            f"--{fault.replace('_', '-')}",
            type=float,
            default=0.0,
            metavar="SHARE",
            help=f"fraction (0–1) of messages {what}",
        )


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


def main(arguments: Sequence[str], environment: Mapping[str, str], *, root: Path) -> int:
    """Run a fleet. Exit status: 0 if all expected messages were acknowledged, 1 if not, 2 for wrong input."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    # Microsoft's client logs each lost connection with a stack trace; the report counts them.
    logging.getLogger("azure.iot.device").setLevel(logging.CRITICAL)
    try:
        given = _parser().parse_args(arguments)
        fleet, where = fleet_and_endpoint(given, environment, root=root)
        record = Path(given.record) if given.record else None
        run = Run(fleet, where, options(given), record=record)
    except (SimulatorError, ConfigErrors) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        report = run.go()
    except SimulatorError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(report.document()) if given.json else report.text())
    return 0 if report.good else 1


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m simulator",
        description="Simulates a fleet of devices over their broker's protocol. Stop it with Ctrl-C.",
    )
    add_arguments(parser)
    parser.add_argument("--count", type=int, metavar="N", help="stop after N readings")
    parser.add_argument("--duration", type=float, metavar="S", help="stop after S seconds")
    parser.add_argument("--no-commands", action="store_true", help="do not receive commands")
    parser.add_argument("--record", metavar="FILE", help="write a JSON object per line for each sent reading")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser
