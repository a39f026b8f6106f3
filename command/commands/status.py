"""`twinspan status`: what is deployed, and how it is."""

from __future__ import annotations

import time
from pathlib import Path

import click

from command.exits import Exit
from command.schemas import FLAG, NUMBER_OR_NULL, TEXT, TEXT_OR_NULL, Schema, array, document
from command.session import Session

_TEXTS = array(TEXT)
_TEXTS_OR_NULL = {"type": ["array", "null"], "items": TEXT}
_COUNT_OR_NULL = {"type": ["integer", "null"], "minimum": 0}
_FLAG_OR_NULL = {"type": ["boolean", "null"]}


def _list(**fields: Schema) -> Schema:
    return array(document(**fields))


SCHEMA = document(
    twin=TEXT,
    twinspan=TEXT,
    stacks=_list(
        stack=TEXT,
        state=TEXT,
        deployed=_FLAG_OR_NULL,
        twinspan=TEXT_OR_NULL,
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
        hop=TEXT,
        cloud=TEXT,
        queue=FLAG,
        messages=_COUNT_OR_NULL,
        dead_letters=_COUNT_OR_NULL,
        problem=TEXT_OR_NULL,
    ),
    readings=_list(
        device_type=TEXT,
        device=TEXT_OR_NULL,
        time=TEXT_OR_NULL,
        age_s=NUMBER_OR_NULL,
        problem=TEXT_OR_NULL,
    ),
    former_states=_list(stack=TEXT, state=TEXT, target=TEXT, commands=_TEXTS, otherwise=TEXT_OR_NULL),
    vanished=_list(cloud=TEXT, state=TEXT, resources=_COUNT_OR_NULL),
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
    stacks = stacks_of(config, session.out, file=outputs, drift=drift, environment=session.environment)
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
