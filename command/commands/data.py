"""`twinspan data`: the readings of a deployed twin. See docs/erase.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from command.app import Commands
from command.exits import Exit, WrongInput
from command.operating import deployed, of_device
from command.schemas import COUNT, FLAG, TEXT, TEXT_OR_NULL, TEXTS, array, by_name, document
from command.session import Session
from operations.printing import counted

_FILES = array(document(tier=TEXT, cloud=TEXT, state=TEXT, day=TEXT, rows=COUNT, size=COUNT, name=TEXT))
_RANGE: Mapping[str, Any] = {"device": TEXT, "from": TEXT, "to": TEXT}
_GRAPH = {"enum": ["none", "kept", "values replaced", "deleted"]}
_REACHED = ["complete", "archived files", "damaged files", "to be checked"]
_LETTERS = array(document(hop=TEXT, cloud=TEXT, dead_letters=COUNT))
_FOUND = document(
    rows=array(document(tier=TEXT, cloud=TEXT, rows=COUNT)),
    files=_FILES,
    graph=_GRAPH,
    rule_state=FLAG,
    unfinished=FLAG,
    dead_letters={"anyOf": [{"type": "null"}, _LETTERS]},
)
_LINE = document(
    format=COUNT,
    time=TEXT,
    id=TEXT,
    by=by_name(TEXT),
    twin=TEXT,
    **_RANGE,
    rows=by_name(COUNT),
    files=by_name(COUNT),
    graph=_GRAPH,
    rule_state={"enum": ["deleted", "kept"]},
    result={"enum": _REACHED},
)
SCHEMA: Mapping[str, Any] = {
    "delete": document(
        **_RANGE,
        found=_FOUND,
        result={"enum": ["found", "nothing", "declined", *_REACHED]},
        line={"anyOf": [{"type": "null"}, _LINE]},
        audit=TEXT_OR_NULL,
        retrieving=_FILES,
        damaged=array(document(name=TEXT, cloud=TEXT, reason=TEXT)),
        check_after=TEXT_OR_NULL,
        stays=TEXTS,
    )
}


@click.group(cls=Commands)
def command() -> None:
    """Delete the readings of a device."""


@command.command()
@click.option("--dry-run", is_flag=True, help="Show what there is, with dead letters; delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@of_device
@click.pass_obj
def delete(
    session: Session,
    dry_run: bool,
    yes: bool,
    out: Path | None,
    outputs: Path | None,
    endpoints: Path | None,
    **wanted: Any,
) -> int:
    """Delete the readings of a device for good, after showing what there is and asking.

    Exit status 3 while archived files are being retrieved, or until it can be checked that no function has
    written deleted rows again: then run the same command again, at the time that is printed.
    """
    from operations.erase.running import Deleting
    from operations.erase.tables import found_fields, print_found

    if not yes and not dry_run and not sys.stdin.isatty():
        raise WrongInput("delete asks before it deletes, and there is no terminal to ask on: add --yes.")
    run = Deleting.of(deployed(session, out, outputs, endpoints), **wanted)
    found, letters = run.look(), run.dead_letters() if dry_run else None
    print_found(found, session.say)
    for (hop, cloud), number in (letters or {}).items():
        session.say(f"dead letters of {hop} ({cloud}): {number}")
    device = run.wanted.device
    if device not in run.found.twin.devices:
        session.say(f"twin.yaml has no device {device!r}.")
    result = {
        "device": device,
        "from": run.wanted.start,
        "to": run.wanted.end,
        "found": found_fields(found, letters),
        "result": "found",
        "line": None,
        "audit": None,
        "retrieving": [],
        "damaged": [],
        "check_after": None,
        "stays": run.stays(),
    }
    if found.nothing:
        session.say("Nothing was found.")
        session.result({**result, "result": "nothing"})
        return Exit.DONE
    if dry_run:
        _print_stays(session, run.stays())
        session.result(result)
        return Exit.DONE
    if not yes and not click.confirm(f"Delete the readings of {device} for good?", err=True):
        session.say("Nothing was deleted.")
        session.result({**result, "result": "declined"})
        return Exit.DONE
    return _delete(session, run, result)


def _delete(session: Session, run: Any, result: dict[str, Any]) -> int:
    from operations.erase.tables import print_outcome, waiting
    from operations.restore.tables import fields
    from twin_runtime import times

    outcome, line, name = run.delete()
    print_outcome(outcome, session.say)
    _print_stays(session, result["stays"])
    session.say(f"Audit line{f', in {name} of each bucket of files' if name else ''}: {json.dumps(line)}")
    check_after = times.from_epoch(outcome.again) if outcome.again else None
    session.result(
        {
            **result,
            "result": line["result"],
            "line": line,
            "audit": name,
            "retrieving": [fields(file) for file in outcome.late],
            "damaged": [
                {"name": file.entry.name, "cloud": file.location.cloud, "reason": reason}
                for file, reason in outcome.damaged
            ],
            "check_after": check_after,
        }
    )
    if outcome.damaged:
        session.warn(
            f"{counted(len(outcome.damaged), 'damaged file')} may hold readings of the device: delete or "
            "replace what is named above, then run the same command again."
        )
        return Exit.FAILED
    for sentence in waiting(outcome.late):
        session.warn(sentence)
    if outcome.late:
        session.warn("The retrieval was requested. Run the same command again when it is complete.")
    if check_after:
        session.warn(
            f"Functions that were at work may write deleted rows again. Run the same command again after "
            f"{check_after}: it deletes those, and says when there are none."
        )
    return Exit.DONE if outcome.complete else Exit.NOT_YET


def _print_stays(session: Session, sentences: list[str]) -> None:
    session.say("\nWhat stays:")
    for sentence in sentences:
        session.say(f"- {sentence}")
