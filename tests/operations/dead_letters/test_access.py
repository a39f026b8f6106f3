"""The whole command against local servers of Azure and Google Cloud, reached by `--endpoints`."""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from azure.servers import KEY, azurite, queue
from command.app import main
from gcp import servers as google_servers
from gcp.servers import FakeGoogle, call
from support.samples import TIME
from twin_azure.bodies import split
from twin_azure.queues import StorageQueue
from twin_gcp import devices
from twin_gcp.pubsub import message
from twin_runtime.delivery.dead_letters import DeadLetter, encode
from twinspan.twinfile import checked

pytestmark = pytest.mark.servers
ROOT = Path(__file__).resolve().parents[3]
FLEET = "the fleet's secret"
BODY = b'{"temperature": 21.5}'


def run(folder: Path, example: str, *arguments: str) -> int:
    twin = str(ROOT / "examples" / f"{example}.yaml")
    files = ["--outputs", str(folder / "outputs.json"), "--endpoints", str(folder / "endpoints.json")]
    return main(["dead-letters", *arguments, "--twin", twin, *files])


def write(folder: Path, cloud: str, hops: dict[str, Any], endpoints: dict[str, str]) -> None:
    (folder / "outputs.json").write_text(json.dumps({cloud: {"dead_letter_queues": hops}}))
    (folder / "endpoints.json").write_text(json.dumps({cloud: endpoints}))


def device_of(example: str) -> str:
    return checked(ROOT / "examples" / f"{example}.yaml").devices[0].id


def dispatched(device: str) -> str:
    letter = DeadLetter("The device is not known to this twin.", body=BODY, device=device, received=TIME)
    return encode(letter, role="dispatcher", time=TIME, max_bytes=10_000)


class TestAzure:
    @pytest.fixture
    def urls(self, tmp_path: Path) -> Iterator[dict[str, str]]:
        with azurite() as storage:
            names = ("processing", "telemetry-poison")
            urls = {name: queue(storage, name) for name in names} | {"broker": f"{storage.blobs}/broker-dead"}
            ContainerClient.from_container_url(urls["broker"], credential=KEY).create_container()
            hops = {
                hop: {"kind": "dispatcher", "letters": urls[letters], "target": urls["processing"]}
                for hop, letters in (("telemetry", "telemetry-poison"), ("broker", "broker"))
            }
            write(tmp_path, "azure", hops, {"storage_key": KEY})
            yield urls

    def test_a_dispatchers_letter_and_a_blob_of_two(
        self, urls: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        device = device_of("single-azure")
        StorageQueue(urls["telemetry-poison"], KEY).send([dispatched(device)])
        blob = [self.event(device), self.event("stranger")]
        container = ContainerClient.from_container_url(urls["broker"], credential=KEY)
        container.upload_blob("2024/1.json", json.dumps(blob))
        assert run(tmp_path, "single-azure", "list") == 0
        assert "3 dead letters" in capsys.readouterr().out
        assert run(tmp_path, "single-azure", "resend", "--hop", "telemetry", "--all") == 0
        assert run(tmp_path, "single-azure", "resend", "--hop", "broker", "--all") == 1
        left = json.loads(container.download_blob("2024/1.json").readall())
        assert left == [self.event("stranger")], "what was sent has left the blob"
        processing = QueueClient.from_queue_url(split(urls["processing"])[0], credential=KEY)
        sent = [json.loads(b64decode(each.content)) for each in processing.receive_messages(max_messages=32)]
        assert len(sent) == 2
        assert sent[0] == sent[1], "one reading, one id, by whichever way it comes"

    @staticmethod
    def event(device: str) -> dict[str, Any]:
        system = {"iothub-connection-device-id": device, "iothub-enqueuedtime": "2024-02-29T12:00:00Z"}
        return {
            "eventTime": "2024-02-29T12:00:01Z",
            "data": {"body": b64encode(BODY).decode(), "systemProperties": system},
            "deadLetterReason": "TimeToLiveExceeded",
        }


class TestGoogleCloud:
    def test_a_message_that_pubsub_moved(
        self, google: FakeGoogle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with google_servers.pubsub() as url:
            self.check(url, google, tmp_path, capsys)

    @pytest.fixture
    def google(self) -> Iterator[FakeGoogle]:
        fake = FakeGoogle()
        fake.versions = [FLEET]
        yield fake
        fake.close()

    def check(self, url: str, google: FakeGoogle, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        at, device = int(time.time()), device_of("single-gcp")
        paths = {}
        for name in ("processing", "telemetry-dead"):
            topic, paths[name] = (
                f"projects/my-project/{kind}/{name}" for kind in ("topics", "subscriptions")
            )
            call(f"{url}/v1/{topic}", {}, method="PUT")
            call(f"{url}/v1/{paths[name]}", {"topic": topic, "ackDeadlineSeconds": 600}, method="PUT")
        hop = {
            "kind": "dispatcher",
            "letters": paths["telemetry-dead"],
            "target": "projects/my-project/topics/processing",
            "fleet_secret": "projects/my-project/secrets/factory-fleet",
        }
        write(tmp_path, "gcp", {"telemetry": hop}, {"pubsub": url, "secrets": google.url})
        key = devices.device_key(FLEET, device)
        source = "CloudPubSubDeadLetterSource"
        attributes = {
            **devices.attributes(key, device, at, BODY),
            f"{source}DeliveryCount": "60",
            f"{source}TopicPublishTime": "2024-02-29T12:00:00Z",
        }
        forged = attributes | {"device_time": "1709208000"}
        signed = attributes | devices.attributes(key, device, 1_709_208_000, BODY)
        messages = [message(BODY, **signed), message(BODY, **forged), message(dispatched(device).encode())]
        call(f"{url}/v1/projects/my-project/topics/telemetry-dead:publish", {"messages": messages})
        assert run(tmp_path, "single-gcp", "list") == 0
        assert "3 dead letters" in capsys.readouterr().out
        assert run(tmp_path, "single-gcp", "resend", "--hop", "telemetry", "--all") == 1
        said = capsys.readouterr().out
        assert "2 resent" in said
        assert "1 kept" in said
        sent = call(f"{url}/v1/{paths['processing']}:pull", {"maxMessages": 10, "returnImmediately": True})
        events = [json.loads(b64decode(each["message"]["data"])) for each in sent["receivedMessages"]]
        assert len(events) == 2
        assert events[0] == events[1]
        assert run(tmp_path, "single-gcp", "list") == 0
        assert "1 dead letter\n" in capsys.readouterr().out
