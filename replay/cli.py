"""The command line: `list` shows dead letters, `send` sends them back."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from operations.access import Access
from operations.arguments import Parser, add_common, deployed, moment
from operations.errors import OperationError, UsageError
from operations.outputs import CLOUDS
from replay import places
from replay.letters import Selection
from replay.places import Place
from replay.sending import Sender, Targets, batches
from replay.sources.opening import open_source
from replay.tables import Account, Table
from twin_runtime.errors import Retry
from twinspan.config import ConfigErrors

INTERRUPTED = 130


def main(arguments: Sequence[str], *, root: Path) -> int:
    """Run the command; returns the exit status.

    1 when a letter could not be sent back or a service failed, 2 for a mistake in the command line, twin.yaml
    or a file that is named.
    """
    try:
        given = _parser().parse_args(arguments)
        selection = _selection(given, time.time())
        return _run(given, selection, root)
    except (UsageError, ConfigErrors) as error:
        print(error, file=sys.stderr)
        return 2
    except OperationError as error:
        print(error, file=sys.stderr)
        return 1
    except Retry as error:
        print(
            f"{error.reason} What was not sent back is where it was; run the command again.", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print("Interrupted: what was not sent back is where it was.", file=sys.stderr)
        return INTERRUPTED


def _run(given: argparse.Namespace, selection: Selection, root: Path) -> int:
    found = deployed(given, root)
    known = places.of_outputs(found.outputs)
    chosen = places.chosen(known, given.hop, given.cloud)
    if given.command == "list":
        return _list(chosen, found.access, selection, as_json=given.json)
    return _send(chosen, Targets(found.access, found.twin, known), found.access, selection, given)


def _list(chosen: Sequence[Place], access: Access, selection: Selection, *, as_json: bool) -> int:
    table = Table(print, time.time(), as_json=as_json)
    for place in chosen:
        with open_source(place, access.to(place.cloud)) as source:
            for batch in batches(place, source, None):
                for letter in batch:
                    if selection.takes(letter):
                        table.add(letter)
    table.end()
    return 0


def _send(
    chosen: Sequence[Place],
    targets: Targets,
    access: Access,
    selection: Selection,
    given: argparse.Namespace,
) -> int:
    account = Account(print)
    sender = Sender(targets, selection, account.report, limit=given.limit, dry_run=given.dry_run)
    try:
        for place in chosen:
            if sender.stopped is None and sender.taken != given.limit:
                with open_source(place, access.to(place.cloud)) as source:
                    sender.run(place, source, _fleet_secret(access, place))
    finally:
        account.end()
    if sender.stopped is not None:
        raise OperationError(f"Stopped: {sender.stopped} The other letters are where they were.")
    return 1 if account.kept else 0


def _fleet_secret(access: Access, place: Place) -> Callable[[], str] | None:
    if not place.fleet_secret:
        return None
    known: list[str] = []

    def fetch() -> str:
        if not known:
            known.append(access.to(place.cloud).secret(place.fleet_secret).fetch())
        return known[0]

    return fetch


def _selection(given: argparse.Namespace, now: float) -> Selection:
    made = Selection(
        given.device, given.reason, moment("since", given.since, now), moment("until", given.until, now)
    )
    if made.since is not None and made.until is not None and made.since >= made.until:
        raise UsageError("--since must be before --until.")
    if given.command == "send":
        if given.all and made != Selection():
            raise UsageError(
                "--all takes every letter: leave it out, or --device, --reason, --since, --until."
            )
        if not given.all and made == Selection():
            raise UsageError("Say which letters: --all, or --device, --reason, --since, --until.")
        if given.limit is not None and given.limit < 1:
            raise UsageError("--limit must be 1 or more.")
    return made


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m replay", description="Lists dead letters and sends them back.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="list|send")
    listing = commands.add_parser("list", help="show dead letters; takes nothing away")
    listing.add_argument("--json", action="store_true", help="a JSON object per line")
    sending = commands.add_parser("send", help="send dead letters back to where they were refused")
    sending.add_argument("--all", action="store_true", help="every letter of the hop")
    sending.add_argument("--dry-run", action="store_true", help="check and tell, but send and delete nothing")
    sending.add_argument("--limit", type=int, metavar="N", help="at most N letters")
    for command in (listing, sending):
        command.add_argument("--hop", required=command is sending, help="such as processing")
        command.add_argument("--cloud", choices=CLOUDS, help="where a hop of that name is in two clouds")
        command.add_argument("--device", help="letters of one device")
        command.add_argument("--reason", metavar="TEXT", help="letters whose reason holds the text")
        command.add_argument("--since", metavar="T", help="refused at T or later: RFC 3339, or an age, 2h")
        command.add_argument("--until", metavar="T", help="refused before T")
        add_common(command)
    return parser
