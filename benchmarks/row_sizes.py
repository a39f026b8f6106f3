"""Bytes that one row takes in each store: what the adapters hand to the SDKs, by the services' rules.

The rows are a day of a hundred devices with four measurements that wander, as a room's do; their ids and
traceparents are such that no compression shortens them.
"""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from benchmarks.hops import sample
from twin_runtime import model, times
from twin_runtime.events import cloudevents
from twin_runtime.ports import Row
from twin_runtime.storage import rows
from twin_runtime.tiers import tier_files

DEVICES = 100
ROWS_PER_FILE = 5_000
COSMOS_SYSTEM = '"_rid":"AAAAAAAAAAAAAAAAAAAAAA==","_self":"dbs/AAAAAA==/colls/AAAAAAAAAAA=/docs/'
"""What Cosmos DB adds to a document, `_etag`, `_attachments` and `_ts` aside."""
COSMOS_INDEX = Decimal("1.2")
"""Microsoft puts an index of every path at 10 to 20 % of the items; the container indexes two."""
_DYNAMO_ITEM = 100
_FIRESTORE_DOCUMENT = 32
_FIRESTORE_NAME = 16
_FIRESTORE_ENTRY = 32
_SEED = 20_240_229
_DAY = 86_400
_START = 1_709_164_800


@dataclass(frozen=True, slots=True)
class Sizes:
    """Mean bytes: of the data's JSON, of a row in each hot store, of a row in a compressed file. `puts` are
    the requests that write such a file and have the index name it.
    """

    data: Decimal
    hot: Mapping[str, Decimal]
    file: Decimal
    puts: int


@cache
def measure() -> Sizes:
    """Sizes of the rows of a file."""
    owner = twin()
    made = list(day(owner))
    return Sizes(
        data=_mean([len(each.data.encode()) for each in made]),
        hot={
            "aws": _mean([dynamo(item) for item in dynamo_items(made)]),
            "azure": _mean([cosmos(item) for item in cosmos_items(made)]) * COSMOS_INDEX,
            "gcp": _mean([firestore(*document) for document in firestore_documents(made)]),
        },
        file=Decimal(len(tier_files.pack(made, owner, sample.KIND).body)) / len(made),
        puts=puts(owner),
    )


def twin(count: int = DEVICES) -> model.Twin:
    """The sample twin, with so many devices."""
    types = {sample.KIND: {"telemetry": {}, "commands": {}, "processor": None}}
    devices = {f"{sample.KIND}-{number + 1}": sample.KIND for number in range(count)}
    return model.parse(
        {"twin": sample.TWIN, "hot_days": 30, "device_types": types, "devices": devices, "rules": []}
    )


def day(owner: model.Twin, start: int = _START) -> Iterator[Row]:
    """A day of the twin's devices, in the order of a file: by device and time. `start` is in Unix seconds."""
    chance = random.Random(_SEED)
    readings = ROWS_PER_FILE // len(owner.devices)
    for device in sorted(owner.devices):
        temperature, humidity, pressure = chance.gauss(21, 2), chance.gauss(45, 6), chance.gauss(1013, 4)
        battery = chance.randint(20, 100)
        for reading in range(readings):
            temperature += chance.gauss(0, 0.2)
            humidity += chance.gauss(0, 0.5)
            pressure += chance.gauss(0, 0.1)
            at = times.from_epoch(start + reading * _DAY / readings + chance.uniform(0, 1))
            data = {
                "temperature": round(temperature, 2),
                "humidity": round(humidity, 2),
                "pressure": round(pressure, 2),
                "battery": battery,
            }
            event = cloudevents.make(
                cloudevents.TELEMETRY,
                twin=owner.name,
                device=device,
                subject=sample.KIND,
                data=data,
                time=at,
                id=cloudevents.dated_id(cloudevents.hashed_id(device, at, data), at),
                received=times.from_epoch(round(times.to_epoch(at) + chance.uniform(0.05, 0.5), 3)),
            )
            yield rows.from_event(event, owner, start)


