"""A layer leaves AWS, and then the twin: real Terraform and provider, and the refusals of AWS itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.aws.cloud import LocalAws
from local_cloud.terraform import TerraformFailed, read_stack
from support.edited_aws import EditedAws
from support.layouts import CLOUDS, Layout
from support.servers import ministack, need_aws_provider
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]

AWS, AZURE = Cloud.AWS, Cloud.AZURE
HERE = Layout(AZURE, AZURE, AWS, AWS, AWS)
GONE = Layout(*[AZURE] * 5)
TABLE, BUCKET = "aws_dynamodb_table.hot", "aws_s3_bucket.files"
ROW = {"device": {"S": "pump-1"}, "key": {"S": "1#a"}, "expires": {"N": "1"}}
BOTH = {"clouds": {cloud: CLOUDS[cloud] for cloud in (AWS, AZURE)}}
FORMER = {**BOTH, "former": ["hot_storage@aws", "cold_storage@aws", "archive_storage@aws"]}
CLIENTS: dict[str, Any] = {"read_api": {"clients": ["erp", {"name": "my-app", "generation": 3}]}}


@pytest.fixture
def cloud(tmp_path: Path, synthesized: Callable[..., Path]) -> Iterator[LocalAws]:
    need_aws_provider()
    with ministack(tmp_path, read_stack(synthesized(HERE))) as found:
        yield found


def test_data_outlives_its_layer_and_goes_only_when_its_protection_is_off(
    cloud: LocalAws, tmp_path: Path, synthesized: Callable[..., Path]
) -> None:
    twin = EditedAws(cloud, tmp_path / "edited")
    dynamodb, s3 = cloud.client("dynamodb"), cloud.client("s3")

    twin.edit(synthesized(HERE, **CLIENTS))
    twin.apply()
    assert twin.planned() == {}
    assert clients(cloud) == {"erp": {"0", "1"}, "my-app": {"2", "3"}}
    dynamodb.put_item(TableName="factory-hot", Item={**ROW, "expires": {"N": "99999999999"}})
    (files,) = (each["Name"] for each in s3.list_buckets()["Buckets"])
    s3.put_object(Bucket=files, Key="events/a", Body=b"kept")

    # A client's keys are rotated alone.
    rotated: dict[str, Any] = {
        "read_api": {"clients": [{"name": "erp", "generation": 2}, CLIENTS["read_api"]["clients"][1]]}
    }
    twin.edit(synthesized(HERE, **rotated))
    keys = {address for address in twin.planned() if address.startswith("aws_api_gateway_api_key.")}
    assert keys == {f'aws_api_gateway_api_key.hot_reader_clients["erp-{number}"]' for number in (0, 2)}

    # A destroy is refused before anything is touched.
    with pytest.raises(TerraformFailed, match="prevent_destroy"):
        twin.destroy()

    # The mover has switched expiry on, which Terraform leaves as it is.
    expires = {"AttributeName": "expires", "Enabled": True}
    dynamodb.update_time_to_live(TableName="factory-hot", TimeToLiveSpecification=expires)
    assert TABLE not in twin.planned()

    # The layers leave, and their stores stay: the table is changed in place, the bucket not at all.
    twin.edit(synthesized(GONE, **FORMER))
    change = twin.planned()
    assert change[TABLE] == {"ttl"}
    assert BUCKET not in change
    twin.apply()
    assert twin.planned() == {}
    expiry = dynamodb.describe_time_to_live(TableName="factory-hot")["TimeToLiveDescription"]
    assert expiry["TimeToLiveStatus"] == "DISABLED"
    assert kept(cloud, files)
    assert set(twin.left()) == {"dynamodb", "s3"}

    # Nothing names the stores any more: AWS itself refuses.
    twin.edit(synthesized(GONE, **BOTH))
    assert {TABLE, BUCKET} <= twin.planned().keys()
    with pytest.raises(TerraformFailed) as refused:
        twin.apply()
    said = " ".join(str(refused.value).split())
    assert "protected against deletion" in said
    assert "not empty" in said
    assert kept(cloud, files)

    # Protection is lifted first. Then an empty stack takes everything away, and its state ends empty.
    twin.edit(synthesized(GONE, **FORMER, protect=False))
    twin.apply()
    assert kept(cloud, files)
    twin.edit(synthesized(GONE, **BOTH))
    twin.apply()
    assert twin.left() == {}
    assert json.loads((tmp_path / "edited" / "terraform.tfstate").read_text("utf-8"))["resources"] == []


def clients(cloud: LocalAws) -> dict[str, set[str]]:
    """The generations of each client's keys, as the function is told the client of each key's id."""
    made = cloud.client("lambda").get_function_configuration(FunctionName="factory-hot-reader")
    told = json.loads(made["Environment"]["Variables"]["API_CLIENTS"])
    gateway = cloud.client("apigateway")
    names = {key["id"]: key["name"] for key in gateway.get_api_keys()["items"]}
    (plan,) = (
        each["id"] for each in gateway.get_usage_plans()["items"] if each["name"] == "factory-hot-reader"
    )
    opened = {key["id"] for key in gateway.get_usage_plan_keys(usagePlanId=plan)["items"]}
    assert told.keys() <= opened
    found: dict[str, set[str]] = {}
    for key, client in told.items():
        found.setdefault(client, set()).add(names[key].removeprefix(f"factory-hot-reader-{client}-"))
    return found


def kept(cloud: LocalAws, bucket: str) -> bool:
    """Whether the row and the file are still there."""
    key = {name: ROW[name] for name in ("device", "key")}
    found = cloud.client("dynamodb").get_item(TableName="factory-hot", Key=key)
    return "Item" in found and "Contents" in cloud.client("s3").list_objects_v2(Bucket=bucket)
