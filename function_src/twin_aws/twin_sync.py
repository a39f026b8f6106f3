"""Entry point of twin_sync: by the clock, and by Terraform when the workspace is made or deleted.

Terraform invokes it with `{"tf": {"action": "create" | "update" | "delete"}, …}`. A workspace that still has
entities, or component types in use, cannot be deleted.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.twin_sync import TwinSync

_POLL_S = 1.0


class NotEmpty(Exception):
    """Terraform shows the sentence."""


@cache
def _parts() -> assembly.Parts:
    return assembly.Parts("twin_sync", Aws())


@cache
def _role() -> TwinSync:
    return assembly.twin_sync(_parts())


def handler(event: dict[str, Any], context: triggers.Context) -> None:
    action = event.get("tf", {}).get("action")
    if action == "delete":
        _clear(triggers.budget(context))
        return
    if action:
        return  # the clock's next run is a minute away, and has its permissions by then
    triggers.scheduled(_role(), event, context)


def _clear(budget: float) -> None:
    from twin_aws.twinmaker import TwinMakerGraph

    deadline = time.monotonic() + budget
    left = _role().clear(budget=budget)
    if left:
        raise NotEmpty(
            f"The workspace still has {left} entities: run the command again, it goes on from there."
        )
    graph = _parts().cloud.graph(_parts().settings["GRAPH"], _parts().twin)
    assert isinstance(graph, TwinMakerGraph)
    while not graph.is_empty():
        if time.monotonic() + _POLL_S >= deadline:
            raise NotEmpty("TwinMaker is still deleting entities of the workspace: run the command again.")
        time.sleep(_POLL_S)


settings.prepare(_role)
