"""The files in a Cloud Storage bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from operations.reach.gcp import GcpReach
from operations.restore.catalogues import Entry, State, Wanted
from operations.restore.locations import Location
from twin_gcp.rest import Rest
from twin_runtime.errors import Retry

_ARCHIVE = "ARCHIVE"


class StorageCatalogue:
    """`Catalogue` of the tier at `gs://<bucket>`. Files of every class are readable at once."""

    def __init__(self, address: str, rest: Rest) -> None:
        self._path = f"storage/v1/b/{address.removeprefix('gs://')}/o"
        self._rest = rest

    def entries(self, prefix: str, wanted: Wanted) -> Iterator[Entry]:
        query = {"prefix": prefix, "fields": "items(name,size,storageClass),nextPageToken"}
        while True:
            page = self._page(query)
            for item in page.get("items", ()):
                if wanted(item["name"]):
                    archived = item.get("storageClass") == _ARCHIVE
                    yield Entry(item["name"], int(item["size"]), archived, State.READY)
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]

    def _page(self, query: dict[str, str]) -> Any:
        answer = self._rest.get(f"{self._path}?{urlencode(query)}")
        if answer.status != 200:
            raise self._rest.failure(answer)
        try:
            return json.loads(answer.body)
        except ValueError as error:
            raise Retry("The answer of Cloud Storage is not JSON.") from error


def connect(location: Location, reach: GcpReach) -> StorageCatalogue:
    rest = Rest(reach.endpoints.storage, reach.tokens, service="Cloud Storage")
    return StorageCatalogue(location.address, rest)
