"""A stand-in for Logic Apps' request trigger: it checks who starts a run, and writes the run down.

The actions of the workflow are not run.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_cloud.azure.tokens import Tokens
from local_cloud.web import Answer, Request, json_answer


class LogicApps:
    """`policies` has, by the trigger's path, the claims by name that each of its policies asks for.

    A token has to satisfy one policy whole. Runs are appended to `runs`, a JSON object a line.
    """

    def __init__(
        self, tokens: Tokens, policies: Mapping[str, Sequence[Mapping[str, str]]], runs: Path
    ) -> None:
        self._tokens = tokens
        self._policies = policies
        self._runs = runs
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        policies = self._policies.get(request.path)
        if policies is None:
            return json_answer(404, {"error": {"code": "WorkflowTriggerNotFound"}})
        if request.method != "POST":
            return Answer(405)
        claims = self._tokens.claims(request.headers.get("authorization"))
        if claims is None or not any(_satisfies(claims, policy) for policy in policies):
            return json_answer(401, {"error": {"code": "MisMatchingOAuthClaims"}})
        try:
            payload = request.json()
        except ValueError:
            return json_answer(400, {"error": {"code": "InvalidRequestContent"}})
        return self._start(request.headers.get("x-ms-client-tracking-id"), payload)

    def _start(self, tracking_id: str | None, payload: Any) -> Answer:
        run = {"run": uuid.uuid4().hex, "name": tracking_id, "time": time.time(), "input": payload}
        with self._lock, self._runs.open("a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")
        headers = {"x-ms-workflow-run-id": run["run"], "x-ms-client-tracking-id": tracking_id or run["run"]}
        return Answer(202, headers=headers)


def read_runs(runs: Path) -> list[dict[str, Any]]:
    """The runs that were started, oldest first: `name` (the client tracking id), `input`, `time`, `run`."""
    lines = runs.read_text("utf-8").splitlines() if runs.exists() else []
    return [json.loads(line) for line in lines]


def _satisfies(claims: Mapping[str, Any], policy: Mapping[str, str]) -> bool:
    return bool(policy) and all(claims.get(name) == value for name, value in policy.items())
