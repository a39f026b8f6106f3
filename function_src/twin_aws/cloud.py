"""The factory of the AWS adapters. boto3 is imported with the first of them."""

from __future__ import annotations

from twin_runtime.model import Twin
from twin_runtime.ports import (
    Broker,
    Expiry,
    Grafana,
    GraphWriter,
    Objects,
    Queue,
    SecretSource,
    StateStore,
    Store,
    Workflow,
)


class Aws:
    """`ports.Cloud`."""

    name = "aws"

    def queue(self, address: str) -> Queue:
        from twin_aws.clients import client
        from twin_aws.sqs import SqsQueue

        return SqsQueue(address, client("sqs"))

    def store(self, address: str) -> Store:
        from twin_aws.clients import client
        from twin_aws.dynamodb import DynamoStore

        return DynamoStore(address, client("dynamodb"))

    def objects(self, address: str) -> Objects:
        from twin_aws.clients import client
        from twin_aws.s3 import S3Objects

        return S3Objects.at(address, client("s3"))

    def expiry(self, address: str) -> Expiry:
        from twin_aws.clients import client
        from twin_aws.expiry import TableExpiry

        return TableExpiry.at(address, dynamodb=client("dynamodb"), scheduler=client("scheduler"))

    def graph(self, address: str, twin: Twin) -> GraphWriter:
        from twin_aws.clients import client
        from twin_aws.twinmaker import TwinMakerGraph

        return TwinMakerGraph(address, twin, client("iottwinmaker"))

    def secret(self, address: str) -> SecretSource:
        from twin_aws.clients import client
        from twin_aws.secrets_manager import AwsSecret

        return AwsSecret(address, client("secretsmanager"))

    def broker(self, address: str) -> Broker:
        from twin_aws.clients import client
        from twin_aws.iot import IotBroker

        return IotBroker(client("iot-data", f"https://{address}"))

    def workflow(self, address: str) -> Workflow:
        from twin_aws.clients import client
        from twin_aws.step_functions import StateMachine

        return StateMachine(address, client("stepfunctions"))

    def state_store(self, address: str) -> StateStore:
        from twin_aws.clients import client
        from twin_aws.state import DynamoStateStore

        return DynamoStateStore(address, client("dynamodb"))

    def grafana(self, address: str) -> Grafana:
        from twin_aws.clients import client
        from twin_aws.grafana import ManagedGrafana

        return ManagedGrafana.at(address, client("grafana"))
