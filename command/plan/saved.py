"""The saved plan, `<out>/plan.json`: what `deploy` applies, and what it must find unchanged."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from command.plan.files import write_private

FILE = "plan.json"


@dataclass(frozen=True)
class Stack:
    """The plan of a stack. `digest` is that of the configuration, `lineage` and `serial` those of the state
    that it was made for. Without `file` it was made for reading.
    """

    digest: str
    file: str | None = None
    lineage: str = ""
    serial: int = 0

    @classmethod
    def of(cls, file: Path, folder: Path, applicable: bool) -> Self:
        """From the plan's file and the stack's folder."""
        if not applicable:
            return cls(digest(folder))
        with zipfile.ZipFile(file) as archive:
            state = json.loads(archive.read("tfstate"))
        return cls(digest(folder), str(file), state.get("lineage", ""), state.get("serial", 0))


@dataclass(frozen=True)
class Saved:
    """A saved plan of a twin; `document` is that of `twinspan plan --json`."""

    twin: str
    variables: Mapping[str, str]
    delete_data: tuple[str, ...]
    stacks: Mapping[str, Stack]
    document: Mapping[str, Any]


def save(out: Path, plan: Saved) -> None:
    write_private(out / FILE, json.dumps(asdict(plan), ensure_ascii=False, indent=1))


def load(out: Path) -> Saved | None:
    """The saved plan; None where there is none."""
    try:
        found = json.loads((out / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return None
    stacks = {name: Stack(**each) for name, each in found["stacks"].items()}
    return Saved(**{**found, "stacks": stacks, "delete_data": tuple(found["delete_data"])})


def forget(out: Path) -> None:
    """Remove the saved plan and the plans of its stacks."""
    (out / FILE).unlink(missing_ok=True)
    for file in out.glob("*/*/*.tfplan"):
        file.unlink()


def digest(folder: Path) -> str:
    """The digest of what Terraform reads in a stack's folder."""
    found = hashlib.sha256()
    for file in sorted((*folder.glob("*.tf.json"), *folder.glob("*.tf"), *folder.glob("*.tfvars*"))):
        found.update(file.name.encode() + b"\0" + file.read_bytes())
    return found.hexdigest()
