"""The workflow of the event system, in Workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin_runtime import jsontext

from .rest import Rest


class Workflow:
    """`ports.Workflow` for `projects/<project>/locations/<region>/workflows/<name>`.

    The API makes up an execution's name and takes none, so every call starts one.
    """

    def __init__(self, rest: Rest, path: str) -> None:
        self._rest = rest
        self._executions = f"v1/{path}/executions"

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        answer = self._rest.post(self._executions, {"argument": jsontext.dumps(payload)})
        if answer.status != 200:
            raise self._rest.failure(answer)
