"""`twinspan dead-letters`: what hops could not process. See docs/dead-letters.md."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from command.app import Commands
from command.exits import Exit, WrongInput
from command.operating import deployed, of_letters
from command.schemas import COUNT, NUMBER, NUMBER_OR_NULL, TEXT, TEXT_OR_NULL, array, document
from command.session import Session
from operations.deployed import timestamp
from operations.errors import OperationError, UsageError
from operations.printing import counted
from twin_runtime import times

_IDENTITY = {"hop": TEXT, "cloud": TEXT, "device": TEXT_OR_NULL, "event_id": TEXT_OR_NULL}
SCHEMA: Mapping[str, Any] = {
    "list": document(
        dead_letters=array(
            document(
                **_IDENTITY,
                time=TEXT,
                age_s=NUMBER,
                role=TEXT_OR_NULL,
                reason=TEXT,
                detail=TEXT_OR_NULL,
                read=NUMBER_OR_NULL,
            )
        )
    ),
    "resend": document(
        dead_letters=array(
            document(
                **_IDENTITY, outcome={"enum": ["resent", "would be resent", "kept"]}, reason=TEXT_OR_NULL
            )
        ),
        stopped=TEXT_OR_NULL,
    ),
    "purge": document(deleted=array(document(hop=TEXT, cloud=TEXT, dead_letters=COUNT))),
}


@click.group(cls=Commands)
def command() -> None:
    """List, resend or delete dead letters."""


@command.command("list")
@click.option("--hop", help="The hop that failed, such as processing.")
@of_letters
@click.pass_obj
def list_(
    session: Session,
    hop: str | None,
    cloud: str | None,
    out: Path | None,
    outputs: Path | None,
    endpoints: Path | None,
    **conditions: str | None,
) -> None:
    """List dead letters with their reasons. Changes nothing."""
    from operations.dead_letters.running import letters
    from operations.dead_letters.tables import LetterTable, fields

    now = time.time()
    selection = _selection(now, **conditions)
    found = letters(deployed(session, out, outputs, endpoints), selection, hop=hop, cloud=cloud)
    if session.as_json:
        stream = session.stream("dead_letters")
        for letter in found:
            stream.add(fields(letter, now))
        stream.end()
        return
    table = LetterTable(session.say, now)
    for letter in found:
        table.add(letter)
    table.end()


@command.command()
@click.option("--hop", required=True, help="The hop that failed, such as processing.")
@click.option("--all", "whole", is_flag=True, help="Every dead letter of the hop.")
@click.option("--dry-run", is_flag=True, help="Check and report only; send and delete nothing.")
@click.option("--limit", type=int, metavar="N", help="At most N dead letters.")
@of_letters
@click.pass_obj
def resend(
    session: Session,
    hop: str,
    whole: bool,
    dry_run: bool,
    limit: int | None,
    cloud: str | None,
    out: Path | None,
    outputs: Path | None,
    endpoints: Path | None,
    **conditions: str | None,
) -> int:
    """Send dead letters back to the input of their hop.

    Exit status 1 if a dead letter was kept; the output says why.
    """
    from operations.dead_letters.running import resend
    from operations.dead_letters.tables import Account

    selection = _selection(time.time(), **conditions)
    _all_or_some("--all selects every dead letter", whole, conditions)
    if limit is not None and limit < 1:
        raise UsageError("--limit must be 1 or more.")
    found = deployed(session, out, outputs, endpoints)
    stream = session.stream("dead_letters") if session.as_json else None
    with Account(session.say, stream.add if stream else None) as account:
        stopped = resend(found, selection, account.report, hop=hop, cloud=cloud, limit=limit, dry_run=dry_run)
    if stream:
        stream.end(stopped=stopped)
    if stopped is not None:
        raise OperationError(f"Stopped: {stopped} The other dead letters were not changed.")
    return Exit.FAILED if account.kept else Exit.DONE


@command.command()
@click.option("--hop", help="The hop that failed, such as processing.")
@click.option("--all", "whole", is_flag=True, help="Every dead letter of the twin, or of --hop and --cloud.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@of_letters
@click.pass_obj
def purge(
    session: Session,
    hop: str | None,
    whole: bool,
    yes: bool,
    cloud: str | None,
    out: Path | None,
    outputs: Path | None,
    endpoints: Path | None,
    **conditions: str | None,
) -> None:
    """Delete dead letters for good, after showing how many there are and asking.

    Messages that arrive after they were counted are not deleted.
    """
    from operations.dead_letters.running import Purge

    selection = _selection(time.time(), **conditions)
    _all_or_some("--all selects every dead letter", whole, conditions)
    if not yes and not sys.stdin.isatty():
        raise WrongInput("purge asks before it deletes, and there is no terminal to ask on: add --yes.")
    run = Purge(deployed(session, out, outputs, endpoints), selection, hop, cloud)
    counts = run.count()
    for location, number in counts.items():
        session.say(f"{location.hop} ({location.cloud}): {counted(number, 'dead letter')}")
    if not counts:
        session.say("No dead letter matches the selection.")
    elif yes or click.confirm(f"Delete {counted(counts.total(), 'dead letter')} for good?", err=True):
        counts = run.delete()
        session.say(f"{counted(counts.total(), 'dead letter')} deleted.")
    else:
        counts.clear()
        session.say("Nothing was deleted.")
    session.result(
        {
            "deleted": [
                {"hop": location.hop, "cloud": location.cloud, "dead_letters": number}
                for location, number in counts.items()
            ]
        }
    )


def _selection(now: float, **conditions: str | None) -> Any:
    """Return the letters that `--device`, `--reason`, `--since` and `--until` select."""
    from operations.dead_letters.letters import Selection

    since, until = (
        times.to_epoch(timestamp(f"--{name}", text, now)) if (text := conditions[name]) else None
        for name in ("since", "until")
    )
    if since is not None and until is not None and since >= until:
        raise UsageError("--since must be before --until.")
    return Selection(conditions["device"], conditions["reason"], since, until)


def _all_or_some(meaning: str, whole: bool, conditions: Mapping[str, str | None]) -> None:
    """Refuse neither and both of `--all` and conditions."""
    some = any(conditions.values())
    if whole and some:
        raise UsageError(f"{meaning}: omit --all, or --device, --reason, --since and --until.")
    if not whole and not some:
        raise UsageError("Select dead letters with --all, or with --device, --reason, --since or --until.")
