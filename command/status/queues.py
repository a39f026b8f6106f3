"""Messages that wait at each hop, and dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from command.status.parts import attempt
from command.status.stacks import StackStatus
from operations.access import Access
from operations.dead_letters import locations
from operations.dead_letters.locations import Location
from operations.depths import Depths, has_queue
from operations.outputs import CLOUDS

_AT_ONCE = 8


@dataclass(frozen=True)
class Hop:
    """A hop. A count is None where the service does not tell it, where that failed, and `waiting` where the
    hop has no queue.
    """

    location: Location
    waiting: int | None = None
    letters: int | None = None
    problem: str | None = None

    @property
    def has_queue(self) -> bool:
        """Whether messages wait in front of the hop in a queue."""
        return has_queue(self.location)

    def document(self) -> dict[str, Any]:
        """The hop in the JSON document."""
        return {
            "hop": self.location.hop,
            "cloud": self.location.cloud,
            "queue": self.has_queue,
            "messages": self.waiting,
            "dead_letters": self.letters,
            "problem": self.problem,
        }


def hops_of(stacks: Sequence[StackStatus], access: Access) -> tuple[list[Hop], list[str]]:
    """Return the hops of the deployed stacks, and a sentence for each stack whose hops are not known."""
    problems: list[str] = []
    found: list[Location] = []
    for stack in stacks:
        if not stack.outputs or stack.name not in CLOUDS:
            continue
        here, problem = attempt(lambda stack=stack: locations.of_outputs({stack.name: stack.outputs}))
        found += here or ()
        if problem:
            problems.append(problem)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda location: _counted(location, access), found)), problems


def _counted(location: Location, access: Access) -> Hop:
    depths: Depths | None
    depths, problem = attempt(lambda: access.adapter("operations.depths", location))
    if depths is None:
        return Hop(location, problem=problem)
    letters, problem = attempt(depths.letters)
    waiting, more = attempt(depths.waiting) if has_queue(location) else (None, None)
    return Hop(location, waiting, letters, problem or more)
