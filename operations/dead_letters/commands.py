"""The commands `dead-letters list` and `dead-letters resend`."""

from __future__ import annotations

import argparse
import time
from functools import cache
from pathlib import Path

from operations.access import Access
from operations.arguments import Deployed, add_common, deployed, timestamp
from operations.dead_letters import locations
from operations.dead_letters.forms import Authentic
from operations.dead_letters.letters import Selection
from operations.dead_letters.locations import Location
from operations.dead_letters.sending import Sender, Targets, batches
from operations.dead_letters.sources import Source
from operations.dead_letters.tables import Account, LetterTable
from operations.errors import OperationError, UsageError
from operations.outputs import CLOUDS
from twin_runtime import times

HELP = "List dead letters and resend them."


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the commands to the program's parser."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="list|resend")
    listing = commands.add_parser("list", help="list dead letters; changes nothing")
    listing.add_argument("--json", action="store_true", help="print a JSON object per line")
    listing.set_defaults(run=_list)
    resending = commands.add_parser("resend", help="send dead letters back to the input of their hop")
    resending.add_argument("--all", action="store_true", help="every dead letter of the hop")
    resending.add_argument(
        "--dry-run", action="store_true", help="check and report only; send and delete nothing"
    )
    resending.add_argument("--limit", type=int, metavar="N", help="at most N dead letters")
    resending.set_defaults(run=_resend)
    for command in (listing, resending):
        command.add_argument(
            "--hop", required=command is resending, help="the hop that failed, such as processing"
        )
        command.add_argument("--cloud", choices=CLOUDS, help="the hop's cloud, if two clouds have that hop")
        command.add_argument("--device", help="only dead letters of this device")
        command.add_argument(
            "--reason", metavar="TEXT", help="only dead letters whose reason contains the text"
        )
        command.add_argument(
            "--since", metavar="T", help="dead-lettered at T or later: RFC 3339, or an age such as 2h"
        )
        command.add_argument("--until", metavar="T", help="dead-lettered before T")
        add_common(command)


def _list(given: argparse.Namespace, root: Path) -> int:
    now = time.time()
    selection = _selection(given, now)
    found = deployed(given, root)
    table = LetterTable(print, now, as_json=given.json)
    for location in locations.select(locations.of_outputs(found.outputs), given.hop, given.cloud):
        with _source(location, found.access) as source:
            for batch in batches(location, source, None):
                for letter in (letter for _, letters in batch for letter in letters):
                    if selection.includes(letter):
                        table.add(letter)
    table.end()
    return 0


def _resend(given: argparse.Namespace, root: Path) -> int:
    selection = _selection(given, time.time())
    if given.all and selection != Selection():
        raise UsageError(
            "--all selects every dead letter: omit --all, or --device, --reason, --since and --until."
        )
    if not given.all and selection == Selection():
        raise UsageError("Select dead letters with --all, or with --device, --reason, --since or --until.")
    if given.limit is not None and given.limit < 1:
        raise UsageError("--limit must be 1 or more.")
    found = deployed(given, root)
    known = locations.of_outputs(found.outputs)
    selected = locations.select(known, given.hop, given.cloud)
    targets = Targets(found.access, found.twin, known)
    account = Account(print)
    sender = Sender(targets, selection, account.report, limit=given.limit, dry_run=given.dry_run)
    try:
        for location in selected:
            if sender.stopped is None and sender.taken != given.limit:
                with _source(location, found.access) as source:
                    sender.run(location, source, _authentic(found, location))
    finally:
        account.end()
    if sender.stopped is not None:
        raise OperationError(f"Stopped: {sender.stopped} The other dead letters were not changed.")
    return 1 if account.kept else 0


def _source(location: Location, access: Access) -> Source:
    return access.adapter("operations.dead_letters.sources", location)


def _authentic(found: Deployed, location: Location) -> Authentic | None:
    if not location.fleet_secret:
        return None
    from twin_gcp import devices

    secret = cache(lambda: found.access.to(location.cloud).secret(location.fleet_secret).fetch())
    return lambda sent, data, at: devices.problem(secret(), sent, data, at, found.twin.device_keys)


def _selection(given: argparse.Namespace, now: float) -> Selection:
    since, until = (
        times.to_epoch(timestamp(f"--{name}", text, now)) if text else None
        for name, text in (("since", given.since), ("until", given.until))
    )
    if since is not None and until is not None and since >= until:
        raise UsageError("--since must be before --until.")
    return Selection(given.device, given.reason, since, until)
