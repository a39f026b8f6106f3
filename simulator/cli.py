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
    Fault.DUPLICATE: "are sent twice",
    Fault.LATE: "hold readings that are an hour old",
    Fault.OUT_OF_ORDER: "are sent after the device's next one",
    Fault.MALFORMED: "are no JSON, or no reading",
    Fault.OVERSIZED: "are larger than a twin takes",
    Fault.SPOOFED: "are sent under another device's name",
}


class _Parser(argparse.ArgumentParser):
    """One sentence in place of the usage."""

    def error(self, message: str) -> NoReturn:
        raise SimulatorError(f"{message[:1].upper()}{message[1:]}; --help tells what there is.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line and Locust have in common."""
    parser.add_argument(
        "--endpoint",
        metavar="FILE",
        help="endpoint document: where the devices connect (simulator/endpoint.py)",
    )
    parser.add_argument("--twin", metavar="FILE", help="twin.yaml (default: as for main.py)")
    parser.add_argument("--devices", type=int, metavar="N", help="the first N devices (default: all)")
    parser.add_argument(
        "--rate", type=float, default=1.0, metavar="R", help="readings per second of the whole fleet (1)"
    )
    parser.add_argument("--per-message", type=int, default=1, metavar="N", help="readings per message (1)")
    parser.add_argument("--seed", type=int, help="repeat the measurements and faults of another run")
    parser.add_argument(
        "--trip", type=float, default=0.0, metavar="SHARE", help="of the readings fulfil a rule"
    )
    parser.add_argument("--flat", action="store_true", help="flat readings, without id and time")
    parser.add_argument(
        "--timeout", type=float, default=10.0, metavar="S", help="for an acknowledgement, in seconds (10)"
    )
    for fault, what in _FAULTS.items():
        parser.add_argument(
            f"--{fault.replace('_', '-')}",
            type=float,
            default=0.0,
            metavar="SHARE",
            help=f"of the messages {what}",
        )


def fleet_and_endpoint(
    given: argparse.Namespace, environment: Mapping[str, str], *, root: Path
) -> tuple[Fleet, endpoint.Endpoint]:
    """Those that the arguments name. Raises `SimulatorError`, or `ConfigErrors` for the twin.yaml."""
    if not given.endpoint:
        raise SimulatorError(
            "Give the endpoint document with --endpoint FILE: it says where devices connect."
        )
    if given.devices is not None and given.devices < 1:
        raise SimulatorError(f"--devices must be 1 or more, got {given.devices}.")
    config = load(given.twin or twin_file(environment, root=root))
    fleet = Fleet.of(config, devices=given.devices)
    where = endpoint.read(Path(given.endpoint), environment)
    fleet.check(twin=where.twin, cloud=where.cloud)
    return fleet, where


def options(given: argparse.Namespace) -> Options:
    """Raises `SimulatorError`."""
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
    """Exit status: 0 when all that should be acknowledged was, 1 when not, 2 for wrong arguments or files."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    # Microsoft's client logs each lost connection with a stack trace; the report says what it came to.
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
        description="A fleet of simulated devices that speak their broker's protocol. Ctrl-C ends it.",
    )
    add_arguments(parser)
    parser.add_argument("--count", type=int, metavar="N", help="end after N readings")
    parser.add_argument("--duration", type=float, metavar="S", help="end after S seconds")
    parser.add_argument("--no-commands", action="store_true", help="do not listen for commands")
    parser.add_argument("--record", metavar="FILE", help="write a line of JSON for each reading that is sent")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    return parser
