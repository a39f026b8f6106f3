"""The executions of workflows."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from uuid import uuid4

from local_cloud.gcp.json_server import ApiError, Document
from local_cloud.gcp.workflows.callbacks import PATH as CALLBACKS
from local_cloud.gcp.workflows.callbacks import Callbacks
from local_cloud.gcp.workflows.emulator import Execute

_WORKFLOW = re.compile(r"v1/(projects/[^/]+/locations/[^/]+/workflows/[^/]+)(/executions)?")
_MAX_ARGUMENT_BYTES = 512_000
_AT_A_TIME = 200
"""Executions that run; more are QUEUED, and here stay so."""


class Executions:
    """`POST v1/<workflow>/executions`. Thread-safe.

    `PUT v1/<workflow>` with `sourceContents` makes a workflow, `GET runs` has every execution, oldest first.
    """

    def __init__(self, callbacks: Callbacks, execute: Execute | None) -> None:
        self._callbacks = callbacks
        self._execute = execute
        self._lock = Lock()
        self._definitions: dict[str, str] = {}
        self._runs: dict[str, list[Document]] = {}
        self._free = threading.Semaphore(_AT_A_TIME)

    def route(self, method: str, path: str, document: Document) -> tuple[int, Document]:
        if path.startswith(CALLBACKS):
            return self._callbacks.route(method, path, document)
        if (method, path) == ("GET", "runs"):
            with self._lock:
                return 200, {"executions": [dict(run) for runs in self._runs.values() for run in runs]}
        match = _WORKFLOW.fullmatch(path)
        if match and method == "PUT" and not match[2]:
            return 200, self._create(match[1], document)
        if match is None or method != "POST" or not match[2] or match[1] not in self._definitions:
            raise ApiError(404, f"There is no workflow for {method} {path}.")
        return 200, self._start(match[1], document)

    def _create(self, workflow: str, document: Document) -> Document:
        with self._lock:
            self._definitions[workflow] = str(document.get("sourceContents", ""))
            self._runs.setdefault(workflow, [])
        return {"name": workflow}

    def _start(self, workflow: str, document: Document) -> Document:
        argument = document.get("argument", "null")
        if not isinstance(argument, str) or len(argument.encode()) > _MAX_ARGUMENT_BYTES:
            raise ApiError(400, "The argument is not JSON text of at most 512 KB.")
        value = json.loads(argument)
        run: Document = {
            "name": f"{workflow}/executions/{uuid4()}",
            "startTime": _now(),
            "state": "ACTIVE",
            "argument": argument,
        }
        with self._lock:
            self._runs[workflow].append(run)
        if self._execute is not None:
            if self._free.acquire(blocking=False):
                work = (self._execute, self._definitions[workflow], value, run)
                threading.Thread(target=self._run, args=work, daemon=True).start()
            else:
                self._finish(run, state="QUEUED")
        with self._lock:
            return dict(run)

    def _run(self, execute: Execute, definition: str, argument: Any, run: Document) -> None:
        try:
            result = execute(definition, argument)
            self._finish(run, state="SUCCEEDED", result=json.dumps(result), endTime=_now())
        except Exception as error:
            self._finish(run, state="FAILED", error={"payload": str(error)}, endTime=_now())
        finally:
            self._free.release()

    def _finish(self, run: Document, **fields: Any) -> None:
        with self._lock:
            run.update(fields)


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
