"""`twinspan status`: what is deployed, and how it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from command.exits import Exit
from command.session import Session

_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_TEXTS = {"type": "array", "items": _TEXT}
_TEXTS_OR_NULL = {"type": ["array", "null"], "items": _TEXT}
_COUNT_OR_NULL = {"type": ["integer", "null"], "minimum": 0}
_FLAG_OR_NULL = {"type": ["boolean", "null"]}


def _document(**fields: Any) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _list(**fields: Any) -> Mapping[str, Any]:
    return {"type": "array", "items": _document(**fields)}


SCHEMA: Mapping[str, Any] = _document(
    twin=_TEXT,
    twinspan=_TEXT,
    stacks=_list(
        stack=_TEXT,
        state=_TEXT,
        deployed=_FLAG_OR_NULL,
        twinspan=_TEXT_OR_NULL,
        layers=_TEXTS_OR_NULL,
        former=_TEXTS_OR_NULL,
        events=_FLAG_OR_NULL,
        key_generation=_COUNT_OR_NULL,
        keys_revoked_before=_COUNT_OR_NULL,
        differences=_TEXTS,
        drift=_TEXTS_OR_NULL,
        problems=_TEXTS,
    ),
    hops=_list(
        hop=_TEXT,
        cloud=_TEXT,
        queue={"type": "boolean"},
        messages=_COUNT_OR_NULL,
        dead_letters=_COUNT_OR_NULL,
        problem=_TEXT_OR_NULL,
    ),
    readings=_list(
        device_type=_TEXT,
        device=_TEXT_OR_NULL,
        time=_TEXT_OR_NULL,
        age_s={"type": ["number", "null"]},
        problem=_TEXT_OR_NULL,
    ),
    former_states=_list(stack=_TEXT, state=_TEXT, target=_TEXT, commands=_TEXTS, otherwise=_TEXT_OR_NULL),
    vanished=_list(cloud=_TEXT, state=_TEXT, resources=_COUNT_OR_NULL),
    problems=_TEXTS,
)


@click.command()
@click.option(
    "--drift", is_flag=True, help="Ask the clouds what was changed outside Terraform; takes minutes."
)
@click.option(
    "--outputs",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON file with the outputs of each stack, in place of Terraform.",
)
@click.option(
    "--endpoints",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON file with the endpoints of emulators, in place of clouds.",
)
@click.pass_obj
def command(session: Session, drift: bool, outputs: Path | None, endpoints: Path | None) -> int:
    """Say what is deployed where, and how it is: versions, keys, events, queues, newest readings.

    Changes nothing. The exit status is 1 if a part is not known; the other parts are printed all the same.
    """
    from command.state import former_states, vanished
    from command.status.page import Status
    from command.status.queues import hops_of
    from command.status.readings import readings_of
    from command.status.stacks import stacks_of
    from operations.access import Access, endpoints_of

    if drift and outputs:
        raise click.UsageError("--drift needs Terraform; leave --outputs out.")
    config = session.config
    region = config.clouds.aws.region if config.clouds.aws else None
    access = Access(region=region, endpoints=endpoints_of(endpoints) if endpoints else {})
    stacks = stacks_of(config, session.out, file=outputs, drift=drift)
    hops, problems = hops_of(stacks, access)
    readings, unread = readings_of(config, stacks, time.time())
    status = Status(
        config.name,
        stacks,
        hops,
        readings,
        former_states(config, session.out),
        vanished(config, session.out),
        [*problems, *([unread] if unread else [])],
    )
    if not session.as_json:
        session.page(list(status.lines()))
    session.result(status.document())
    return Exit.FAILED if status.problems else Exit.DONE
