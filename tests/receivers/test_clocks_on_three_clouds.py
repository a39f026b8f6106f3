"""A device whose clock says 1970 or 2100, at the broker and in the store of each cloud."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from support.memory import MemoryQueue
from support.samples import DOCUMENT, TIME, TWIN, log
from twin_aws import dynamodb
from twin_aws import triggers as aws
from twin_azure import changes, telemetry
from twin_azure import store as cosmos
from twin_gcp import devices, envelope
from twin_gcp import store as firestore
from twin_gcp import triggers as gcp
from twin_runtime.deadlines import Limits
from twin_runtime.delivery.dead_letters import DeadLetters, decode
from twin_runtime.functions.dispatcher import Dispatcher
from twin_runtime.model import Twin, parse
from twin_runtime.ports import Event, Row
from twin_runtime.roles import Cloud, Role
from twin_runtime.storage import rows

DEVICE = "thermostat-1"
NOW = 1_709_208_000
CLOCKS = {"1970-01-01T00:00:07.000000Z": "behind", "2100-01-01T00:00:00.500000Z": "ahead"}
Send = Callable[[Dispatcher, bytes, Twin], None]


def to_iot_core(role: Dispatcher, body: bytes, _: Twin) -> None:
    payload = b64encode(body).decode()
    told = {"device": DEVICE, "client": DEVICE, "received": NOW * 1_000, "payload": payload}
    role.handle([aws.broker_message(told)])


def to_iot_hub(role: Dispatcher, body: bytes, _: Twin) -> None:
    properties = {"iothub-connection-device-id": DEVICE, "iothub-enqueuedtime": "2024-02-29T12:00:00Z"}
    told = {"systemProperties": properties, "body": b64encode(body).decode()}
    role.handle([telemetry.read(told, TIME)])


class Fleet:
    def read_text(self) -> str:
        return "fleet"


class Push:
    """A request of Pub/Sub."""

    def __init__(self, body: bytes) -> None:
        key = devices.device_key("fleet", DEVICE)
        attributes = devices.attributes(key, DEVICE, NOW, body)
        message = {"data": b64encode(body).decode(), "publishTime": "2024-02-29T12:00:00Z"}
        self._body = json.dumps({"message": message | {"attributes": attributes}}).encode()
        self.content_length = len(self._body)

    def get_data(self) -> bytes:
        return self._body


def to_pubsub(role: Dispatcher, body: bytes, twin: Twin) -> None:
    fleet: Any = Fleet()
    assert gcp.broker(role, fleet, twin, log()[0], Limits(Role.DISPATCHER, Cloud.GCP))(Push(body)) == gcp.DONE


def in_dynamodb(row: Row) -> Row:
    return dynamodb._row(dynamodb._item(row))


def in_cosmos(row: Row) -> Row:
    store = cosmos.CosmosStore.__new__(cosmos.CosmosStore)
    store._clock = lambda: float(NOW)
    return cosmos.row_of(json.loads(json.dumps(store._item(row))))


def in_firestore(row: Row) -> Row:
    return firestore._row(firestore._document(row))


BROKERS: dict[Cloud, Send] = {Cloud.AWS: to_iot_core, Cloud.AZURE: to_iot_hub, Cloud.GCP: to_pubsub}
STORES = {Cloud.AWS: in_dynamodb, Cloud.AZURE: in_cosmos, Cloud.GCP: in_firestore}


def dispatched(cloud: Cloud, reading: Any, twin: Twin = TWIN) -> tuple[list[Event], list[str]]:
    """The events of a reading, and the reasons of its dead letters."""
    queue, dead = MemoryQueue(), MemoryQueue()
    role = Dispatcher(twin=twin, queue=queue, dead=DeadLetters(dead, log()[0]), log=log()[0])
    BROKERS[cloud](role, json.dumps(reading).encode(), twin)
    events = [event for body in queue.bodies for event in json.loads(body)]
    return events, [letter.reason for body in dead.bodies for letter in decode(body)]


@pytest.mark.parametrize("said", CLOCKS)
@pytest.mark.parametrize("store", Cloud)
@pytest.mark.parametrize("broker", Cloud)
def test_the_reading_is_stored_with_its_receipt_and_what_the_clock_said(
    broker: Cloud, store: Cloud, said: str
) -> None:
    (event,), refused = dispatched(broker, {"id": 7, "time": said, "data": {"temperature": 95}})
    assert refused == []
    assert (event["time"], event["received"]) == (TIME, TIME)
    assert (event["devicetime"], event["clock"]) == (said, CLOCKS[said])
    row = rows.from_event(event, TWIN, NOW)
    assert row.expires <= NOW + TWIN.expire_days * 86_400
    back = STORES[store](row)
    assert back == row
    assert rows.to_event(back, TWIN) == json.loads(rows.to_json(back, TWIN)) == event


@pytest.mark.parametrize("said", CLOCKS)
@pytest.mark.parametrize("broker", Cloud)
def test_a_type_may_refuse_it(broker: Cloud, said: str) -> None:
    thermostat = DOCUMENT["device_types"]["thermostat"] | {"clock": {"refuse": True}}
    twin = parse(DOCUMENT | {"device_types": DOCUMENT["device_types"] | {"thermostat": thermostat}})
    events, (reason,) = dispatched(broker, {"time": said, "data": {"temperature": 95}}, twin)
    assert events == []
    assert reason.startswith("The time is more than ")


@pytest.mark.parametrize("store", Cloud)
def test_a_row_of_an_earlier_release_has_todays_type(store: Cloud) -> None:
    (event,), _ = dispatched(Cloud.AWS, {"temperature": 1})
    old = rows.from_event(event, TWIN, NOW)._replace(subject="", received="")
    back = STORES[store](old)
    assert back == old
    assert rows.to_event(back, TWIN) == {name: value for name, value in event.items() if name != "received"}


def test_the_change_feed_has_the_event_as_it_was_stored() -> None:
    (event,), _ = dispatched(Cloud.AZURE, {"time": min(CLOCKS), "data": {"temperature": 1}})
    store = cosmos.CosmosStore.__new__(cosmos.CosmosStore)
    store._clock = lambda: float(NOW)
    document = store._item(rows.from_event(event, TWIN, NOW))
    assert list(changes.events([document], TWIN)) == [event]


def test_pubsubs_time_of_receipt_is_the_envelopes() -> None:
    assert envelope.parse(Push(b"{}").get_data()).published == TIME
