"""A twin that runs on the local Azure, for tests."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local_cloud import node, standins, terraform
from local_cloud.azure.cloud import LocalAzure
from local_cloud.azure.iot_hub import mqtt
from local_cloud.certificates import Authority
from local_cloud.errors import MissingProgram
from local_cloud.processes import Processes
from local_cloud.reader import Answered, Reader
from simulator.clients import Client, connect
from simulator.endpoint import parse
from stacks import build as synthesis
from support.layouts import Layout, twin_config
from support.local import evaluate
from support.servers import missing
from twin_runtime.roles import Cloud

AZURE = Layout(Cloud.AZURE, Cloud.AZURE, Cloud.AZURE)
DEVICE, OTHER, QUIET = "thermostat-1", "thermostat-2", "thermostat-3"
"""The last is for a test whose rule must not have fired before: a rule fires when it becomes true."""
HASTEN = 20_000.0
"""Event Grid's day of attempts takes four seconds; a queue delivers again at once."""


class Twin:
    """The twin `factory` of two devices, wholly on Azure."""

    def rows(self) -> list[tuple[str, str]]:
        """Device and key of the rows that are no notes."""
        return [(device, key) for device, key in self.cloud.rows() if not device.startswith("~")]

    def __init__(self, cloud: LocalAzure, evaluated: standins.Evaluated, authority: Authority) -> None:
        self.cloud = cloud
        self.evaluated = evaluated
        self.authority = authority
        self.endpoint = cloud.endpoint() or {}

    @contextlib.contextmanager
    def device(self, name: str = DEVICE, commands: list[Any] | None = None) -> Iterator[Client]:
        """A device that is connected; what it is commanded goes into `commands`."""
        client = connect(parse(self.endpoint), name)
        try:
            if commands is not None:
                client.on_command(commands.append)
            yield client
        finally:
            client.close()

    def send(self, reading: Mapping[str, Any], name: str = DEVICE) -> None:
        with self.device(name) as device:
            device.send(json.dumps(reading).encode())

    def graph(self, **query: str) -> tuple[int, dict[str, Any]]:
        """Status and answer of the twin_reader."""
        outputs = self.evaluated.outputs
        trust = self.authority.ca_file
        reader = Reader(outputs["graph_api_url"], outputs["graph_api_key"], trust=trust)
        try:
            return 200, reader.page(**query)
        except Answered as error:
            return error.status, {}

    def read(self, *, key: str | None = None, **query: str) -> tuple[int, dict[str, Any]]:
        """Status and answer of the hot_reader."""
        outputs = self.evaluated.outputs
        api_key = outputs["telemetry_api_key"] if key is None else key
        reader = Reader(outputs["telemetry_api_url"], api_key, trust=self.authority.ca_file)
        try:
            return 200, reader.page(**query)
        except Answered as error:
            return error.status, {}


def programs() -> None:
    """Skip where a program is missing."""
    try:
        terraform.binary()
        mqtt.program()
        node.package("azurite")
        node.package("@vercel/cosmosdb-server")
    except MissingProgram as error:
        missing(str(error))


@contextlib.contextmanager
def running(
    folder: Path,
    *,
    hasten: float = HASTEN,
    layout: Layout = AZURE,
    model: Mapping[str, Any] | None = None,
    **options: Any,
) -> Iterator[Twin]:
    """The twin, from its first answer until the end of the block."""
    programs()
    devices = [{"id": name, "type": "thermostat"} for name in (DEVICE, OTHER, QUIET)]
    fields = {"devices": devices, **({"model": model} if model else {})}
    synthesis.synthesize(twin_config(layout, **fields), folder / "out")
    stack_folder = folder / "out" / "stacks" / "azure"
    stack = terraform.read_stack(stack_folder)
    authority = Authority(folder / "certificates")
    with Processes(folder / "logs") as processes:
        cloud = LocalAzure(processes, folder=folder, authority=authority, hasten=hasten, **options)
        cloud.start(stack)
        evaluated = evaluate(stack, cloud, folder / "terraform")
        cloud.deploy(evaluated, stack_folder)
        yield Twin(cloud, evaluated, authority)
