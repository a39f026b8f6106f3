"""The commands `restore list`, `restore rows` and `restore load`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from operations.arguments import Deployed, add_common, deployed, timestamp
from operations.errors import UsageError
from operations.printing import counted
from operations.restore import restoring
from operations.restore.files import File, Range, find
from operations.restore.locations import Locations, of_outputs
from operations.restore.reading import Reader
from operations.restore.tables import print_files, waiting
from twin_runtime import times
from twin_runtime.storage import rows
from twin_runtime.storage.holds import LONGEST_DAYS
from twinspan.lifecycle import THAWED_DAYS

HELP = "Read events from the cold and archive tiers, and load them into the hot store."
RETRIEVING = 3
_LONGEST_RETRIEVAL = 30


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the commands to the program's parser."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="list|rows|load")
    listing = commands.add_parser(
        "list", help="list the files that may contain the events; retrieves nothing"
    )
    listing.add_argument("--json", action="store_true", help="print a JSON object per line")
    listing.set_defaults(run=_list)
    printing = commands.add_parser("rows", help="print the events as JSON lines, by time and id")
    printing.set_defaults(run=_rows)
    loading = commands.add_parser("load", help="write the events into the hot store for some days")
    loading.add_argument(
        "--days", type=int, required=True, metavar="N", help=f"days in the hot store, 1 to {LONGEST_DAYS}"
    )
    loading.set_defaults(run=_load)
    for command in (printing, loading):
        command.add_argument(
            "--retrieval-days",
            type=int,
            default=THAWED_DAYS,
            metavar="N",
            help="days for which S3 keeps retrieved files readable (default: %(default)s); AWS only",
        )
    for command in (listing, printing, loading):
        command.add_argument("--device", required=True, help="the events' device")
        command.add_argument("--type", help="the device's type, if twin.yaml no longer has the device")
        command.add_argument(
            "--from",
            dest="start",
            required=True,
            metavar="T",
            help="events at T or later: RFC 3339, or an age such as 90d",
        )
        command.add_argument("--to", dest="end", required=True, metavar="T", help="events before T")
        add_common(command)


@dataclass(frozen=True, slots=True)
class _Request:
    """The twin, its tiers, the range, and the files of the range."""

    found: Deployed
    locations: Locations
    wanted: Range
    files: Sequence[File]

    @classmethod
    def of(cls, given: argparse.Namespace, root: Path) -> _Request:
        found = deployed(given, root)
        locations = of_outputs(found.outputs)
        wanted = _range(given, found, time.time())
        catalogues = [
            (location, found.access.adapter("operations.restore.catalogues", location))
            for location in locations.of_files
        ]
        return cls(found, locations, wanted, find(catalogues, wanted))

    def reader(self) -> Reader:
        return Reader(self.found.access.to, self.found.twin, self.wanted)

    def waits(self, days: int, nothing: str) -> bool:
        """Request archived files; report and return True if some are not readable yet."""
        late = self.reader().retrieve(self.files, days=days)
        if not late:
            return False
        lines = waiting(late)
        clouds = {file.location.cloud for file in late}
        if "aws" in clouds:
            lines.append(f"S3 keeps retrieved files readable for {days} days (--retrieval-days).")
        if "azure" in clouds:
            lines.append(f"Azure archives rehydrated files again after {THAWED_DAYS} days.")
        lines.append(
            f"The retrieval was requested; {nothing}. Run the same command again when it is complete."
        )
        print("\n".join(lines), file=sys.stderr)
        return True


def _list(given: argparse.Namespace, root: Path) -> int:
    print_files(_Request.of(given, root).files, print, as_json=given.json)
    return 0


def _rows(given: argparse.Namespace, root: Path) -> int:
    _check_days("--retrieval-days", given.retrieval_days, _LONGEST_RETRIEVAL)
    request = _Request.of(given, root)
    if request.waits(given.retrieval_days, "nothing was printed"):
        return RETRIEVING
    for row in request.reader().rows(request.files):
        print(rows.to_json(row, request.found.twin, request.wanted.type))
    return 0


def _load(given: argparse.Namespace, root: Path) -> int:
    _check_days("--days", given.days, LONGEST_DAYS)
    _check_days("--retrieval-days", given.retrieval_days, _LONGEST_RETRIEVAL)
    request = _Request.of(given, root)
    if request.waits(given.retrieval_days, "nothing was written"):
        return RETRIEVING
    if not request.files:
        print_files(request.files, print)
        return 0
    hot = request.locations.hot
    store = request.found.access.to(hot.cloud).store(hot.address)
    loaded = restoring.load(store, request.reader().rows(request.files), request.wanted, days=given.days)
    print(
        f"{counted(loaded.rows, 'row')} of {counted(len(request.files), 'file')} loaded into the hot store "
        f"in {hot.cloud} until {times.from_epoch(loaded.until)}."
    )
    return 0


def _check_days(option: str, days: int, longest: int) -> None:
    if not 1 <= days <= longest:
        raise UsageError(f"{option} must be 1 to {longest}.")


def _range(given: argparse.Namespace, found: Deployed, now: float) -> Range:
    """Return the range that the options select; raises `UsageError`."""
    start, end = timestamp("--from", given.start, now), timestamp("--to", given.end, now)
    if start >= end:
        raise UsageError("--from must be before --to.")
    types = {device.id: device.type for device in found.config.devices}
    kind = given.type or types.get(given.device)
    if kind is None:
        raise UsageError(
            f"twin.yaml has no device {given.device!r}: correct --device, or pass its former type as --type."
        )
    return Range(given.device, kind, start, end)
