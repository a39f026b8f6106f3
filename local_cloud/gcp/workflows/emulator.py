"""Runs definitions with the package `workflows-emulator`, where this Python has it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from local_cloud.gcp.workflows.callbacks import Callbacks

Execute = Callable[[str, Any], Any]
"""`(definition, argument)` to the result; raises what the definition raises."""
_TIMEOUT_S = 43_200.0


def executor(callbacks: Callbacks) -> Execute | None:
    """None where the package is not there."""
    if importlib.util.find_spec("workflows_emulator") is None:
        return None
    import yaml
    from workflows_emulator import main, render, utils  # pyright: ignore[reportMissingImports]

    def create_callback_endpoint(http_callback_method: str = "POST") -> dict[str, str]:
        if http_callback_method != "POST":
            raise utils.WorkflowError({"message": "Callbacks take POST here.", "tags": ["ValueError"]})
        return {"url": callbacks.create()}

    def await_callback(callback: dict[str, str], timeout: float = _TIMEOUT_S) -> dict[str, Any]:
        request = callbacks.wait(callback["url"], timeout)
        if request is None:
            raise utils.WorkflowError({"message": "No callback came in time.", "tags": ["TimeoutError"]})
        return {"http_request": request, "type": "HTTP"}

    render.STANDARD_LIBRARY["events"] = SimpleNamespace(
        create_callback_endpoint=create_callback_endpoint, await_callback=await_callback
    )

    def execute(definition: str, argument: Any) -> Any:
        workflow = yaml.safe_load(definition)
        # Workflows gives `main` its one parameter; the emulator looks for it by name in the argument.
        named = dict.fromkeys(workflow["main"].get("params", [])[:1], argument)
        return main.execute_workflow(workflow, named)

    return execute
