"""The rows and notes of the release before, as each cloud's store keeps them, and bodies that are blobs."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from azure.servers import KEY, azurite, queue
from receivers import stores
from releases import fixture
from releases.running import TWIN, signed_get
from support.memory import MemorySecret
from support.samples import API_KEY, KEY_1, log
from twin_azure.bodies import Bodies, claimed, split
from twin_runtime import model, times
from twin_runtime.functions.hot_reader import HotReader
from twin_runtime.ports import Event
from twin_runtime.storage import known_devices, lifetimes
from twin_runtime.wire.callers import Callers
from twin_runtime.wire.secret_cache import CachedSecret

pytestmark = pytest.mark.servers
MODEL = model.parse(TWIN)
Kept = Sequence[Mapping[str, Any]]


def to_dynamo_db(store: Any, kept: Kept) -> None:
    for item in kept:
        store._client.put_item(TableName=stores.TABLE, Item=item)


def to_cosmos_db(store: Any, kept: Kept) -> None:
    for document in kept:
        store._container.create_item(document)


def to_firestore(store: Any, kept: Kept) -> None:
    for document in kept:
        fields = {
            name: datetime.fromisoformat(value["timestamp"]) if isinstance(value, dict) else value
            for name, value in document["fields"].items()
        }
        store._rows.document(document["id"]).create(fields)


PUT: dict[str, Callable[[Any, Kept], None]] = {
    "aws": to_dynamo_db,
    "azure": to_cosmos_db,
    "gcp": to_firestore,
}


@pytest.mark.parametrize("cloud", PUT)
def test_rows_and_notes_are_read_as_they_were_written(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    state, kept = fixture.read("state.json"), fixture.read("stores.json")["rows"][cloud]
    with stores.STORES[cloud](monkeypatch.setenv) as store:
        PUT[cloud](store, kept)
        events = {event["id"]: event for event in read(store, state["at"])}
        assert known_devices.known(store, MODEL) == dict(MODEL.devices)
        assert [days for days, _ in lifetimes.noted(store, lifetimes.EARLIER)] == [MODEL.expire_days]
    sent = {event["id"]: event for event in state["sent"] if event["subject"] == "pump"}
    assert events.keys() - sent.keys() == {"late", "behind"}
    assert len(events) > 3
    assert all(event == sent[id] for id, event in events.items() if id in sent)
    assert events["late"]["data"] == {"flow": 1.5}
    assert (events["late"]["subject"], "received" in events["late"]) == ("pump", False)
    assert (events["behind"]["clock"], events["behind"]["devicetime"]) == ("behind", times.EARLIEST)


def read(store: Any, at: float) -> list[Event]:
    reader = HotReader(
        twin=MODEL,
        store=store,
        log=log()[0],
        callers=Callers(CachedSecret(MemorySecret(json.dumps({"api_keys": [API_KEY]})))),
        link=CachedSecret(MemorySecret(json.dumps({"signing_keys": [KEY_1]}))),
        clock=lambda: at,
    )
    response = reader.handle(signed_get({"device": "pump-1"}, at))
    assert response.status == 200
    return json.loads(response.body)["events"]


def test_a_claim_of_the_release_before_is_still_one() -> None:
    claim = fixture.read("stores.json")["claim"]
    name = claimed(b64decode(claim["message"]))
    assert name == claim["blob"]
    (body, *_) = fixture.read("state.json")["clouds"]["aws"]["queues"]["processing"]
    with azurite() as storage:
        bodies = Bodies(split(queue(storage, "factory-processing"))[1], KEY)
        bodies._container.upload_blob(claim["blob"], body.encode())
        assert bodies.get(claim["blob"]) == body.encode()
