"""The stand-in for Cloud Storage: the tiers' contract through the product's adapter, and what is refused."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import md5, sha256
from typing import Any

import pytest

from contract.adapter_contract import CatalogueContract, ObjectsContract, ReplacedObjectsContract, named
from local_cloud.gcp.storage import Storage
from local_cloud.processes import free_port
from twin_gcp import objects as module
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_gcp.objects import StorageObjects
from twin_gcp.rest import Rest
from twin_runtime.deadlines import Bounds
from twin_runtime.errors import ConfigurationError, Refused, Retry, Throttled
from twin_runtime.ports import PARTS
from twin_runtime.wire.http_client import Answer, Unreachable

BUCKET = "factory-cold"
DIGEST = sha256(b"x").hexdigest()


@pytest.fixture
def server() -> Iterator[tuple[Storage, str]]:
    """With its URL."""
    port = free_port()
    storage = Storage(port)
    storage.create([{"name": BUCKET, "storage_class": "NEARLINE"}, {"name": "factory-functions"}])
    yield storage, f"http://127.0.0.1:{port}"
    storage.close()


def tier(url: str, bucket: str = BUCKET) -> StorageObjects:
    return GcpCloud(endpoints=Endpoints(storage=url)).objects(f"gs://{bucket}")


class TestStorage(ObjectsContract, ReplacedObjectsContract, CatalogueContract):
    @pytest.fixture
    def objects(self, server: tuple[Storage, str]) -> StorageObjects:
        return tier(server[1])

    def test_more_names_than_one_call_of_the_service_gives(
        self, objects: StorageObjects, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_PAGE", 4)
        for number in range(11):
            self.put(objects, named(number))
        assert list(objects.names("events/")) == [named(number) for number in range(11)]
        assert list(objects.names("events/", after=named(1), limit=7)) == [named(n) for n in range(2, 9)]


def test_files_have_the_class_of_their_bucket_and_parts_the_one_of_data_in_use(
    server: tuple[Storage, str],
) -> None:
    storage, url = server
    for name in (named(1), named(1, PARTS)):
        tier(url).put(name, b"x", rows=1, sha256=DIGEST)
    rest = Rest(url, None, service="Cloud Storage")
    pages = json.loads(rest.get(f"storage/v1/b/{BUCKET}/o").body)["items"]
    assert {item["name"]: item["storageClass"] for item in pages} == {
        named(1): "NEARLINE",
        named(1, PARTS): "STANDARD",
    }
    assert storage.names(BUCKET) == [named(1), named(1, PARTS)]


def test_a_bucket_that_is_not_there_is_tried_again(server: tuple[Storage, str]) -> None:
    missing = tier(server[1], "missing")
    with pytest.raises(Retry, match="Cloud Storage answered 404"):
        missing.put(named(1), b"x", rows=1, sha256=DIGEST)
    with pytest.raises(Retry, match="Cloud Storage answered 404"):
        missing.names("")


def test_bytes_that_are_not_those_of_their_checksum_are_refused(
    server: tuple[Storage, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "md5", lambda body, **_: md5(body + b"y", usedforsecurity=False))
    with pytest.raises(Refused, match="400"):
        tier(server[1]).put(named(1), b"x", rows=1, sha256=DIGEST)
    assert server[0].names(BUCKET) == []


def test_what_somebody_else_put_is_refused(server: tuple[Storage, str]) -> None:
    rest = Rest(server[1], None, service="Cloud Storage")
    body = _related({"name": "events/x"}, b"x")
    assert rest.upload(_UPLOAD, body, _KIND).status == 200
    with pytest.raises(Refused, match="is not of a twin"):
        tier(server[1]).stat("events/x")


class Busy:
    """Cloud Storage, which answers what is in `ahead` before all else: a status, or nothing."""

    def __init__(self, *ahead: int | None) -> None:
        self.ahead = list(ahead)
        self.calls = 0
        self.bounds = Bounds(tries=3)

    def get(self, _path: str) -> Answer:
        self.calls += 1
        status = self.ahead.pop(0) if self.ahead else 200
        if status is None:
            raise Unreachable("The receiver timed out.")
        return Answer(status, {}, b'{"items": [{"name": "a"}]}')

    failure = Rest.failure
    _service = "Cloud Storage"


def busy(*ahead: int | None) -> tuple[StorageObjects, Busy]:
    rest: Any = Busy(*ahead)
    return StorageObjects(BUCKET, rest, sleep=lambda _: None), rest


def test_a_service_that_is_busy_is_asked_again() -> None:
    objects, rest = busy(503, None)
    assert objects.names("") == ["a"]
    assert rest.calls == 3


@pytest.mark.parametrize(
    ("ahead", "kind", "calls"),
    [((503,) * 9, Retry, 3), ((429,) * 9, Throttled, 3), ((None,) * 9, Retry, 3), ((403,) * 9, Retry, 1)],
)
def test_a_service_that_stays_busy_is_left_to_the_next_run(
    ahead: tuple[int | None, ...], kind: type[Retry], calls: int
) -> None:
    objects, rest = busy(*ahead)
    with pytest.raises(kind):
        objects.names("")
    assert rest.calls == calls


_UPLOAD = f"upload/storage/v1/b/{BUCKET}/o?uploadType=multipart"
_KIND = "multipart/related; boundary=b"


def _related(resource: Any, body: bytes) -> bytes:
    return b"--b\r\n\r\n" + json.dumps(resource).encode() + b"\r\n--b\r\n\r\n" + body + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        (_UPLOAD.replace("multipart", "resumable") + "&name=a", b"x", "application/gzip"),
        (_UPLOAD.replace("multipart", "media"), b"x", "application/gzip"),
        (_UPLOAD, b"x", "application/gzip"),
        (_UPLOAD, b"x", _KIND),
        (_UPLOAD, b"--b\r\n\r\n{}\r\n--b--", _KIND),
        (_UPLOAD, _related([], b"x"), _KIND),
        (_UPLOAD, _related({}, b"x"), _KIND),
        (_UPLOAD, _related({"name": "a", "md5Hash": b64encode(bytes(16)).decode()}, b"x"), _KIND),
    ],
)
def test_uploads_that_are_refused(server: tuple[Storage, str], path: str, body: bytes, kind: str) -> None:
    assert Rest(server[1], None, service="Cloud Storage").upload(path, body, kind).status == 400
    assert server[0].names(BUCKET) == []


@pytest.mark.parametrize(
    "address", ["", "factory-cold", "gs://", "gs://a/b", "s3://a", "gs://a?class=ARCHIVE"]
)
def test_addresses_that_are_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="gs://<bucket>"):
        GcpCloud(endpoints=Endpoints()).objects(address)
