"""The tiers in blob containers: the contract on Azurite, access tiers, and what is archived."""

from __future__ import annotations

from base64 import b64encode
from hashlib import md5, sha256
from itertools import count
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, ContainerClient, StandardBlobTier, StorageErrorCode

from contract.adapter_contract import CatalogueContract, ObjectsContract, ReplacedObjectsContract, named
from twin_azure import blobs
from twin_azure.blobs import BlobObjects
from twin_runtime.errors import ConfigurationError, Refused, Retry
from twin_runtime.ports import PARTS

from . import servers

_numbers = count(1)
DIGEST = sha256(b"x").hexdigest()


@pytest.fixture
def container(blob_service: str) -> ContainerClient:
    made = ContainerClient(blob_service, f"factory-cold-{next(_numbers)}", servers.KEY)
    made.create_container()
    return made


def tier(container: ContainerClient, name: str = "Cool") -> BlobObjects:
    return BlobObjects.at(f"{container.url}?tier={name}", servers.KEY)


@pytest.mark.servers
class TestBlobs(ObjectsContract, ReplacedObjectsContract, CatalogueContract):
    @pytest.fixture
    def objects(self, container: ContainerClient) -> BlobObjects:
        return tier(container)

    def test_more_names_than_one_call_of_the_service_gives(
        self, objects: BlobObjects, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(blobs, "_PAGE", 4)
        for number in range(11):
            self.put(objects, named(number))
        assert list(objects.names("events/")) == [named(number) for number in range(11)]
        assert list(objects.names("events/", after=named(1), limit=7)) == [named(n) for n in range(2, 9)]

    def test_a_page_does_not_list_what_earlier_ones_gave(
        self, objects: BlobObjects, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(9):
            self.put(objects, named(number))
        listed: list[int] = []
        page = objects._page

        def counting(*arguments: Any) -> Any:
            names, mark = page(*arguments)
            listed.append(len(names))
            return names, mark

        monkeypatch.setattr(objects, "_page", counting)
        last = ""
        while names := objects.names("events/", after=last, limit=3):
            last = names[-1]
        assert listed == [3, 3, 3, 3]  # the last one once more, as names may have come after it

    @pytest.mark.parametrize("name", ["Cool", "Archive"])
    def test_files_have_the_tier_of_their_address_and_parts_can_always_be_read(
        self, container: ContainerClient, name: str
    ) -> None:
        objects = tier(container, name)
        for file in (named(1), named(1, PARTS)):
            objects.put(file, b"x", rows=1, sha256=DIGEST)
        tiers = {blob.name: blob.blob_tier for blob in container.list_blobs()}
        assert tiers == {named(1): name, named(1, PARTS): "Hot"}
        assert objects.get(named(1, PARTS)) == b"x"

    def test_the_service_checks_the_bytes(self, container: ContainerClient) -> None:
        sent: list[Any] = []
        objects = tier(container)
        upload = objects._container.upload_blob
        objects._container.upload_blob = lambda *args, **kwargs: upload(  # type: ignore[method-assign]
            *args, **kwargs, raw_request_hook=lambda request: sent.append(request.http_request.headers)
        )
        objects.put(named(1), b"x", rows=1, sha256=DIGEST)
        digest = md5(b"x", usedforsecurity=False).digest()
        assert sent[0]["Content-MD5"] == b64encode(digest).decode()

    def test_a_container_that_is_not_there_is_tried_again(self, blob_service: str) -> None:
        objects = BlobObjects.at(f"{blob_service}/missing?tier=Cool", servers.KEY)
        with pytest.raises(Retry, match="Blob storage answered 404"):
            objects.put(named(1), b"x", rows=1, sha256=DIGEST)

    def test_what_somebody_else_put_is_refused(self, container: ContainerClient) -> None:
        container.upload_blob("events/x", b"x", metadata={"rows": "1"})
        with pytest.raises(Refused, match="is not of a twin"):
            tier(container).stat("events/x")


class Archived:
    """A container whose one blob is archived, as the service answers; Azurite lets it be read.

    `tiers` are those that were asked for.
    """

    def __init__(self, *, rows: str = "1", status: str | None = None) -> None:
        self.properties = BlobProperties(
            metadata={"rows": rows, "sha256": DIGEST}, blob_tier="Archive", archive_status=status
        )
        self.properties.size = 1
        self.properties.blob_tier, self.properties.archive_status = StandardBlobTier.ARCHIVE, status
        self.tiers: list[Any] = []

    def get_blob_client(self, _name: str) -> Archived:
        return self

    def get_blob_properties(self) -> BlobProperties:
        return self.properties

    def set_standard_blob_tier(self, tier: Any) -> None:
        self.tiers.append(tier)
        if len(self.tiers) > 1:
            raise _conflict(StorageErrorCode.BLOB_BEING_REHYDRATED)

    def upload_blob(self, *_: Any, **__: Any) -> None:
        raise _conflict(StorageErrorCode.BLOB_ARCHIVED)

    def download_blob(self, *_: Any, **__: Any) -> None:
        raise _conflict(StorageErrorCode.BLOB_ARCHIVED)


def _conflict(code: StorageErrorCode) -> ResourceExistsError:
    error = ResourceExistsError("409")
    error.status_code, error.error_code = 409, code  # type: ignore[attr-defined]
    return error


def archived(**blob: Any) -> tuple[BlobObjects, Archived]:
    client: Any = Archived(**blob)
    return BlobObjects(client, StandardBlobTier.ARCHIVE), client


def test_an_archived_file_is_refused_and_thawed() -> None:
    objects, client = archived()
    with pytest.raises(Refused, match="must be restored"):
        objects.get(named(1))
    assert objects.thaw(named(1), days=7) is False
    assert objects.thaw(named(1), days=7) is False
    assert client.tiers == [StandardBlobTier.COOL] * 2
    client.properties.blob_tier = StandardBlobTier.COOL
    assert objects.thaw(named(1), days=7) is True


def test_a_file_that_is_being_thawed_is_waited_for() -> None:
    objects, client = archived(status="rehydrate-pending-to-cool")
    assert objects.thaw(named(1), days=7) is False
    assert client.tiers == []


def test_an_archived_file_that_is_put_again_is_there() -> None:
    objects, _ = archived()
    objects.put(named(1), b"x", rows=1, sha256=DIGEST)
    with pytest.raises(Retry, match="answered 409"):
        objects.put(named(1), b"x", rows=2, sha256=DIGEST)


def test_a_blob_that_is_not_there_cannot_be_thawed() -> None:
    objects, client = archived()

    def missing() -> BlobProperties:
        raise ResourceNotFoundError

    client.get_blob_properties = missing  # type: ignore[method-assign]
    with pytest.raises(Refused, match="is not in the container"):
        objects.thaw(named(1), days=7)


@pytest.mark.parametrize(
    "address",
    ["", "https://a.example", "https://a.example/cold", "https://a.example/cold?tier=Hot", "cold?tier=Cool"],
)
def test_addresses_that_are_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"<container>\?tier="):
        BlobObjects.at(address, servers.KEY)