def puts(owner: model.Twin) -> int:
    """Objects that the catalogue writes with a file of a day, once the index knows devices and month."""
    from support.memory import MemoryObjects
    from twin_runtime.log import Log
    from twin_runtime.tiers.catalogue import Catalogue

    class Written(MemoryObjects):
        def replace(self, name: str, body: bytes, *, version: str | None) -> str | None:
            self.puts += 1
            return super().replace(name, body, version=version)

    objects = Written()
    catalogue = Catalogue(objects, owner, log=Log("catalogue", lambda _level, _line: None), workers=1)
    before = 0
    for start in (_START - _DAY, _START):
        before = objects.puts
        catalogue.add(tier_files.pack(day(owner, start), owner, sample.KIND))
    return objects.puts - before


def dynamo_items(made: Sequence[Row]) -> list[Mapping[str, Mapping[str, str]]]:
    """What the adapter writes into DynamoDB."""
    from twin_aws.dynamodb import DynamoStore

    class Client:
        def __init__(self) -> None:
            self.items: list[Mapping[str, Mapping[str, str]]] = []

        def batch_write_item(self, *, RequestItems: Mapping[str, Any], **_: Any) -> dict[str, Any]:
            for requests in RequestItems.values():
                self.items += [request["PutRequest"]["Item"] for request in requests]
            return {"UnprocessedItems": {}}

    client = Client()
    DynamoStore("table", client).put(made)
    return client.items


def dynamo(item: Mapping[str, Mapping[str, str]]) -> int:
    """Names and values; a number takes a byte for two digits and one more; 100 bytes for the index."""
    size = _DYNAMO_ITEM
    for name, value in item.items():
        ((kind, text),) = value.items()
        digits = len(text.strip("-").strip("0").replace(".", ""))
        size += len(name.encode()) + (len(text.encode()) if kind == "S" else (digits + 1) // 2 + 1)
    return size


def cosmos_items(made: Sequence[Row]) -> list[Mapping[str, Any]]:
    """What the adapter writes into Cosmos DB."""
    from twin_azure.store import CosmosStore

    class Container:
        def __init__(self) -> None:
            self.items: list[Mapping[str, Any]] = []

        def upsert_item(self, item: Mapping[str, Any], **_: Any) -> None:
            self.items.append(item)

    container: Any = Container()
    CosmosStore(container, clock=lambda: _START).put(made)
    return container.items


def cosmos(item: Mapping[str, Any]) -> int:
    """The JSON as it is stored, with the properties that the service adds; the index is on top."""
    added = len(COSMOS_SYSTEM) + len(
        'AAAAAAAAAAAAAAAAAAAAAA==/","_etag":"","_attachments":"attachments/","_ts":,'
    )
    etag, timestamp = 38, 10
    return len(json.dumps(item, separators=(",", ":")).encode()) + added + etag + timestamp


def firestore_documents(made: Sequence[Row]) -> list[tuple[str, Mapping[str, Any]]]:
    """What the adapter writes into Firestore: each document's name in its collection, and its fields."""
    from twin_gcp.store import FirestoreStore

    class Client:
        def __init__(self) -> None:
            self.documents: list[tuple[str, Mapping[str, Any]]] = []

        def collection(self, _name: str) -> Any:
            return self

        def document(self, name: str) -> str:
            return name

        def batch(self) -> Any:
            return self

        def set(self, name: str, fields: Mapping[str, Any]) -> None:
            self.documents.append((name, fields))

        def commit(self, **_: Any) -> None: ...

    client: Any = Client()
    FirestoreStore(client).put(made)
    return client.documents


def firestore(name: str, fields: Mapping[str, Any]) -> int:
    """The document, and its entries in the two composite indexes on device and key."""
    from twin_gcp.store import COLLECTION

    named = _text(COLLECTION) + _text(name) + _FIRESTORE_NAME
    document = named + sum(_text(key) + _value(value) for key, value in fields.items()) + _FIRESTORE_DOCUMENT
    entry = named + _FIRESTORE_NAME + _value(fields["device"]) + _value(fields["key"]) + _FIRESTORE_ENTRY
    return document + 2 * entry


def _text(text: str) -> int:
    return len(text.encode()) + 1


def _value(value: Any) -> int:
    """Firestore's sizes of the kinds that a row has: texts, whole numbers, points in time."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | datetime):
        return 8
    raise TypeError(f"a row's field of {type(value).__name__} has no size here")


def _mean(sizes: Sequence[int]) -> Decimal:
    return Decimal(statistics.mean(sizes))
