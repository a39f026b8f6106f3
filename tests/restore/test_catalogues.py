"""The list of each cloud's bucket, and the command over two of them in two clouds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobProperties, ContainerClient, StandardBlobTier

from operations.access import Access
from restore import cli
from restore.catalogues import Entry, State
from restore.catalogues.aws import S3Catalogue
from restore.catalogues.azure import BlobCatalogue
from restore.catalogues.opening import open_catalogue
from restore.places import Place
from support.samples import DOCUMENT, TWIN
from twin_runtime.ports import Objects
from twin_runtime.roles import Cloud
from twin_runtime.storage.rows import to_json

from . import samples, servers
from .samples import DAYS, DEVICE

ROOT = Path(__file__).resolve().parents[2]
RANGE = ("--device", DEVICE, "--from", samples.FROM, "--to", samples.TO)
FILES = [samples.file(samples.rows_of(day)) for day in DAYS]
numbers = count(1)


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
        (None, State.FROZEN),
        ('ongoing-request="true"', State.THAWING),
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
    ("status", "state"), [(None, State.FROZEN), ("rehydrate-pending-to-cool", State.THAWING)]
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
    catalogue = BlobCatalogue("https://account.blob.core.windows.net/c?tier=Cool", servers.KEY)
    assert list(catalogue.entries("events/", lambda _: True)) == [Entry(FILES[0].name, 5, True, state)]


@dataclass(frozen=True)
class Buckets:
    """A cold container in Azure and an archive bucket in Google Cloud, and how an operator reaches them."""

    cold: Place
    archive: Place
    endpoints: Mapping[str, Mapping[str, str]]

    def objects(self, place: Place) -> Objects:
        return Access(endpoints=self.endpoints).to(place.cloud).objects(place.address)


@pytest.fixture(scope="module")
def urls() -> Iterator[tuple[str, str]]:
    archives = ((f"archive-{number}", "ARCHIVE") for number in range(1, 10))
    with servers.azurite() as blobs, servers.cloud_storage(*archives) as storage:
        yield blobs, storage


@pytest.fixture
def buckets(urls: tuple[str, str]) -> Buckets:
    blobs, storage = urls
    number = next(numbers)
    ContainerClient(blobs, f"cold-{number}", servers.KEY).create_container()
    return Buckets(
        Place("cold", "azure", f"{blobs}/cold-{number}?tier=Cool"),
        Place("archive", "gcp", f"gs://archive-{number}"),
        {"azure": {"storage_key": servers.KEY}, "gcp": {"storage": storage}},
    )


@pytest.mark.servers
class TestServers:
    @pytest.mark.parametrize("cloud", [Cloud.AZURE, Cloud.GCP])
    def test_names_sizes_and_classes(self, buckets: Buckets, cloud: Cloud) -> None:
        place = buckets.cold if cloud is Cloud.AZURE else buckets.archive
        samples.put(buckets.objects(place), *FILES)
        catalogue = open_catalogue(place, Access(endpoints=buckets.endpoints).to(cloud))
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
        catalogue = open_catalogue(buckets.archive, Access(endpoints=buckets.endpoints).to("gcp"))
        assert sum(1 for _ in catalogue.entries("events/", lambda _: True)) == 1_001

    def test_rows_from_two_clouds(
        self, buckets: Buckets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The file in between is archived by Azure's own rule, and is asked for."""
        samples.put(buckets.objects(buckets.archive), FILES[1])
        samples.put(buckets.objects(buckets.cold), FILES[2], FILES[3])
        blob = ContainerClient.from_container_url(
            buckets.cold.address.partition("?")[0], credential=servers.KEY
        ).get_blob_client(FILES[2].name)
        blob.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
        self.write(tmp_path, buckets)
        assert self.run(tmp_path, "list", "--json") == 0
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(each["tier"], each["cloud"], each["state"]) for each in told] == [
            ("archive", "gcp", "ready"),
            ("archive", "azure", "archived"),
            ("cold", "azure", "ready"),
        ]
        assert self.run(tmp_path, "rows") == cli.THAWING
        said = capsys.readouterr()
        assert "1 file in azure must be thawed first, which takes up to 15 hours." in said.err
        assert said.out == ""
        assert self.run(tmp_path, "rows") == 0  # Azurite is quicker
        expected = [row for day in DAYS[1:4] for row in samples.rows_of(day, [DEVICE])][1:-1]
        assert capsys.readouterr().out.splitlines() == [to_json(row, TWIN) for row in expected]

    @staticmethod
    def write(folder: Path, buckets: Buckets) -> None:
        twin = {
            "twin": TWIN.name,
            "layers": {
                "acquisition": "azure",
                "processing": "azure",
                "hot_storage": "azure",
                "archive_storage": "gcp",
            },
            "clouds": {
                "azure": {
                    "location": "westeurope",
                    "subscription_id": "00000000-0000-0000-0000-000000000000",
                },
                "gcp": {"project": "my-project", "region": "europe-west1"},
            },
            "device_types": {
                name: {"telemetry": kind["telemetry"]} for name, kind in DOCUMENT["device_types"].items()
            },
            "devices": [{"id": id, "type": kind} for id, kind in DOCUMENT["devices"].items()],
        }
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
        return cli.main([*command, *RANGE, "--twin", str(folder / "twin.yaml"), *files], root=ROOT)
