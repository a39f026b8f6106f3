"""Packages of functions in a bucket of MiniStack's."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_cloud.aws import packages
from support.servers import ministack

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_functions_take_their_code_from_the_bucket(region: str, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.zip").write_bytes(b"code")
    stack = {
        "provider": {"aws": [{"region": region}]},
        "resource": {"aws_lambda_function": {"writer": {"filename": "assets/a.zip", "timeout": 3}}},
    }
    with ministack(tmp_path, stack) as cloud:
        uploaded = packages.upload(stack, tmp_path, s3=cloud.client("s3"), region=region)
        body = uploaded["aws_lambda_function"]["writer"]
        assert body == {"timeout": 3, "s3_bucket": body["s3_bucket"], "s3_key": "assets/a.zip"}
        found = cloud.client("s3").get_object(Bucket=body["s3_bucket"], Key=body["s3_key"])
        assert found["Body"].read() == b"code"
