"""AWS, with boto3's chain of credentials."""

from __future__ import annotations

from collections.abc import Mapping

import boto3

from twin_aws.clients import calling, client
from twin_aws.cloud import Aws


class AwsReach(Aws):
    """`Reach`."""

    def identity(self) -> str | None:
        with calling("STS"):
            return client("sts").get_caller_identity()["Arn"]


def connect(region: str | None, _endpoints: Mapping[str, str]) -> AwsReach:
    """Connect to the twin's region; None leaves the region to the environment."""
    if region:
        boto3.setup_default_session(region_name=region)
    return AwsReach()
