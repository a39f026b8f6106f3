"""Changes to a copy of a synthesized stack: what another stack would say, or one that is not as it should be.

A path is a resource's address and the arguments in it, such as `google_pubsub_topic.events.labels.role`.
"""

import copy
from collections.abc import Callable
from typing import Any

from support.terraform_json import Stack

Change = Callable[[Stack], None]


def changed(stack: Stack, *changes: Change) -> Stack:
    """A copy with the changes."""
    stack = copy.deepcopy(stack)
    for change in changes:
        change(stack)
    return stack


def put(path: str, value: Any) -> Change:
    """Sets an argument; what leads there is made."""
    *outer, last = path.split(".")

    def change(stack: Stack) -> None:
        inner = stack["resource"]
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = value

    return change


def drop(path: str) -> Change:
    """Takes a resource away, or an argument of one. KeyError when it is not there."""
    *outer, last = path.split(".")

    def change(stack: Stack) -> None:
        inner = stack["resource"]
        for part in outer:
            inner = inner[part]
        del inner[last]

    return change


def add(address: str, body: dict[str, Any]) -> Change:
    """Adds a resource to what the layers share."""
    return put(address, {"//": {"metadata": {"path": f"stack/foundation/{address}"}}, **body})
