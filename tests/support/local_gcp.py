"""A twin that runs on the local Google Cloud, for tests."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local_cloud import standins, terraform
from local_cloud.errors import MissingProgram
from local_cloud.gcp.cloud import LocalGcp
from local_cloud.gcp.pubsub.servers import Kind, google_emulator
from local_cloud.gcp.rest import call
from local_cloud.node import package as npm_package
from local_cloud.processes import Processes
from local_cloud.reader import Answered, Reader
from stacks import build as synthesis
from support.layouts import Layout, twin_config
from support.local import evaluate
from support.servers import missing
from twin_gcp import devices
from twin_runtime.roles import Cloud

GCP = Layout(Cloud.GCP, Cloud.GCP, Cloud.GCP)
DEVICE, QUIET = "thermostat-1", "thermostat-2"
"""The last is for a test whose rule must not have fired before: a rule fires when it becomes true."""
HASTEN = 2_000.0
"""Back-offs of 10 to 600 seconds take 5 to 300 milliseconds: a queue still outlives the restart of a function
before it has used up its attempts.
"""


class Twin:
    """The twin `factory` of one device, wholly on Google Cloud."""

    def rows(self) -> list[tuple[str, str]]:
        """Device and key of the rows that are no notes."""
        return [(device, key) for device, key in self.cloud.rows() if not device.startswith("~")]

    def __init__(self, cloud: LocalGcp, evaluated: standins.Evaluated) -> None:
        self.cloud = cloud
        self.evaluated = evaluated
        self.endpoint = cloud.endpoint() or {}
        self._port = int(cloud.pubsub_url.rpartition(":")[2])

    def publish(self, reading: Mapping[str, Any], *, device: str = DEVICE, key: str | None = None) -> None:
        """As the device; with another key than the device's, as somebody else."""
        data, at = json.dumps(reading).encode(), int(time.time())
        key = key or devices.device_key(self.endpoint["fleet_secret"], device)
        self.publish_raw(data, devices.attributes(key, device, at, data))

    def publish_raw(self, data: bytes, attributes: Mapping[str, str], *, topic: str = "telemetry") -> None:
        path = f"v1/projects/{self.endpoint['project']}/topics/{self.endpoint['twin']}-{topic}:publish"
        message = {"data": base64.b64encode(data).decode(), "attributes": attributes}
        call(self._port, "POST", path, {"messages": [message]})

    def pull(self, subscription: str) -> list[dict[str, Any]]:
        """The messages of a subscription, with `data` decoded; they are acknowledged."""
        name = f"{self.endpoint['twin']}-{subscription}"
        path = f"v1/projects/{self.endpoint['project']}/subscriptions/{name}"
        request = {"maxMessages": 100, "returnImmediately": True}
        received = call(self._port, "POST", f"{path}:pull", request).get("receivedMessages", [])
        if received:
            ids = [each["ackId"] for each in received]
            call(self._port, "POST", f"{path}:acknowledge", {"ackIds": ids})
        return [{**each["message"], "data": base64.b64decode(each["message"]["data"])} for each in received]

    def graph(self, **query: str) -> tuple[int, dict[str, Any]]:
        """Status and answer of the twin_reader."""
        outputs = self.evaluated.outputs
        reader = Reader(outputs["graph_api_url"], outputs["graph_api_key"])
        try:
            return 200, reader.page(**query)
        except Answered as error:
            return error.status, {}

    def read(self, *, key: str | None = None, **query: str) -> tuple[int, dict[str, Any]]:
        """Status and answer of the hot_reader."""
        outputs = self.evaluated.outputs
        api_key = outputs["telemetry_api_key"] if key is None else key
        reader = Reader(outputs["telemetry_api_url"], api_key)
        try:
            return 200, reader.page(**query)
        except Answered as error:
            return error.status, {}


@contextlib.contextmanager
def running(
    folder: Path,
    *,
    pubsub: Kind = "own",
    layout: Layout = GCP,
    model: Mapping[str, Any] | None = None,
    **options: Any,
) -> Iterator[Twin]:
    """The twin, from its first answer until the end of the block. Skips where a program is missing."""
    try:
        terraform.binary()
        npm_package("@firestore-emulator/server")
        if pubsub == "google":
            google_emulator()
    except MissingProgram as error:
        missing(str(error))
    listed = [{"id": name, "type": "thermostat"} for name in (DEVICE, QUIET)]
    fields: dict[str, Any] = {"devices": listed, **({"model": model} if model else {})}
    synthesis.synthesize(twin_config(layout, **fields), folder / "out")
    stack_folder = folder / "out" / "stacks" / "gcp"
    stack = terraform.read_stack(stack_folder)
    with Processes(folder / "logs") as processes:
        cloud = LocalGcp(processes, folder=folder, hasten=HASTEN, pubsub=pubsub, **options)
        cloud.start(stack)
        try:
            evaluated = evaluate(stack, cloud, folder / "terraform", assets=stack_folder / "assets")
            cloud.deploy(evaluated, stack_folder)
            yield Twin(cloud, evaluated)
        finally:
            cloud.close()
