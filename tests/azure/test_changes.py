"""The hot store's changes: from Cosmos DB's change feed to twin_sync."""

from __future__ import annotations

import json
from typing import Any

import azure.functions as func
import pytest
from azure.functions.meta import Datum, get_binding_registry

from support.samples import TWIN, event
from twin_azure import changes, entry, settings
from twin_azure.store import CosmosStore
from twin_runtime import functions as functions_of_a_twin
from twin_runtime.ports import Event
from twin_runtime.roles import Role
from twin_runtime.storage import rows

PARTITIONS = {"PARTITIONS": "1", settings.TIMEOUT: "00:00:55"}


def item(source: Event) -> dict[str, Any]:
    """The document of an event, as the store writes it, with what Cosmos DB adds."""
    row = rows.from_event(source, TWIN, 0.0)
    written = CosmosStore.__new__(CosmosStore)
    written._clock = lambda: 0.0
    return {**written._item(row), "_rid": "r", "_self": "s", "_etag": '"e"', "_attachments": "a", "_ts": 1}


class Sync:
    def __init__(self) -> None:
        self.taken: list[Event] = []

    def take(self, events: list[Event]) -> None:
        self.taken += events


class OnceOf:
    def __init__(self, sync: Sync) -> None:
        self._sync = sync

    def get(self) -> Sync:
        return self._sync


def functions(app: func.FunctionApp) -> dict[str, Any]:
    return {str(each.get_function_name()): each for each in app.get_functions()}


def test_a_row_is_the_event_that_it_was_written_from() -> None:
    sent = event(data={"temperature": 21.5, "text": 'é "quoted"', "large": 2**80, "nested": {"a": [1, None]}})
    assert list(changes.events([item(sent)], TWIN)) == [sent]


def test_what_is_of_no_device_of_the_twin_is_left_out() -> None:
    checkpoint = {"id": "x", "device": "~cold_mover", "key": "k", "data": "{}"}
    gone = {**item(event()), "device": "thermostat-9"}
    found = changes.events([checkpoint, gone, item(event("e2")), {"id": "y"}], TWIN)
    assert list(found) == [event("e2")]


def test_the_documents_come_as_the_host_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "load_twin", lambda _root: TWIN)
    app, sync = func.FunctionApp(), Sync()
    changes.add_changes(app, OnceOf(sync))  # type: ignore[arg-type]
    run = functions(app)["twin_sync_changes"].get_user_function()
    converter = get_binding_registry().get("cosmosDBTrigger")
    assert converter is not None
    documents = [item(event("e1")), item(event("e2", {"temperature": 3}))]
    run(converter.decode(Datum(json.dumps(documents), "json"), trigger_metadata={}))
    assert sync.taken == [event("e1"), event("e2", {"temperature": 3})]


class TestApp:
    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in PARTITIONS.items():
            monkeypatch.setenv(name, value)

    def functions(self) -> dict[str, Any]:
        return functions(entry.app_of(Role.TWIN_SYNC))

    def test_a_store_elsewhere_hands_nothing_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CHANGES_CONTAINER", raising=False)
        assert list(self.functions()) == ["twin_sync"]

    def test_the_trigger_reads_the_settings_of_the_stack(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHANGES_CONTAINER", "events")
        found = self.functions()
        assert sorted(found) == ["twin_sync", "twin_sync_changes"]
        (trigger,) = json.loads(found["twin_sync_changes"].get_function_json())["bindings"]
        # functions-bindings-cosmosdb-v2-trigger, extension 4.x: names of the binding's properties.
        assert trigger["type"] == "cosmosDBTrigger"
        assert trigger["connection"] == "CHANGES"
        assert trigger["databaseName"] == "%CHANGES_DATABASE%"
        assert trigger["containerName"] == "%CHANGES_CONTAINER%"
        assert trigger["leaseContainerName"] == "%CHANGES_LEASES%"
        assert trigger["createLeaseContainerIfNotExists"] is False
        used = {value.strip("%") for value in trigger.values() if str(value).startswith("%")}
        connection = {name for name in settings.CHANGES if name.startswith(f"{trigger['connection']}__")}
        assert used | connection == set(settings.CHANGES)

    def test_both_functions_share_the_role_s_object(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHANGES_CONTAINER", "events")
        made: list[Any] = []

        class Taken(Sync):
            def run(self, partition: int, partitions: int, *, budget: float) -> None:
                made.append(self)

            def take(self, events: list[Event]) -> None:
                made.append(self)

        monkeypatch.setattr(entry, "Context", lambda *_, **__: None)
        monkeypatch.setattr(functions_of_a_twin, "assemble", lambda _context: Taken())
        monkeypatch.setattr(changes, "load_twin", lambda _root: TWIN)
        found = self.functions()
        found["twin_sync"].get_user_function()(timer=None)
        found["twin_sync_changes"].get_user_function()(documents=func.DocumentList())
        assert len(made) == 2
        assert made[0] is made[1]
