"""`twinspan restore`: events that have left the hot store. See docs/restore.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from command.app import Commands
from command.exits import Exit
from command.operating import deployed, of_range
from command.schemas import COUNT, TEXT, TEXT_OR_NULL, TEXTS, array, document
from command.session import Session
from operations.printing import counted
from operations.restore.files import File
from operations.restore.requests import (
    LONGEST_DAYS,
    LONGEST_RETRIEVAL,
    THAWED_DAYS,
    Request,
    check_days,
    sentences,
)
from operations.restore.tables import fields, print_files
from twin_runtime import times
from twin_runtime.storage import rows as stored

_FILES = array(document(tier=TEXT, cloud=TEXT, state=TEXT, day=TEXT, rows=COUNT, size=COUNT, name=TEXT))
SCHEMA: Mapping[str, Any] = {
    "list": document(files=_FILES),
    "rows": document(events=array({"type": "object"}), retrieving=_FILES),
    "load": document(
        rows=COUNT, files=COUNT, cloud=TEXT_OR_NULL, until=TEXT_OR_NULL, retrieving=_FILES, left_out=TEXTS
    ),
}
_retrieval = click.option(
    "--retrieval-days",
    type=int,
    default=THAWED_DAYS,
    metavar="N",
    show_default=True,
    help="Days for which S3 keeps retrieved files readable; AWS only.",
)


@click.group(cls=Commands)
def command() -> None:
    """Read events from the cold and archive tiers, and load them into the hot store."""


@command.command("list")
@of_range
@click.pass_obj
def list_(session: Session, **given: Any) -> None:
    """List the files that may contain the events. Retrieves nothing."""
    files = _request(session, **given).files
    if session.as_json:
        session.result({"files": [fields(file) for file in files]})
    else:
        print_files(files, session.say)


@command.command()
@_retrieval
@of_range
@click.pass_obj
def rows(session: Session, retrieval_days: int, **given: Any) -> int:
    """Print the events as JSON lines, by time and id; with --json, as one document.

    Exit status 3 while archived files are being retrieved: nothing was printed then.
    """
    check_days("--retrieval-days", retrieval_days, LONGEST_RETRIEVAL)
    request = _request(session, **given)
    if late := request.late(retrieval_days):
        session.result({"events": [], "retrieving": [fields(file) for file in late]})
        return _wait(session, late, retrieval_days, "nothing was printed")
    found = (stored.to_json(row, request.found.twin, request.wanted.type) for row in request.rows())
    if session.as_json:
        stream = session.stream("events")
        for line in found:
            stream.line(line)
        stream.end(retrieving=[])
        return Exit.DONE
    for line in found:
        print(line, file=session.stdout)
    return Exit.DONE


@command.command()
@click.option(
    "--days", type=int, required=True, metavar="N", help=f"Days in the hot store, 1 to {LONGEST_DAYS}."
)
@_retrieval
@of_range
@click.pass_obj
def load(session: Session, days: int, retrieval_days: int, **given: Any) -> int:
    """Write the events into the hot store for some days.

    Exit status 3 while archived files are being retrieved: nothing was written then.
    """
    check_days("--days", days, LONGEST_DAYS)
    check_days("--retrieval-days", retrieval_days, LONGEST_RETRIEVAL)
    request = _request(session, **given)
    nothing = {"rows": 0, "files": 0, "cloud": None, "until": None, "left_out": []}
    if late := request.late(retrieval_days):
        session.result({**nothing, "retrieving": [fields(file) for file in late]})
        return _wait(session, late, retrieval_days, "nothing was written")
    if not request.files:
        print_files(request.files, session.say)
        session.result({**nothing, "retrieving": []})
        return Exit.DONE
    loaded = request.load(days)
    files, cloud, until = len(request.files), request.locations.hot.cloud, times.from_epoch(loaded.until)
    session.say(
        f"{counted(loaded.rows, 'row')} of {counted(files, 'file')} loaded into the hot store "
        f"in {cloud} until {until}."
    )
    for key in loaded.left_out:
        session.warn(
            f"Left out: another row of {key} has other data and is loaded. `restore rows` prints both."
        )
    done = {"rows": loaded.rows, "files": files, "cloud": cloud, "until": until, "retrieving": []}
    session.result({**done, "left_out": loaded.left_out})
    return Exit.DONE


def _request(
    session: Session,
    *,
    out: Path | None,
    outputs: Path | None,
    endpoints: Path | None,
    **wanted: Any,
) -> Request:
    return Request.of(deployed(session, out, outputs, endpoints), **wanted)


def _wait(session: Session, late: Sequence[File], days: int, nothing: str) -> int:
    for line in sentences(late, days):
        session.warn(line)
    session.warn(f"The retrieval was requested; {nothing}. Run the same command again when it is complete.")
    return Exit.NOT_YET
