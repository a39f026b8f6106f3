"""AWS: SQS and DynamoDB of MiniStack, in a process of its own, without TLS and IAM."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from secrets import token_hex
from unittest import mock

from local_cloud.aws.server import LAUNCHER, environment
from local_cloud.processes import free_ports
from support.servers import running
from twin_aws.cloud import Aws

from .services import NOTES, Secret, Stored

_BATCH = 25
_REGION = "eu-central-1"


class LocalAws(Aws):
    """The product's own factory, whose clients find the server by the environment."""

    def __init__(self, secret: str) -> None:
        self._secret = Secret(secret)

    def secret(self, address: str) -> Secret:
        return self._secret


class AwsServices:
    """`services.Services`. The bare side uses the very clients of the adapters."""

    runs_on = "SQS and DynamoDB of MiniStack"
    store = "factory-hot"
    states = "factory-state"

    def __init__(self, secret: str) -> None:
        from twin_aws.clients import client

        self.cloud = LocalAws(secret)
        self._sqs, self._dynamodb = client("sqs"), client("dynamodb")
        self.queue: str = self._sqs.create_queue(QueueName="factory-queue")["QueueUrl"]
        key, sort = ("device", "HASH"), ("key", "RANGE")
        self._dynamodb.create_table(
            TableName=self.store,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in (key, sort)],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in (key, sort)],
        )
        self._dynamodb.create_table(
            TableName=self.states,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        )

    def send(self, body: str) -> None:
        entries = [{"Id": "0", "MessageBody": body}]
        self._sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)

    def put(self, rows: Sequence[Stored]) -> None:
        for start in range(0, len(rows), _BATCH):
            items = [
                {
                    "device": {"S": row["device"]},
                    "key": {"S": f"{row['time']}#{row['id']}"},
                    "type": {"S": row["type"]},
                    "data": {"S": row["data"]},
                    "traceparent": {"S": row["traceparent"]},
                    "expires": {"N": str(row["expires"])},
                    "subject": {"S": row["subject"]},
                    "received": {"S": row["received"]},
                }
                for row in rows[start : start + _BATCH]
            ]
            values = ",".join(f"'{name}':?" for name in items[0])
            insert = f'INSERT INTO "{self.store}" VALUE {{{values}}}'
            self._dynamodb.batch_execute_statement(
                Statements=[{"Statement": insert, "Parameters": list(item.values())} for item in items]
            )

    def query(self, device: str, limit: int) -> list[Stored]:
        answer = self._dynamodb.query(
            TableName=self.store,
            KeyConditionExpression="device = :device",
            ExpressionAttributeValues={":device": {"S": device}},
            Limit=limit,
        )
        return [_stored(item) for item in answer["Items"]]

    def state(self, device: str) -> tuple[str, str]:
        asked = {"TableName": self.states, "Key": {"name": {"S": device}}, "ConsistentRead": True}
        item = self._dynamodb.get_item(**asked)["Item"]
        return item["text"]["S"], item["version"]["S"]

    def put_state(self, device: str, text: str, version: str) -> str:
        new = token_hex(8)
        self._dynamodb.put_item(
            TableName=self.states,
            Item={"name": {"S": device}, "text": {"S": text}, "version": {"S": new}},
            ConditionExpression="#version = :old",
            ExpressionAttributeNames={"#version": "version"},
            ExpressionAttributeValues={":old": {"S": version}},
        )
        return new

    def taken(self) -> list[str]:
        bodies: list[str] = []
        while found := self._sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                bodies.append(message["Body"])
                self._sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def rows(self) -> list[Stored]:
        items = self._dynamodb.scan(TableName=self.store)["Items"]
        for item in items:
            key = {name: item[name] for name in ("device", "key")}
            self._dynamodb.delete_item(TableName=self.store, Key=key)
        return [_stored(item) for item in items if not item["device"]["S"].startswith(NOTES)]


def _stored(item: dict[str, dict[str, str]]) -> Stored:
    time, _, id = item["key"]["S"].partition("#")
    return {
        "device": item["device"]["S"],
        "time": time,
        "id": id,
        "type": item["type"]["S"],
        "data": item["data"]["S"],
        "traceparent": item["traceparent"]["S"],
        "expires": int(item["expires"]["N"]),
        "subject": item["subject"]["S"],
        "received": item["received"]["S"],
    }


@contextlib.contextmanager
def services(secret: str) -> Iterator[AwsServices]:
    """The services, until the end of the block. `secret` is the text of every secret."""
    port, mqtt_port = free_ports(2)
    clients = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": _REGION,
    }
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_PORT": str(mqtt_port),
        "MINISTACK_REGION": _REGION,
        "SFTP_ENABLED": "0",
    }
    server = (str(environment() / "bin" / "python"), str(LAUNCHER))
    with running(*server, port=port, environment=settings), mock.patch.dict(os.environ, clients):
        from twin_aws.clients import client

        client.cache_clear()
        try:
            yield AwsServices(secret)
        finally:
            client.cache_clear()
