"""Counts of queues and dead letters on local servers: moto, Azurite, and an answer of Cloud Monitoring."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from azure.storage.blob import ContainerClient
from moto import mock_aws

from azure.servers import KEY, azurite, queue
from operations.access import Access
from operations.dead_letters.locations import Location
from operations.depths.gcp import PubSubDepths
from twin_aws.clients import client
from twin_azure.queues import StorageQueue
from twin_gcp.rest import Rest
from twin_runtime.errors import Retry


def test_sqs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "dummy")
    client.cache_clear()
    with mock_aws():
        sqs = boto3.client("sqs", region_name="eu-central-1")
        letters, target = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("dead", "queue"))
        for url, number in ((letters, 2), (target, 3)):
            for _ in range(number):
                sqs.send_message(QueueUrl=url, MessageBody="[]")
        sqs.receive_message(QueueUrl=target)  # which is in flight now
        location = Location("aws", "processing", "queue", letters, target)
        depths = Access(region="eu-central-1").adapter("operations.depths", location)
        assert (depths.letters(), depths.waiting()) == (2, 3)
        gone = Location("aws", "processing", "queue", f"{letters}-gone", target)
        with pytest.raises(Retry, match="SQS answered"):
            Access(region="eu-central-1").adapter("operations.depths", gone).letters()
    client.cache_clear()


@pytest.mark.servers
def test_storage() -> None:
    with azurite() as storage:
        queues = [queue(storage, name) for name in ("letters", "waiting")]
        for address, number in zip(queues, (1, 4), strict=True):
            StorageQueue(address, KEY).send(["[]", "x" * 60_000, "[]", "[]"][-number:])
        container = ContainerClient.from_container_url(f"{storage.blobs}/broker-dead", credential=KEY)
        container.create_container()
        for name in ("a/1.json", "a/2.json"):
            container.upload_blob(name, b"[1]")
        access = Access(endpoints={"azure": {"storage_key": KEY}})
        for hop, letters, count in (("processing", queues[0], 1), ("broker", container.url, 2)):
            location = Location("azure", hop, "queue", letters, queues[1])
            depths = access.adapter("operations.depths", location)
            assert (depths.letters(), depths.waiting()) == (count, 4)
        gone = Location("azure", "processing", "queue", queues[0].replace("letters?", "gone?"), queues[1])
        with pytest.raises(Retry, match="404"):
            access.adapter("operations.depths", gone).letters()


@contextmanager
def monitoring(status: int, answer: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives one answer, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


PUBSUB = Location("gcp", "processing", "queue", "projects/p/subscriptions/t-dead", "projects/p/topics/t-work")


def test_cloud_monitoring() -> None:
    """The answer is that of the reference (`projects.timeSeries.list`): the newest point is first."""
    points = [{"interval": {}, "value": {"int64Value": text}} for text in ("7", "3")]
    with monitoring(200, {"timeSeries": [{"points": points}]}) as (url, asked):
        depths = PubSubDepths(
            PUBSUB, Rest(url, None, service="Cloud Monitoring"), clock=lambda: 1_700_000_000
        )
        assert (depths.letters(), depths.waiting()) == (7, 7)
    first, second = (urlsplit(path) for path in asked)
    assert first.path == "/v3/projects/p/timeSeries"
    assert parse_qs(first.query) == {
        "filter": [
            'metric.type = "pubsub.googleapis.com/subscription/num_undelivered_messages" AND '
            'resource.labels.subscription_id = "t-dead"'
        ],
        "interval.startTime": ["2023-11-14T22:03:20.000000Z"],
        "interval.endTime": ["2023-11-14T22:13:20.000000Z"],
    }
    assert 'subscription_id = "t-work"' in parse_qs(second.query)["filter"][0]


def test_cloud_monitoring_without_a_measurement_or_a_permission() -> None:
    with monitoring(200, {}) as (url, _):
        assert PubSubDepths(PUBSUB, Rest(url, None, service="Cloud Monitoring")).letters() is None
    with monitoring(403, {}) as (url, _), pytest.raises(Retry, match=r"Cloud Monitoring answered 403\."):
        PubSubDepths(PUBSUB, Rest(url, None, service="Cloud Monitoring")).letters()


def test_an_emulator_of_pubsub_tells_no_count() -> None:
    access = Access(endpoints={"gcp": {"pubsub": "http://127.0.0.1:9"}})
    depths = access.adapter("operations.depths", PUBSUB)
    assert (depths.letters(), depths.waiting()) == (None, None)
