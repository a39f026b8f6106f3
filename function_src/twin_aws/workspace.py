"""twin_sync on AWS: it runs by the clock, and Terraform invokes it when the workspace is made or deleted.

Terraform's event is `{"tf": {"action": "create" | "update" | "delete"}, …}`. A workspace that still has
entities, or component types in use, cannot be deleted.
"""

from __future__ import annotations

import time
from typing import Any

from twin_aws import triggers
from twin_runtime.context import Context
from twin_runtime.functions.twin_sync import TwinSync

_POLL_S = 1.0


class NotEmpty(Exception):
    """Terraform shows the sentence."""


def run(sync: TwinSync, context: Context, event: dict[str, Any], lambda_: triggers.Context) -> None:
    """A scheduled run; or, before Terraform deletes the workspace, the deletion of what is in it."""
    action = event.get("tf", {}).get("action")
    if action == "delete":
        _clear(sync, context, triggers.budget(lambda_, context.limits).budget)
        return
    if action:
        return  # the clock's next run is a minute away, and has its permissions by then
    triggers.scheduled(sync, event, lambda_, context.limits)


def _clear(sync: TwinSync, context: Context, budget: float) -> None:
    from twin_aws.twinmaker import TwinMakerGraph

    deadline = time.monotonic() + budget
    left = sync.clear(budget=budget)
    if left:
        raise NotEmpty(
            f"The workspace still has {left} entities: run the command again, it goes on from there."
        )
    graph = context.cloud.graph(context.settings["GRAPH"], context.twin)
    assert isinstance(graph, TwinMakerGraph)
    while not graph.is_empty():
        if time.monotonic() + _POLL_S >= deadline:
            raise NotEmpty("TwinMaker is still deleting entities of the workspace: run the command again.")
        time.sleep(_POLL_S)
