"""The Cosmos DB trigger: hands new items of a container to a function, in the order of their writing.

The server that stands for Cosmos DB has no change feed: what it wrote lately is asked for again and again.
Leases are not kept, so an app that starts anew goes on with what is written from then on, as the host does at
first.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

from azure.core.exceptions import AzureError
from azure.cosmos import ContainerProxy
from azure.functions.meta import Datum

from local_cloud.azure.host.invocations import Invocations
from local_cloud.azure.host.worker import Function, Worker

_PAUSE_S = 0.5
_MOST_ITEMS = 100
_OVERLAP_S = 2
"""Times of writing are whole seconds."""
_RECENT = "SELECT * FROM c WHERE c._ts >= @since"
_LOG = logging.getLogger("host")


class ChangeFeed:
    """One trigger. A batch that fails is not handed over again, as without a retry policy."""

    def __init__(
        self, function: Function, worker: Worker, *, container: ContainerProxy, invocations: Invocations
    ) -> None:
        self._function = function
        self._worker = worker
        self._container = container
        self._invocations = invocations
        self._since = 0
        self._seen: dict[str, int] = {}
        """When each version of an item was written, by its etag."""

    def start(self) -> None:
        threading.Thread(target=self._poll, daemon=True, name="change-feed").start()

    def release_all(self) -> None:
        """Nothing is held."""

    def _poll(self) -> None:
        begun = False
        while True:
            try:
                new = self._new()
                for start in range(0, len(new) if begun else 0, _MOST_ITEMS):
                    self._hand_over(new[start : start + _MOST_ITEMS])
                begun = True
            except AzureError as error:
                _LOG.warning("The change feed could not be read (%s).", type(error).__name__)
            time.sleep(_PAUSE_S)

    def _new(self) -> list[dict[str, Any]]:
        found = self._container.query_items(
            _RECENT,
            parameters=[{"name": "@since", "value": self._since - _OVERLAP_S}],
            enable_cross_partition_query=True,
        )
        new = [item for item in found if item["_etag"] not in self._seen]
        self._seen |= {item["_etag"]: item["_ts"] for item in new}
        self._since = max([self._since, *(item["_ts"] for item in new)])
        self._seen = {etag: at for etag, at in self._seen.items() if at >= self._since - _OVERLAP_S}
        return sorted(new, key=lambda item: item["_ts"])

    def _hand_over(self, items: list[dict[str, Any]]) -> None:
        with self._invocations.one():
            outcome = self._worker.call(self._function, Datum(json.dumps(items), "json"), {})
        if not outcome.ok:
            _LOG.warning("%s failed: %s", self._function.name, outcome.error)
