"""What commands do that edit twin.yaml: edit, plan, deploy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from command.edit import Edit, edit
from command.exits import WrongInput
from command.session import ROOT, Session
from twinspan.twinfile import EXAMPLE, short

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["file", "edits", "deployed"],
    "additionalProperties": False,
    "properties": {
        "file": {"type": "string", "description": "The file that was edited."},
        "edits": {
            "type": "array",
            "description": "The fields that got another value; empty where all had it.",
            "items": {
                "type": "object",
                "required": ["field", "value"],
                "additionalProperties": False,
                "properties": {
                    "field": {"type": "string"},
                    "value": {"type": ["boolean", "integer", "string"]},
                },
            },
        },
        "deployed": {
            "type": ["object", "null"],
            "description": "The document of `twinspan deploy`; null with --no-deploy.",
        },
    },
}
"""JSON Schema of the documents of `events` and `keys`."""


def own_file(session: Session) -> Path:
    """The file to edit. Raises `WrongInput` where it would be the example that comes with Twinspan."""
    file = session.deployed_file()
    if not session.selection.get("TWIN") and file.resolve() == (ROOT / EXAMPLE).resolve():
        raise WrongInput("There is no twin.yaml in this folder; name the file with --twin FILE.")
    return file


def apply(session: Session, *edits: Edit, deploy: bool) -> None:
    """Edit the twin's file, then plan and deploy it. The plan is printed, and refused, as by the commands."""
    file = own_file(session)
    done = edit(file, *edits)
    for each in done:
        session.say(f"{short(file)}: {each}")
    if not done:
        session.say(f"{short(file)} says so already: {', '.join(map(str, edits))}")
    document = None
    if deploy:
        edited = replace(session)  # without the configuration from before the edit
        import_module("command.commands.plan").run(edited)
        document = import_module("command.commands.deploy").run(edited)
    session.result(
        {
            "file": str(short(file)),
            "edits": [{"field": ".".join(each.path), "value": each.value} for each in done],
            "deployed": document,
        }
    )
