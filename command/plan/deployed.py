"""The configuration of the last deployment that this machine knows of, `<out>/deployed.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from command.plan.files import write_private
from command.session import Session
from twinspan.config import Config

FILE = "deployed.yaml"
_UNKNOWN = (
    "Device types, rules and devices are not compared: this machine has no record of the last deployment. "
    "To compare two files, run twinspan plan --against OLD.yaml."
)
_IN_THE_STATE = ("layers", "keys")
"""Sections of twin.yaml of which the plans know more."""


@dataclass(frozen=True)
class Compared:
    """The comparison with the last deployment; no document where it is not known."""

    document: Mapping[str, Any] | None = None
    lines: Sequence[str] = field(default=())


def write(session: Session, out: Path) -> None:
    """Record that the twin was deployed as its file says now."""
    text = yaml.safe_dump(session.config.as_written(), sort_keys=False, allow_unicode=True)
    write_private(out / FILE, text)


def read(session: Session, out: Path) -> Config | None:
    """The configuration that was deployed; None where this machine does not know it."""
    path = out / FILE
    if not path.exists():
        return None
    try:
        return Config.model_validate(
            yaml.safe_load(path.read_text("utf-8")), context={"folder": session.config.folder}
        )
    except (yaml.YAMLError, ValidationError):  # another version wrote it
        return None


def comparison(session: Session, *, known: bool) -> Compared:
    """Compare the twin's file with the last deployment; `known`: there was one, says the state."""
    before = read(session, session.out)
    if before is None:
        return Compared(lines=["", _UNKNOWN] if known else [])
    from command.compare import compare, page

    found = compare(before, session.config)
    document = {"changes": [each.document() for each in found.changes], "costs": found.costs.document()}
    if not found.changes:
        return Compared(document)
    rest = [each for each in found.changes if each.section not in _IN_THE_STATE]
    sections = [*page.sections(rest), ("Cost", found.costs.lines())]
    lines = [line for title, rows in sections for line in ("", title, *rows) if rows]
    return Compared(document, lines)
