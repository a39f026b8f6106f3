"""The files in an S3 bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from operations.restore.catalogues import Entry, State, Wanted
from operations.restore.locations import Location
from twin_aws.clients import calling, client

_ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")


class S3Catalogue:
    """`Catalogue` of the tier at `s3://<bucket>?class=…`.

    The state of a restore comes from a request per archived file: not every S3 server has it in the list.
    """

    def __init__(self, address: str, client: Any) -> None:
        self._bucket = urlsplit(address).netloc
        self._client = client

    def entries(self, prefix: str, wanted: Wanted) -> Iterator[Entry]:
        query: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        while True:
            with calling("S3"):
                page = self._client.list_objects_v2(**query)
            for item in page.get("Contents", ()):
                if wanted(item["Key"]):
                    archived = item.get("StorageClass") in _ARCHIVED
                    state = self._state(item["Key"]) if archived else State.READY
                    yield Entry(item["Key"], item["Size"], archived, state)
            if not page.get("IsTruncated"):
                return
            query["ContinuationToken"] = page["NextContinuationToken"]

    def _state(self, name: str) -> State:
        with calling("S3"):
            head = self._client.head_object(Bucket=self._bucket, Key=name)
        said = head.get("Restore", "")
        if 'ongoing-request="true"' in said:
            return State.RETRIEVING
        return State.READY if 'ongoing-request="false"' in said else State.ARCHIVED


def connect(location: Location, _reach: object) -> S3Catalogue:
    return S3Catalogue(location.address, client("s3"))
