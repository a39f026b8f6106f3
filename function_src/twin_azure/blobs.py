"""The cold and the archive tier in blob containers.

A tier's address is `https://<account>.blob.core.windows.net/<container>?tier=<access tier>`, Cool or Archive:
an account cannot have Archive as its default, so the tier is named with each blob.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobProperties, ContainerClient, ContentSettings, StandardBlobTier

from twin_runtime.deadlines import Service
from twin_runtime.errors import ConfigurationError, Refused
from twin_runtime.ports import PARTS, Stored, Versioned

from .bounds import of_storage
from .failures import translated

_SERVICE = "Blob storage"
_TIERS = {tier.value: tier for tier in (StandardBlobTier.COOL, StandardBlobTier.ARCHIVE)}
_ARCHIVED = ("BlobArchived", "BlobBeingRehydrated")
_PAGE = 5_000
_MARKS = 64


class BlobObjects:
    """`ports.Objects` in a container. Thread-safe, as the client is."""

    def __init__(self, container: ContainerClient, tier: StandardBlobTier) -> None:
        self._container = container
        self._tier = tier
        self._marks: dict[tuple[str, str], str] = {}

    @classmethod
    def at(cls, address: str, credential: Any) -> BlobObjects:
        """The tier at `https://<account>.blob.core.windows.net/<container>?tier=<access tier>`."""
        url, _, query = address.partition("?")
        account, _, container = url.rstrip("/").rpartition("/")
        tiers = parse_qs(query).get("tier", [])
        if not urlsplit(account).netloc or not container or len(tiers) != 1 or tiers[0] not in _TIERS:
            raise ConfigurationError("A tier's address must be https://<account>/<container>?tier=<tier>.")
        return cls(
            ContainerClient(account, container, credential, **of_storage(Service.OBJECTS)), _TIERS[tiers[0]]
        )

    def put(self, name: str, body: bytes, *, rows: int, sha256: str) -> None:
        tier = StandardBlobTier.HOT if name.startswith(PARTS) else self._tier
        with translated(_SERVICE):
            try:
                self._container.upload_blob(
                    name,
                    body,
                    overwrite=True,
                    metadata={"rows": str(rows), "sha256": sha256},
                    content_settings=ContentSettings(content_type="application/gzip"),
                    standard_blob_tier=tier,
                    validate_content="md5",
                )
            except HttpResponseError as error:
                # An archived blob is not written over; a name always stands for the same bytes.
                if _code(error) not in _ARCHIVED or self.stat(name) != Stored(name, len(body), rows, sha256):
                    raise

    def stat(self, name: str) -> Stored | None:
        found = self._properties(name)
        if found is None:
            return None
        try:
            return Stored(name, found.size, int(found.metadata["rows"]), found.metadata["sha256"])
        except (KeyError, ValueError):
            raise Refused(f"{name} has no count of rows and checksum: it is not of a twin.") from None

    def get(self, name: str, *, start: int = 0, length: int | None = None) -> bytes:
        offset = None if length is None else start
        with translated(_SERVICE), _refusing(name):
            return self._container.download_blob(name, offset=offset, length=length).readall()

    def read(self, name: str) -> Versioned | None:
        with translated(_SERVICE):
            try:
                found = self._container.download_blob(name)
                return Versioned(found.readall(), found.properties.etag)
            except ResourceNotFoundError:
                return None

    def replace(self, name: str, body: bytes, *, version: str | None) -> str | None:
        condition: dict[str, Any] = {"overwrite": False}
        if version is not None:
            condition = {"overwrite": True, "etag": version, "match_condition": MatchConditions.IfNotModified}
        with translated(_SERVICE):
            try:
                blob = self._container.get_blob_client(name)
                return blob.upload_blob(
                    body,
                    content_settings=ContentSettings(content_type="application/gzip"),
                    standard_blob_tier=StandardBlobTier.HOT,
                    validate_content="md5",
                    **condition,
                )["etag"]
            except (ResourceExistsError, ResourceModifiedError):
                return None

    def names(self, prefix: str, *, after: str = "", limit: int = 1_000) -> Sequence[str]:
        # The service goes on at a mark of its own alone, not after a name: the marks of the last pages that
        # this process was given are kept, and without one it lists from the beginning.
        found: list[str] = []
        mark = self._marks.get((prefix, after))
        while True:
            names, following = self._page(prefix, mark, limit)
            found += [name for name in names if name > after]
            if len(found) >= limit:
                last = found[limit - 1]
                self._keep(prefix, last, (following or mark) if names[-1] == last else mark)
                return found[:limit]
            if not following:
                return found
            mark = following

    def delete(self, name: str) -> None:
        with translated(_SERVICE):
            try:
                self._container.delete_blob(name)
            except ResourceNotFoundError:
                return

    def thaw(self, name: str, *, days: int) -> bool:
        """The blob goes to the tier Cool. It is the container's rules that move it back after some days."""
        found = self._properties(name)
        if found is None:
            raise Refused(f"{name} is not in the container.")
        if found.blob_tier != StandardBlobTier.ARCHIVE:
            return True
        if not found.archive_status:
            with translated(_SERVICE):
                try:
                    blob = self._container.get_blob_client(name)
                    blob.set_standard_blob_tier(StandardBlobTier.COOL)
                except HttpResponseError as error:
                    if _code(error) not in _ARCHIVED:
                        raise
        return False

    def _properties(self, name: str) -> BlobProperties | None:
        with translated(_SERVICE):
            try:
                return self._container.get_blob_client(name).get_blob_properties()
            except ResourceNotFoundError:
                return None

    def _page(self, prefix: str, mark: str | None, limit: int) -> tuple[list[str], str | None]:
        """Names in order, and the mark of the page after them."""
        with translated(_SERVICE):
            pages = self._container.list_blob_names(
                name_starts_with=prefix, results_per_page=min(limit, _PAGE)
            ).by_page(mark)
            names = list(next(pages, ()))
        return names, getattr(pages, "continuation_token", None) or None

    def _keep(self, prefix: str, last: str, mark: str | None) -> None:
        if len(self._marks) >= _MARKS:
            self._marks.clear()
        if mark is not None:
            self._marks[prefix, last] = mark


def _code(error: HttpResponseError) -> str:
    return getattr(getattr(error, "error_code", ""), "value", "") or str(getattr(error, "error_code", ""))


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """What no second attempt changes is `Refused`."""
    try:
        yield
    except ResourceNotFoundError as error:
        raise Refused(f"{name} is not in the container.") from error
    except HttpResponseError as error:
        if _code(error) in _ARCHIVED:
            raise Refused(f"{name} is archived and must be restored before it can be read.") from error
        raise
