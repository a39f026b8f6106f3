"""The tiers on MiniStack: the contract through the product's adapter, and what is archived."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import count

import pytest

from contract.adapter_contract import CatalogueContract, ObjectsContract, ReplacedObjectsContract, named
from local_cloud.aws.cloud import LocalAws
from support.servers import ministack
from twin_aws.s3 import S3Objects
from twin_runtime.errors import Refused, Retry
from twin_runtime.ports import PARTS

pytestmark = pytest.mark.servers
STACK = {"provider": {"aws": [{"region": "eu-central-1"}]}, "resource": {}}
_numbers = count(1)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with ministack(tmp_path_factory.mktemp("aws"), STACK) as made:
        yield made


@pytest.fixture
def bucket(cloud: LocalAws) -> str:
    name = f"factory-cold-{next(_numbers)}"
    cloud.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return name


class TestS3(ObjectsContract, ReplacedObjectsContract, CatalogueContract):
    @pytest.fixture
    def objects(self, cloud: LocalAws, bucket: str) -> S3Objects:
        return S3Objects(bucket, "STANDARD_IA", cloud.client("s3"))


def test_bytes_that_are_not_those_of_their_checksum_are_not_stored(cloud: LocalAws, bucket: str) -> None:
    objects = S3Objects(bucket, "STANDARD_IA", cloud.client("s3"))
    with pytest.raises(Retry, match="S3 answered"):
        objects.put(named(1), b"x", rows=1, sha256=sha256(b"y").hexdigest())
    assert objects.stat(named(1)) is None


def test_what_is_archived_must_be_thawed_and_parts_need_not(cloud: LocalAws, bucket: str) -> None:
    objects = S3Objects(bucket, "DEEP_ARCHIVE", cloud.client("s3"))
    for name in (named(1), named(1, PARTS)):
        objects.put(name, b"x", rows=1, sha256=sha256(b"x").hexdigest())
    assert objects.get(named(1, PARTS)) == b"x"
    with pytest.raises(Refused, match="must be restored"):
        objects.get(named(1))
    assert [objects.thaw(named(1), days=7) for _ in range(2)] == [False, False]
