"""The workflow: a logic app, started by a POST to its trigger with a token of the app's identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin_runtime.deadlines import Service as Called
from twin_runtime.errors import Refused
from twin_runtime.wire.http_client import HttpClient

from .bounds import of_rest
from .failures import retry
from .rest import Service

SCOPE = "https://management.core.windows.net//.default"
"""Two slashes: the audience that the trigger's policy asks for ends in one."""
_TIMEOUT_S = of_rest(Called.WORKFLOW)


class LogicApp:
    """`twin_runtime.ports.Workflow`.

    A logic app takes no name for a run, so every call starts one. `name` is the run's client tracking id, by
    which the run history is searched.
    """

    def __init__(self, url: str, credential: Any, http: HttpClient | None = None) -> None:
        self._url = url
        self._service = Service("The logic app", SCOPE, credential, http)

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        answer = self._service.post(self._url, payload, {"x-ms-client-tracking-id": name}, timeout=_TIMEOUT_S)
        if answer.status in (400, 413):
            raise Refused(f"The logic app refuses the event ({answer.status}).")
        if not 200 <= answer.status < 300:
            raise retry("The logic app", answer.status, answer.headers)
