"""The command line: `list` shows files, `rows` prints their events, `hot` puts them back."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from operations.arguments import Deployed, Parser, add_common, deployed, fixed
from operations.errors import OperationError, UsageError
from restore.bringing import Bringer
from restore.catalogues.opening import open_catalogue
from restore.files import File, Range, find
from restore.places import Places, of_outputs
from restore.reading import Reader
from restore.tables import count, print_files, waiting
from twin_runtime import times
from twin_runtime.errors import Refused, Retry
from twin_runtime.storage import rows
from twin_runtime.storage.holds import LONGEST_DAYS
from twinspan.config import ConfigErrors

THAWING = 3
INTERRUPTED = 130
THAWED_DAYS = 7
_LONGEST_THAW = 30


def main(arguments: Sequence[str], *, root: Path) -> int:
    """Run the command; returns the exit status.

    1 when a service failed or a file is damaged, 2 for a mistake in the command line, twin.yaml or a file
    that is named, 3 when files are being thawed: nothing was printed or written, and the same command is
    to be run again.
    """
    try:
        given = _parser().parse_args(arguments)
        return _run(given, root)
    except (UsageError, ConfigErrors) as error:
        print(error, file=sys.stderr)
        return 2
    except OperationError as error:
        print(error, file=sys.stderr)
        return 1
    except (Retry, Refused) as error:
        print(f"{error.reason} Run the command again.", file=sys.stderr)
        return 1
    except BrokenPipeError:  # who reads the output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("Interrupted: run the command again.", file=sys.stderr)
        return INTERRUPTED


@dataclass(frozen=True, slots=True)
class _Work:
    """What every command begins with: the files that hold the range."""

    found: Deployed
    places: Places
    wanted: Range
    files: Sequence[File]

    def reader(self) -> Reader:
        clouds = {file.place.cloud for file in self.files}
        return Reader({cloud: self.found.access.to(cloud) for cloud in clouds}, self.found.twin, self.wanted)


def _run(given: argparse.Namespace, root: Path) -> int:
    _check(given)
    found = deployed(given, root)
    places = of_outputs(found.outputs)
    wanted = _range(given, found, time.time())
    catalogues = [(place, open_catalogue(place, found.access.to(place.cloud))) for place in places.of_files]
    work = _Work(found, places, wanted, find(catalogues, wanted))
    if given.command == "list":
        print_files(work.files, print, as_json=given.json)
        return 0
    if late := work.reader().thaw(work.files, days=given.thawed_days):
        return _later(late, given)
    return _rows(work) if given.command == "rows" else _hot(work, given)


def _later(late: Sequence[File], given: argparse.Namespace) -> int:
    for line in waiting(late):
        print(line, file=sys.stderr)
    print(
        f"Asked for, for {given.thawed_days} days: run the same command again then. "
        f"Nothing was {'printed' if given.command == 'rows' else 'written'}.",
        file=sys.stderr,
    )
    return THAWING


def _rows(work: _Work) -> int:
    twin, kind = work.found.twin, work.wanted.type
    for row in work.reader().rows(work.files):
        print(rows.to_json(row, twin, kind))
    return 0


def _hot(work: _Work, given: argparse.Namespace) -> int:
    if not work.files:
        print_files(work.files, print)
        return 0
    hot = work.places.hot
    store = work.found.access.to(hot.cloud).store(hot.address)
    brought = Bringer(store, work.wanted).bring(work.reader().rows(work.files), days=given.days)
    print(
        f"{brought.rows:,} rows of {count(work.files)} are in the hot store in {hot.cloud} until "
        f"{times.from_epoch(brought.until)}."
    )
    return 0


def _check(given: argparse.Namespace) -> None:
    """What argparse does not; raises `UsageError`."""
    if given.command == "hot" and not 1 <= given.days <= LONGEST_DAYS:
        raise UsageError(
            f"--days must be 1 to {LONGEST_DAYS}: later ones are had by running the command again."
        )
    if given.command != "list" and not 1 <= given.thawed_days <= _LONGEST_THAW:
        raise UsageError(f"--thawed-days must be 1 to {_LONGEST_THAW}.")


def _range(given: argparse.Namespace, found: Deployed, now: float) -> Range:
    """Raises `UsageError`."""
    start, end = fixed("from", given.start, now), fixed("to", given.end, now)
    if start >= end:
        raise UsageError("--from must be before --to.")
    types = {device.id: device.type for device in found.config.devices}
    kind = given.type or types.get(given.device)
    if kind is None:
        raise UsageError(
            f"{given.device} is no device of twin.yaml: correct --device, or say by --type what it was."
        )
    return Range(given.device, kind, start, end)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m restore", description="Brings events back from the cold and archive tiers."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="list|rows|hot")
    listing = commands.add_parser("list", help="show the files that hold the events; thaws nothing")
    listing.add_argument("--json", action="store_true", help="a JSON object per line")
    printing = commands.add_parser("rows", help="print the events, one in a line of JSON, by time and id")
    hot = commands.add_parser("hot", help="put the events back into the hot store for some days")
    hot.add_argument("--days", type=int, required=True, metavar="N", help=f"1 to {LONGEST_DAYS}")
    for command in (printing, hot):
        command.add_argument(
            "--thawed-days",
            type=int,
            default=THAWED_DAYS,
            metavar="N",
            help=f"how long S3 keeps thawed files readable: {THAWED_DAYS} unless it is said",
        )
    for command in (listing, printing, hot):
        command.add_argument("--device", required=True, help="whose events")
        command.add_argument("--type", help="the device's type, where twin.yaml has it no more")
        command.add_argument(
            "--from",
            dest="start",
            required=True,
            metavar="T",
            help="events of T or later: RFC 3339, or an age, 90d",
        )
        command.add_argument("--to", dest="end", required=True, metavar="T", help="events before T")
        add_common(command)
    return parser
