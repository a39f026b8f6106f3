"""AWS, by boto3's chain of credentials."""

from __future__ import annotations

import boto3

from twin_aws.cloud import Aws
from twin_runtime.ports import Broker, Objects, Queue, SecretSource, Store


class AwsReach:
    """`region` is the twin's; None leaves it to the environment."""

    def __init__(self, region: str | None) -> None:
        if region:
            boto3.setup_default_session(region_name=region)
        self._cloud = Aws()

    def queue(self, address: str) -> Queue:
        return self._cloud.queue(address)

    def store(self, address: str) -> Store:
        return self._cloud.store(address)

    def objects(self, address: str) -> Objects:
        return self._cloud.objects(address)

    def broker(self, address: str) -> Broker:
        return self._cloud.broker(address)

    def secret(self, address: str) -> SecretSource:
        return self._cloud.secret(address)
