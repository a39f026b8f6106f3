"""Callback endpoints: where an execution waits for somebody's request."""

from __future__ import annotations

from threading import Event, Lock
from typing import Any
from uuid import uuid4

from local_cloud.gcp.json_server import ApiError, Document

PATH = "callbacks/"


class Callbacks:
    """Thread-safe. `base` is the URL of the server that routes `PATH` here."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._lock = Lock()
        self._arrived: dict[str, Event] = {}
        self._requests: dict[str, dict[str, Any]] = {}

    def create(self) -> str:
        """The URL of a new endpoint."""
        id_ = uuid4().hex
        with self._lock:
            self._arrived[id_] = Event()
        return f"{self._base}/{PATH}{id_}"

    def wait(self, url: str, seconds: float) -> dict[str, Any] | None:
        """The request that came to the endpoint; None when none does in time."""
        id_ = url.rpartition("/")[2]
        if not self._arrived[id_].wait(seconds):
            return None
        with self._lock:
            return self._requests[id_]

    def route(self, method: str, path: str, document: Document) -> tuple[int, Document]:
        id_ = path.removeprefix(PATH)
        with self._lock:
            if method != "POST" or id_ not in self._arrived:
                raise ApiError(404, "There is no such callback endpoint.")
            self._requests[id_] = {"method": method, "body": document}
            self._arrived[id_].set()
        return 200, {}
