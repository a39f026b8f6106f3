"""Google Cloud: the sink in Pub/Sub's place, and a Firestore emulator, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from unittest import mock

from gcp.servers import firestore
from twin_gcp.cloud import Endpoints, GcpCloud

from .services import NOTES, Secret, Sink, Stored, sink

_SAME = ("device", "type", "data", "traceparent", "subject", "received")


class LocalGcp(GcpCloud):
    """The product's own factory at the local servers' addresses."""

    def __init__(self, pubsub: str, secret: str) -> None:
        super().__init__(endpoints=Endpoints(pubsub=pubsub))
        self._secret = Secret(secret)

    def secret(self, address: str) -> Any:
        return self._secret


class GcpServices:
    """`services.Services`. The bare side has an HTTP connection and a Firestore client of its own."""

    runs_on = "Pub/Sub's REST on a bare server, Firestore of @firestore-emulator/server"
    queue = "projects/my-project/topics/factory-queue"
    store = "projects/my-project/databases/factory-hot"
    states = "projects/my-project/databases/factory-state"

    def __init__(self, publisher: Sink, secret: str) -> None:
        from google.cloud.firestore import Client

        self.cloud = LocalGcp(publisher.url, secret)
        self._sink = publisher
        self._client = Client(project="my-project", database="factory-hot")
        self._rows = self._client.collection("rows")
        self._states = Client(project="my-project", database="factory-state")

    def send(self, body: str) -> None:
        document = {"messages": [{"data": b64encode(body.encode()).decode()}]}
        content = json.dumps(document).encode()
        self._sink.post(f"/v1/{self.queue}:publish", content, {"content-type": "application/json"})

    def put(self, rows: Sequence[Stored]) -> None:
        batch = self._client.batch()
        for row in rows:
            key = f"{row['time']}#{row['id']}"
            name = sha256(f"{row['device']}\n{key}".encode()).hexdigest()[:40]
            document = {name: row[name] for name in _SAME}
            expires = datetime.fromtimestamp(row["expires"], UTC)
            batch.create(self._rows.document(name), {**document, "key": key, "expires": expires})
        batch.commit()

    def query(self, device: str, limit: int) -> list[Stored]:
        from google.cloud.firestore_v1.base_query import FieldFilter

        found = self._rows.where(filter=FieldFilter("device", "==", device)).order_by("key").limit(limit)
        return [_stored(snapshot.to_dict() or {}) for snapshot in found.stream()]

    def state(self, device: str) -> tuple[str, Any]:
        snapshot = self._states.document(f"state/@{device}").get()
        return snapshot.get("text"), snapshot.update_time

    def put_state(self, device: str, text: str, version: Any) -> Any:
        unchanged = self._states.write_option(last_update_time=version)
        record = self._states.document(f"state/@{device}")
        return record.update({"text": text, "writer": "bare"}, option=unchanged).update_time

    def taken(self) -> list[str]:
        return self._sink.taken()

    def rows(self) -> list[Stored]:
        found = list(self._rows.stream())
        for snapshot in found:
            snapshot.reference.delete()
        documents = [snapshot.to_dict() or {} for snapshot in found]
        return [_stored(each) for each in documents if not each["device"].startswith(NOTES)]


def _stored(document: dict[str, Any]) -> Stored:
    time, _, id = document.pop("key").partition("#")
    return {**document, "time": time, "id": id, "expires": int(document["expires"].timestamp())}


@contextlib.contextmanager
def services(secret: str) -> Iterator[GcpServices]:
    """The services, until the end of the block. `secret` is the text of every secret."""
    with firestore() as host, sink() as publisher:
        environment = {"FIRESTORE_EMULATOR_HOST": host, "GOOGLE_CLOUD_PROJECT": "my-project"}
        with mock.patch.dict(os.environ, environment):
            yield GcpServices(publisher, secret)
