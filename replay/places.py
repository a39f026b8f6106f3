"""Where dead letters are: the output `dead_letters` of each cloud's stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operations.errors import UsageError
from operations.outputs import Outputs, named

OUTPUT = "dead_letter_queues"
KINDS = ("queue", "dispatcher", "store", "devices")


@dataclass(frozen=True, slots=True)
class Place:
    """The dead letters of one hop in one cloud.

    `kind` says what takes them again: a `queue` of events, the `dispatcher` in front of the queue `target`,
    the hot `store`, the way to the `devices`. `fleet_secret` is Google Cloud's, where devices sign.
    """

    cloud: str
    hop: str
    kind: str
    letters: str
    target: str
    fleet_secret: str = ""


def of_outputs(outputs: Outputs) -> list[Place]:
    """The places in the outputs of the stacks; raises `UsageError`.

    A hop that is null belongs to an event system that is off.
    """
    return [
        _place(cloud, hop, fields)
        for cloud, hops in named(outputs, OUTPUT)
        for hop, fields in hops.items()
        if fields is not None
    ]


def chosen(places: list[Place], hop: str | None, cloud: str | None) -> list[Place]:
    """Those of a hop and a cloud; raises `UsageError` with the names that there are."""
    found = [p for p in places if hop in (None, p.hop) and cloud in (None, p.cloud)]
    if not found:
        names = ", ".join(sorted({f"{place.hop} ({place.cloud})" for place in places}))
        raise UsageError(f"There is no hop {hop or ''}{f' in {cloud}' if cloud else ''}; there are {names}.")
    return found


def _place(cloud: str, hop: str, fields: Any) -> Place:
    names = ("kind", "letters", "target")
    good = isinstance(fields, Mapping) and all(isinstance(fields.get(name), str) for name in names)
    if not good or fields["kind"] not in KINDS:
        raise UsageError(
            f"The hop {hop} of the output {OUTPUT} of {cloud} is not one that this version knows."
        )
    return Place(
        cloud, hop, *(fields[name] for name in names), fleet_secret=str(fields.get("fleet_secret") or "")
    )
