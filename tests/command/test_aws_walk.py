"""A twin on AWS from its first plan to its end: real Terraform and the real provider, on MiniStack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local_cloud.aws.cloud import LocalAws
from support.layouts import Layout, twin_data
from support.operated import Operated
from support.planes import World
from support.servers import ministack, need_aws_provider
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]

AWS, AZURE = Cloud.AWS, Cloud.AZURE
HERE = Layout(AWS, AWS, AWS)
MOVED = Layout(AWS, AWS, AZURE)
TABLE = "factory-hot"
ROW = {"device": {"S": "thermostat-1"}, "key": {"S": "1#a"}}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalAws]:
    need_aws_provider()
    with ministack(tmp_path, {"resource": {}, "provider": {"aws": [{"region": "eu-central-1"}]}}) as found:
        yield found


def test_a_hot_store_is_kept_until_its_deletion_is_asked_for(
    cloud: LocalAws, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = Operated(tmp_path, world, monkeypatch, aws=cloud)
    tables = cloud.client("dynamodb")

    def kept() -> bool:
        return "Item" in tables.get_item(TableName=TABLE, Key=ROW)

    twin.write(twin_data(HERE))
    twin.deploy()
    tables.put_item(TableName=TABLE, Item=ROW)
    with pytest.raises(ClientError, match="protect"):
        tables.delete_table(TableName=TABLE)

    # Another region makes every store anew: Home refuses it before anything else.
    elsewhere = twin_data(HERE)
    elsewhere["clouds"] = {"aws": {**elsewhere["clouds"]["aws"], "region": "eu-west-1"}}
    twin.write(elsewhere)
    assert "the twin is deployed in account" in twin.run("plan").err

    twin.write(twin_data(MOVED))
    refused = twin.run("plan")
    assert refused.status == 4, refused
    assert "To keep it, write former: [hot_storage@aws] into twin.yaml." in refused.out
    assert twin.run("deploy").status == 4
    assert kept()

    twin.write(twin_data(MOVED, former=["hot_storage@aws"], keys={"generation": 2}, events=False))
    twin.deploy()
    assert kept()
    told = twin.state("aws")["outputs"]["deployment"]["value"]
    assert (told["former"], told["events"], told["key_generation"]) == (["hot_storage"], False, 2)

    twin.write(twin_data(MOVED, keys={"generation": 2}, events=False))
    assert twin.run("plan").status == 4
    twin.deploy("--delete-data", "hot_storage@aws")
    assert tables.list_tables()["TableNames"] == []

    stopped = twin.run("destroy", "--yes")
    assert stopped.status == 4
    options = stopped.err.strip().splitlines()[-1].partition("twinspan destroy ")[2].split()
    assert options[:2] == ["--delete-data", "acquisition@aws"]
    assert twin.run("destroy", "--yes", *options).status == 0
    for name in ("aws", "azure", "links"):
        assert twin.state(name)["resources"] == []
