"""The tiers in S3: the contract on moto, classes of storage, and what is archived."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.adapter_contract import ObjectsContract, ReplacedObjectsContract, named
from support.aws_clients import mocked
from twin_aws import s3
from twin_aws.clients import client
from twin_aws.cloud import Aws
from twin_aws.s3 import S3Objects
from twin_runtime.errors import ConfigurationError, Refused, Retry
from twin_runtime.ports import PARTS, Objects

BUCKET = "factory-cold"
DIGEST = sha256(b"x").hexdigest()
_numbers = count(1)


@pytest.fixture(scope="module")
def region() -> Iterator[None]:
    """AWS, for all tests: a client of S3 takes long to make."""
    with mocked():
        yield


@pytest.fixture
def bucket(region: None) -> str:
    """A new bucket's name."""
    name = f"{BUCKET}-{next(_numbers)}"
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return name


def tier(bucket: str, storage_class: str = "STANDARD_IA") -> Objects:
    return Aws().objects(f"s3://{bucket}?class={storage_class}")


class TestS3(ObjectsContract, ReplacedObjectsContract):
    @pytest.fixture
    def objects(self, bucket: str) -> Objects:
        return tier(bucket)

    def test_more_names_than_one_call_of_the_service_gives(
        self, objects: Objects, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(s3, "_PAGE", 4)
        for number in range(11):
            self.put(objects, named(number))
        assert list(objects.names("events/")) == [named(number) for number in range(11)]
        assert list(objects.names("events/", after=named(1), limit=7)) == [named(n) for n in range(2, 9)]


@pytest.mark.parametrize("storage_class", ["STANDARD_IA", "DEEP_ARCHIVE"])
def test_files_have_the_class_of_their_tier_and_parts_can_always_be_read(
    storage_class: str, bucket: str
) -> None:
    objects = tier(bucket, storage_class)
    for name in (named(1), named(1, PARTS)):
        objects.put(name, b"x", rows=1, sha256=DIGEST)
    told = client("s3").head_object
    assert told(Bucket=bucket, Key=named(1))["StorageClass"] == storage_class
    assert "StorageClass" not in told(Bucket=bucket, Key=named(1, PARTS))  # as S3 says STANDARD
    assert objects.get(named(1, PARTS)) == b"x"


def test_an_archived_file_is_refused_until_it_is_thawed(bucket: str) -> None:
    objects = tier(bucket, "DEEP_ARCHIVE")
    objects.put(named(1), b"x", rows=1, sha256=DIGEST)
    with pytest.raises(Refused, match="must be restored"):
        objects.get(named(1))
    assert objects.stat(named(1)) is not None
    assert objects.thaw(named(1), days=7) is False
    assert objects.thaw(named(1), days=7) is True  # moto restores at once
    assert objects.get(named(1)) == b"x"


class Recording:
    """A client that notes its calls; `answers` by the name of the call: a dict, or an error's code."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append((name, arguments))
            answer = self.answers.get(name, {})
            if isinstance(answer, str):
                raise ClientError({"Error": {"Code": answer, "Message": "secret detail"}}, name)
            return answer

        return call


def recorded(storage_class: str = "DEEP_ARCHIVE", **answers: Any) -> tuple[S3Objects, Recording]:
    calls = Recording(**answers)
    return S3Objects(BUCKET, storage_class, calls), calls


def test_s3_checks_the_bytes_against_their_checksum() -> None:
    objects, calls = recorded()
    objects.put(named(1), b"x", rows=1, sha256=DIGEST)
    (_, call), *_ = calls.calls
    assert call["ChecksumSHA256"] == b64encode(bytes.fromhex(DIGEST)).decode()
    assert call["Metadata"] == {"rows": "1", "sha256": DIGEST}


def test_the_checksum_that_s3_has_checked_is_the_one_that_is_told() -> None:
    checked = sha256(b"y").digest()
    head = {
        "ContentLength": 1,
        "Metadata": {"rows": "1", "sha256": DIGEST},
        "ChecksumSHA256": b64encode(checked).decode(),
    }
    objects, calls = recorded(head_object=head)
    stored = objects.stat(named(1))
    assert stored is not None and stored.sha256 == checked.hex()
    assert calls.calls[0][1]["ChecksumMode"] == "ENABLED"


def test_a_restore_under_way_is_no_error() -> None:
    archived = {"StorageClass": "DEEP_ARCHIVE", "Restore": 'ongoing-request="true"'}
    objects, calls = recorded(head_object=archived, restore_object="RestoreAlreadyInProgress")
    assert objects.thaw(named(1), days=7) is False
    assert calls.calls[-1][1]["RestoreRequest"] == {"Days": 7, "GlacierJobParameters": {"Tier": "Bulk"}}


@pytest.mark.parametrize("metadata", [{}, {"rows": "many", "sha256": DIGEST}])
def test_what_somebody_else_put_is_refused(metadata: dict[str, str]) -> None:
    objects, _ = recorded(head_object={"ContentLength": 1, "Metadata": metadata})
    with pytest.raises(Refused, match="is not of a twin"):
        objects.stat(named(1))


def test_what_may_not_be_read_is_not_missing() -> None:
    objects, _ = recorded(head_object="403", get_object="AccessDenied")
    for call in (objects.stat, objects.get):
        with pytest.raises(Retry, match=r"S3 answered (403|AccessDenied)\."):
            call(named(1))


@pytest.mark.parametrize(
    "address",
    ["", "factory-cold", "s3://factory-cold", "s3://?class=STANDARD_IA", "gs://factory-cold?class=A"],
)
def test_addresses_that_are_refused(address: str, region: None) -> None:
    with pytest.raises(ConfigurationError, match=r"s3://<bucket>\?class="):
        Aws().objects(address)
