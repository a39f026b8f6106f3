"""The workflow of the event system, in Workflows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from twin_runtime import jsontext

from .rest import Rest

LABEL = "start"
_LOOK_BACK = 50
"""How many of the newest executions are looked at for one of the same name."""


class Workflow:
    """`ports.Workflow` for `projects/<project>/locations/<region>/workflows/<name>`.

    An execution takes no name of ours, so a digest of it is its label, and starting looks for that among the
    newest executions first. That tells a repetition in all but a race or a rush: a workflow must bear to be
    started twice.
    """

    def __init__(self, rest: Rest, path: str) -> None:
        self._rest = rest
        self._executions = f"v1/{path}/executions"

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        label = hashlib.sha256(name.encode()).hexdigest()[:40]
        if self._started(label):
            return
        document = {"argument": jsontext.dumps(payload), "labels": {LABEL: label}}
        answer = self._rest.post(self._executions, document)
        if answer.status != 200:
            raise self._rest.failure(answer)

    def _started(self, label: str) -> bool:
        answer = self._rest.get(f"{self._executions}?view=FULL&pageSize={_LOOK_BACK}")
        if answer.status != 200:
            return False
        try:
            executions = json.loads(answer.body).get("executions", [])
            return any(each.get("labels", {}).get(LABEL) == label for each in executions)
        except (ValueError, AttributeError):
            return False
