"""A deployed AWS twin is edited: each apply succeeds at once, the next plan is empty, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_cloud.aws.cloud import LocalAws
from local_cloud.terraform import TerraformFailed, read_stack
from support.edited_aws import EditedAws
from support.layouts import CLOUDS, Layout
from support.servers import ministack, need_aws_provider
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]

AWS, AZURE = Cloud.AWS, Cloud.AZURE
FIRST = Layout(AZURE, AWS, AWS, AWS, AWS)
QUEUE, ROW, FILE = "factory-processing-dead", {"device": {"S": "pump-1"}, "key": {"S": "1#a"}}, "events/a"


@pytest.fixture
def cloud(tmp_path: Path, synthesized: Callable[..., Path]) -> Iterator[LocalAws]:
    need_aws_provider()
    with ministack(tmp_path, read_stack(synthesized(FIRST))) as found:
        yield found


def test_an_edited_twin_is_whole_after_every_apply(
    cloud: LocalAws, tmp_path: Path, synthesized: Callable[..., Path]
) -> None:
    twin = EditedAws(cloud, tmp_path / "edited")

    def applied(layout: Layout, **variables: object) -> None:
        twin.edit(synthesized(layout))
        twin.apply(**variables)
        assert twin.planned(**variables) == {}
        assert list(twin.lost()) == []

    # A first apply is interrupted while queues are made, on which a public endpoint depends.
    twin.edit(synthesized(FIRST))
    twin.interrupt(when="aws_sqs_queue.processing_dead: Still creating... [20s", enable_events=False)
    assert "aws_sqs_queue.processing_dead" in twin.tainted()
    applied(FIRST, enable_events=False)

    keep(cloud)
    applied(FIRST._replace(cold=AZURE), enable_events=True)
    assert kept(cloud)
    applied(FIRST._replace(l1=AWS), enable_events=False, key_generation=2)
    assert kept(cloud)

    twin.edit(
        synthesized(
            FIRST._replace(l1=AWS), clouds={**CLOUDS, "aws": {**CLOUDS["aws"], "region": "eu-west-1"}}
        )
    )
    with pytest.raises(TerraformFailed, match="This twin is deployed in account") as refused:
        twin.planned()
    assert "region eu-central-1. Terraform" in " ".join(str(refused.value).split())

    twin.edit(synthesized(FIRST._replace(l1=AWS), protect=False))
    twin.apply()
    assert kept(cloud)
    twin.destroy()
    assert twin.left() == {}


def keep(cloud: LocalAws) -> None:
    """Put a dead letter, a row and an archived file into what stays in AWS."""
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], MessageBody=json.dumps("kept"))
    cloud.client("dynamodb").put_item(TableName="factory-hot", Item=ROW)
    cloud.client("s3").put_object(Bucket=bucket(cloud), Key=FILE, Body=b"kept", StorageClass="DEEP_ARCHIVE")


def kept(cloud: LocalAws) -> bool:
    """Whether all of it is still there."""
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    files = cloud.client("s3").list_objects_v2(Bucket=bucket(cloud))["Contents"]
    return (
        int(told["Attributes"]["ApproximateNumberOfMessages"]) == 1
        and "Item" in cloud.client("dynamodb").get_item(TableName="factory-hot", Key=ROW)
        and [each["Key"] for each in files] == [FILE]
    )


def bucket(cloud: LocalAws) -> str:
    (name,) = (each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"])
    return name
