"""`twinspan plan --against OLD.yaml`: two files compared without state, Terraform or login."""

from __future__ import annotations

from pathlib import Path

from command.compare import Comparison, compare, page
from command.exits import Exit
from command.session import Session
from twinspan.twinfile import checked


def against(session: Session, old: Path) -> Comparison:
    """Compare the twin's file with an older one. Raises `ConfigErrors`, of either file."""
    return compare(checked(old), checked(session.file()))


def run(session: Session, old: Path, delete_data: tuple[str, ...] = ()) -> Exit:
    """Print the comparison; REFUSED where it must not be deployed as it is."""
    comparison = against(session, old)
    if session.as_json:
        session.result(comparison.document(delete_data))
    else:
        session.page(page.lines(comparison, delete_data))
    return Exit.REFUSED if comparison.refusals(delete_data) else Exit.DONE
