"""Dead letters in a storage queue, and those of Event Grid in blobs."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from operations.dead_letters.letters import Letter, Received
from operations.dead_letters.locations import Location
from operations.dead_letters.sources.leases import LeasedSource
from operations.reach.azure import AzureReach
from twin_azure.bodies import Bodies, claimed, split
from twin_azure.failures import translated
from twin_azure.queues import StorageQueue
from twin_runtime.deadlines import LEASE_S
from twin_runtime.errors import Retry

_AT_ONCE = 32
_CALLERS = 8
_GONE = "The body of this letter was too long for its message and is no longer in its container."


class QueueSource(LeasedSource):
    """`Source` at a storage queue's address. The service deletes and releases one message per call.

    A message with a claim has the body that it claims, and is deleted before that.
    """

    patience = 2

    def __init__(self, address: str, credential: Any) -> None:
        super().__init__()
        url, container = split(address)
        self._client = QueueClient.from_queue_url(url, credential=credential)
        self._bodies = Bodies(container, credential)
        self._address = address
        self._credential = credential
        self._pool = ThreadPoolExecutor(_CALLERS, thread_name_prefix="dead-letters")

    def __exit__(self, *details: object) -> None:
        super().__exit__(*details)
        self._pool.shutdown()

    def _receive(self) -> list[Received]:
        with translated("The queue"):
            found = list(
                self._client.receive_messages(
                    messages_per_page=_AT_ONCE, max_messages=_AT_ONCE, visibility_timeout=LEASE_S
                )
            )
        return list(self._pool.map(self._opened, found))

    def _opened(self, message: Any) -> Received:
        body = _payload(message.content)
        claim = claimed(body)
        if claim is not None:
            body = self._bodies.get(claim) or _gone(claim)
        return Received(
            id=message.id,
            body=body,
            at=message.inserted_on.timestamp() if message.inserted_on else 0.0,
            handle=[message.id, message.pop_receipt, claim],
            attributes={},
            reads=message.dequeue_count,
        )

    def _delete(self, messages: Sequence[Received]) -> None:
        def delete(message: Received) -> None:
            id, receipt, claim = message.handle
            with translated("The queue"):
                self._client.delete_message(id, receipt)
            if claim is not None:
                self._bodies.delete(claim)

        list(self._pool.map(delete, messages))

    def _release(self, handles: Sequence[Any]) -> None:
        def release(handle: Sequence[str]) -> None:
            with translated("The queue"):
                try:
                    self._client.update_message(handle[0], handle[1], visibility_timeout=0)
                except ResourceNotFoundError:
                    return  # another reader received the message since

        list(self._pool.map(release, handles))

    def _queue(self) -> StorageQueue:
        return StorageQueue(self._address, self._credential)


class BlobSource:
    """`Source` at a container's URL; each blob is a message: an array of events that were not delivered.

    A blob cannot be hidden. A change requires the blob's ETag as read, so one of two concurrent runs fails.
    """

    def __init__(self, url: str, credential: Any) -> None:
        self._container = ContainerClient.from_container_url(url, credential=credential)

    def pages(self) -> Iterator[Sequence[Received]]:
        with translated("The container"):
            for blob in self._container.list_blobs():
                downloaded = self._container.download_blob(blob.name)
                yield [
                    Received(
                        id=blob.name,
                        body=downloaded.readall(),
                        at=downloaded.properties.last_modified.timestamp(),
                        handle=downloaded.properties.etag,
                        attributes={},
                    )
                ]

    def delete(self, messages: Sequence[Received]) -> None:
        for message in messages:
            self._changed(
                lambda message=message: self._container.delete_blob(
                    message.id, etag=message.handle, match_condition=MatchConditions.IfNotModified
                )
            )

    def replace(self, message: Received, left: Sequence[Letter]) -> None:
        body = json.dumps([letter.raw for letter in left]).encode()
        self._changed(
            lambda: self._container.upload_blob(
                message.id,
                body,
                overwrite=True,
                etag=message.handle,
                match_condition=MatchConditions.IfNotModified,
            )
        )

    def __enter__(self) -> BlobSource:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def _changed(self, call: Callable[[], object]) -> None:
        with translated("The container"):
            try:
                call()
            except ResourceModifiedError:
                raise Retry("Another run changed the blob.") from None


def _gone(claim: str) -> bytes:
    """Return a letter in place of one whose body was deleted."""
    return json.dumps({"dead_letter": 1, "reason": _GONE, "body": claim}).encode()


def _payload(text: str) -> bytes:
    """Decode a storage queue's message from base64, or return text that is not base64 as it is."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return text.encode("utf-8", "surrogatepass")


def connect(location: Location, reach: AzureReach) -> QueueSource | BlobSource:
    source = BlobSource if location.hop == "broker" else QueueSource
    return source(location.letters, reach.storage)
