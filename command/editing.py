"""What commands do that edit twin.yaml: edit, plan, deploy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from command.edit import Edit, edit
from command.exits import WrongInput
from command.schemas import TEXT, Schema, array, described, document
from command.session import ROOT, Session
from twinspan.twinfile import EXAMPLE, short

SCHEMA: Schema = document(
    file=described(TEXT, "The file that was edited."),
    edits=described(
        array(document(field=TEXT, value={"type": ["boolean", "integer", "string"]})),
        "The fields that got another value; empty where all had it.",
    ),
    deployed={
        "type": ["object", "null"],
        "description": "The document of `twinspan deploy`; null with --no-deploy.",
    },
)
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
    deployed = None
    if deploy:
        edited = replace(session)  # without the configuration from before the edit
        from command.commands import deploy as deploy_command
        from command.commands import plan

        plan.run(edited)
        deployed = deploy_command.run(edited)
    session.result(
        {
            "file": str(short(file)),
            "edits": [{"field": ".".join(each.path), "value": each.value} for each in done],
            "deployed": deployed,
        }
    )
