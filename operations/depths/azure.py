"""Counts of storage queues, which are approximate, and of the blobs that Event Grid wrote."""

from __future__ import annotations

from typing import Any

from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from operations.dead_letters.locations import Location
from operations.reach.azure import AzureReach
from twin_azure.failures import translated


class StorageDepths:
    """`Depths` of queues and of a container by URL."""

    def __init__(self, location: Location, credential: Any) -> None:
        self._location = location
        self._credential = credential

    def letters(self) -> int:
        if self._location.hop != "broker":
            return self._queue(self._location.letters)
        with (
            translated("The container"),
            ContainerClient.from_container_url(
                self._location.letters, credential=self._credential
            ) as container,
        ):
            return sum(1 for _ in container.list_blob_names())

    def waiting(self) -> int:
        return self._queue(self._location.target)

    def _queue(self, address: str) -> int:
        with (
            translated("The queue"),
            QueueClient.from_queue_url(address.partition("?")[0], credential=self._credential) as queue,
        ):
            return queue.get_queue_properties().approximate_message_count or 0


def connect(location: Location, reach: AzureReach) -> StorageDepths:
    return StorageDepths(location, reach.storage)
