"""Find dead letters by the output `dead_letter_queues` of each cloud's stack."""

from __future__ import annotations

from dataclasses import dataclass

from operations.errors import UsageError
from operations.outputs import Outputs, entries, unknown_entry

OUTPUT = "dead_letter_queues"
KINDS = ("queue", "dispatcher", "store", "devices")


@dataclass(frozen=True, slots=True)
class Location:
    """The dead letters of one hop in one cloud.

    `kind` is what receives them again: a `queue` of events, the `dispatcher` in front of the queue `target`,
    the hot `store`, or the broker of the `devices`. Google Cloud has a `fleet_secret`, because devices sign.
    """

    cloud: str
    hop: str
    kind: str
    letters: str
    target: str
    fleet_secret: str = ""


def of_outputs(outputs: Outputs) -> list[Location]:
    """Return the locations in the outputs of the stacks; raises `UsageError`.

    A hop is null while the event system is off.
    """
    found = []
    for cloud, hop, fields in entries(outputs, OUTPUT, ("kind", "letters", "target")):
        if fields["kind"] not in KINDS:
            raise unknown_entry(OUTPUT, cloud, hop)
        secret = fields.get("fleet_secret") or ""
        found.append(Location(cloud, hop, fields["kind"], fields["letters"], fields["target"], secret))
    return found


def select(locations: list[Location], hop: str | None, cloud: str | None) -> list[Location]:
    """Return those of a hop and a cloud; raises `UsageError` with the existing names."""
    found = [each for each in locations if hop in (None, each.hop) and cloud in (None, each.cloud)]
    if not found:
        names = ", ".join(sorted({f"{each.hop} ({each.cloud})" for each in locations}))
        raise UsageError(f"There is no hop {hop or ''}{f' in {cloud}' if cloud else ''}; there are {names}.")
    return found
