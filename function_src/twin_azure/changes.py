"""The hot store's changes: Cosmos DB's change feed, as the host hands it over.

It carries each new row, seconds after its writing. A batch that fails is not handed over again: what it would
have brought is brought by the next run of the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import azure.functions as func

from twin_runtime import jsontext
from twin_runtime.model import Twin, load_twin, package_root
from twin_runtime.ports import Event
from twin_runtime.storage import rows

from .triggers import Once

_LONGEST = 2_000_000
"""Bytes of an item, which Cosmos DB bounds."""


def add_changes(app: func.FunctionApp, sync: Once) -> None:
    """Add the function `twin_sync_changes` to twin_sync's app."""

    @app.function_name("twin_sync_changes")
    @app.cosmos_db_trigger(
        arg_name="documents",
        connection="CHANGES",
        database_name="%CHANGES_DATABASE%",
        container_name="%CHANGES_CONTAINER%",
        lease_container_name="%CHANGES_LEASES%",
        create_lease_container_if_not_exists=False,
    )
    def run(documents: func.DocumentList) -> None:
        sync.get().take(events(documents, load_twin(package_root())))


def events(documents: Iterable[Mapping[str, Any]], twin: Twin) -> Iterator[Event]:
    """The events of rows; without those that are of no device of the twin, such as a mover's own."""
    from .store import row_of

    for document in documents:
        if document.get("device") in twin.devices:
            yield jsontext.loads(rows.to_json(row_of(document), twin), max_bytes=_LONGEST)
