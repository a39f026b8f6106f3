"""The list of each cloud's bucket, and the command over two of them in two clouds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobProperties, ContainerClient, StandardBlobTier

from azure.servers import KEY, azurite
from command.app import main
from command.exits import Exit
from local_cloud.gcp.storage import Storage
from operations.access import Access
from operations.restore.catalogues import Entry, State
from operations.restore.catalogues.aws import S3Catalogue
from operations.restore.catalogues.azure import BlobCatalogue
from operations.restore.locations import Location
from support import documents
from support.samples import TWIN
from support.servers import free_port
from twin_runtime.ports import Objects
from twin_runtime.roles import Cloud
from twin_runtime.storage.rows import to_json

from . import samples
from .samples import DAYS, DEVICE

RANGE = ("--device", DEVICE, "--from", samples.FROM, "--to", samples.TO)
FILES = [samples.file(samples.rows_of(day)) for day in DAYS]
numbers = count(1)
CATALOGUES = "operations.restore.catalogues"


class S3:
    """A client of S3 with these files, two to a page; `restore` is what is told of an archived one."""

    def __init__(self, restore: str | None = None) -> None:
        self._restore = restore
        self.heads: list[str] = []

    def list_objects_v2(self, *, Bucket: str, Prefix: str, ContinuationToken: str = "0") -> dict[str, Any]:
        assert Bucket == "bucket"
        names = sorted(file.name for file in FILES if file.name.startswith(Prefix))
        at = int(ContinuationToken)
        classes = ["STANDARD_IA", "DEEP_ARCHIVE"]
        page = [
            {"Key": name, "Size": 10 + at + n, "StorageClass": classes[n]}
            for n, name in enumerate(names[at : at + 2])
        ]
        more = at + 2 < len(names)
        return {"Contents": page, "IsTruncated": more} | (
            {"NextContinuationToken": str(at + 2)} if more else {}
        )

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self.heads.append(Key)
        return {} if self._restore is None else {"Restore": self._restore}


@pytest.mark.parametrize(
    ("restore", "state"),
    [
        (None, State.ARCHIVED),
        ('ongoing-request="true"', State.RETRIEVING),
        ('ongoing-request="false", expiry-date="Fri, 1 Mar 2024 00:00:00 GMT"', State.READY),
    ],
)
def test_s3_is_asked_of_archived_files_alone(restore: str | None, state: State) -> None:
    s3 = S3(restore)
    found = list(S3Catalogue("s3://bucket?class=STANDARD_IA", s3).entries("events/", lambda _: True))
    assert [entry.name for entry in found] == sorted(file.name for file in FILES)
    assert [entry.archived for entry in found] == [False, True, False, True, False]
    assert [entry.state for entry in found] == [State.READY, state, State.READY, state, State.READY]
    assert [entry.size for entry in found] == [10, 11, 12, 13, 14]
    assert s3.heads == [entry.name for entry in found if entry.archived]


def test_what_is_not_wanted_is_not_asked() -> None:
    s3 = S3()
    assert list(S3Catalogue("s3://bucket?class=STANDARD_IA", s3).entries("events/", lambda _: False)) == []
    assert s3.heads == []


@pytest.mark.parametrize(
    ("status", "state"), [(None, State.ARCHIVED), ("rehydrate-pending-to-cool", State.RETRIEVING)]
)
def test_a_blob_that_is_being_rehydrated(
    status: str | None, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = BlobProperties()
    blob.name, blob.size, blob.blob_tier, blob.archive_status = (
        FILES[0].name,
        5,
        StandardBlobTier.ARCHIVE,
        status,
    )
    monkeypatch.setattr(ContainerClient, "list_blobs", lambda *_, **__: [blob])
    catalogue = BlobCatalogue("https://account.blob.core.windows.net/c?tier=Cool", KEY)
    assert list(catalogue.entries("events/", lambda _: True)) == [Entry(FILES[0].name, 5, True, state)]


@dataclass(frozen=True)
class Buckets:
    """A cold container in Azure and an archive bucket in Google Cloud, and how an operator reaches them."""

    cold: Location
    archive: Location
    endpoints: Mapping[str, Mapping[str, str]]

    def objects(self, location: Location) -> Objects:
        return Access(endpoints=self.endpoints).to(location.cloud).objects(location.address)


@pytest.fixture(scope="module")
def urls() -> Iterator[tuple[str, str]]:
    port = free_port()
    with azurite() as storage, closing(Storage(port)) as server:
        server.create({"name": f"archive-{number}", "storage_class": "ARCHIVE"} for number in range(1, 10))
        yield storage.blobs, f"http://127.0.0.1:{port}"


@pytest.fixture
def buckets(urls: tuple[str, str]) -> Buckets:
    blobs, storage = urls
    number = next(numbers)
    ContainerClient(blobs, f"cold-{number}", KEY).create_container()
    return Buckets(
        Location("cold", "azure", f"{blobs}/cold-{number}?tier=Cool"),
        Location("archive", "gcp", f"gs://archive-{number}"),
        {"azure": {"storage_key": KEY}, "gcp": {"storage": storage}},
    )


@pytest.mark.servers
class TestServers:
    @pytest.mark.parametrize("cloud", [Cloud.AZURE, Cloud.GCP])
    def test_names_sizes_and_classes(self, buckets: Buckets, cloud: Cloud) -> None:
        location = buckets.cold if cloud is Cloud.AZURE else buckets.archive
        samples.put(buckets.objects(location), *FILES)
        catalogue = Access(endpoints=buckets.endpoints).adapter(CATALOGUES, location)
        found = list(
            catalogue.entries("events/type=thermostat/day=2024-02-2", lambda name: DAYS[0] not in name)
        )
        assert [(entry.name, entry.size) for entry in found] == [
            (file.name, len(file.body)) for file in FILES if DAYS[0] not in file.name
        ]
        assert {(entry.archived, entry.state) for entry in found} == {(cloud is Cloud.GCP, State.READY)}

    def test_more_files_than_a_page_of_cloud_storage(self, buckets: Buckets) -> None:
        objects = buckets.objects(buckets.archive)
        devices = [f"thermostat-{number:04}" for number in range(1_001)]
        samples.put(objects, *(samples.file([samples.row(device, DAYS[0], 1)]) for device in devices))
        catalogue = Access(endpoints=buckets.endpoints).adapter(CATALOGUES, buckets.archive)
        assert sum(1 for _ in catalogue.entries("events/", lambda _: True)) == 1_001

    def test_rows_from_two_clouds(
        self, buckets: Buckets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The file in between is archived by Azure's own rule, and is asked for."""
        samples.put(buckets.objects(buckets.archive), FILES[1])
        samples.put(buckets.objects(buckets.cold), FILES[2], FILES[3])
        blob = ContainerClient.from_container_url(
            buckets.cold.address.partition("?")[0], credential=KEY
        ).get_blob_client(FILES[2].name)
        blob.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
        self.write(tmp_path, buckets)
        assert self.run(tmp_path, "list", "--json") == 0
        told = documents.read("restore list", capsys)["files"]
        assert [(each["tier"], each["cloud"], each["state"]) for each in told] == [
            ("archive", "gcp", "ready"),
            ("archive", "azure", "archived"),
            ("cold", "azure", "ready"),
        ]
        assert self.run(tmp_path, "rows") == Exit.NOT_YET
        said = capsys.readouterr()
        assert "1 file in azure must be retrieved from the archive, which takes up to 15 hours." in said.err
        assert "Azure archives rehydrated files again after 7 days." in said.err
        assert "--retrieval-days" not in said.err, "that option is for S3"
        assert said.out == ""
        assert self.run(tmp_path, "rows") == 0  # Azurite is quicker
        expected = [row for day in DAYS[1:4] for row in samples.rows_of(day, [DEVICE])][1:-1]
        assert capsys.readouterr().out.splitlines() == [to_json(row, TWIN) for row in expected]

    @staticmethod
    def write(folder: Path, buckets: Buckets) -> None:
        twin = samples.twin_file(
            "azure",
            "gcp",
            azure={"location": "westeurope", "subscription_id": "00000000-0000-0000-0000-000000000000"},
            gcp={"project": "my-project", "region": "europe-west1"},
        )
        hot = {"cloud": "azure", "address": "https://account/dbs/hot/colls/rows"}
        cold = {"cloud": "azure", "address": buckets.cold.address}
        archive = {"cloud": "gcp", "address": buckets.archive.address}
        tiers = {"azure": {"hot": hot, "cold": cold}, "gcp": {"archive": archive}}
        outputs = {cloud: {"storage_tiers": each} for cloud, each in tiers.items()}
        for name, document in (("twin.yaml", twin), ("outputs", outputs), ("endpoints", buckets.endpoints)):
            (folder / name).write_text(json.dumps(document))

    @staticmethod
    def run(folder: Path, *command: str) -> int:
        files = [word for name in ("outputs", "endpoints") for word in (f"--{name}", str(folder / name))]
        return main(["restore", *command, *RANGE, "--twin", str(folder / "twin.yaml"), *files])
