"""AWS, with boto3's chain of credentials."""

from __future__ import annotations

from collections.abc import Mapping

import boto3

from twin_aws.cloud import Aws


def connect(region: str | None, _endpoints: Mapping[str, str]) -> Aws:
    """Connect to the twin's region; None leaves the region to the environment."""
    if region:
        boto3.setup_default_session(region_name=region)
    return Aws()
