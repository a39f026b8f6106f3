"""The files in a blob container."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from azure.storage.blob import BlobProperties, ContainerClient

from operations.reach.azure import AzureReach
from operations.restore.catalogues import Entry, State, Wanted
from operations.restore.locations import Location
from twin_azure.failures import translated

_ARCHIVE = "Archive"


class BlobCatalogue:
    """`Catalogue` of the tier at `https://<account>…/<container>?tier=…`.

    A rehydrated blob is in the tier Cool, and counts as cold, until the container's rule archives it again.
    """

    def __init__(self, address: str, credential: Any) -> None:
        url = address.partition("?")[0]
        self._container = ContainerClient.from_container_url(url, credential=credential)

    def entries(self, prefix: str, wanted: Wanted) -> Iterator[Entry]:
        with translated("Blob storage"):
            for blob in self._container.list_blobs(name_starts_with=prefix):
                if wanted(blob.name):
                    archived = blob.blob_tier == _ARCHIVE
                    yield Entry(blob.name, blob.size, archived, _state(blob) if archived else State.READY)


def _state(blob: BlobProperties) -> State:
    return State.RETRIEVING if blob.archive_status else State.ARCHIVED


def connect(location: Location, reach: AzureReach) -> BlobCatalogue:
    return BlobCatalogue(location.address, reach.storage)
