"""Local servers for the adapters, on loopback: Azurite for queues and blobs, cosmosdb-server for the store.
They are npm packages of local_cloud/servers.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from local_cloud import node
from local_cloud.azure.cosmos.server import LAUNCHER
from support.servers import free_port, npm_module, npm_program, running
from twin_azure.bodies import split


@dataclass(frozen=True)
class Storage:
    """The URLs of an account's services."""

    queues: str
    blobs: str
    tables: str


@contextmanager
def azurite() -> Iterator[Storage]:
    """The account that every emulator has."""
    program = npm_program("azurite", "azurite")
    blob, queue, table = free_port(), free_port(), free_port()
    hosts = [f"--{kind}Host=127.0.0.1" for kind in ("blob", "queue", "table")]
    ports = ["--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table)]
    options = ["--silent", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]
    with running(program, *options, *hosts, *ports, port=queue):
        yield Storage(*(f"http://127.0.0.1:{port}/{ACCOUNT}" for port in (queue, blob, table)))


@contextmanager
def cosmos() -> Iterator[str]:
    """The URL of a Cosmos DB account; it takes any key."""
    folder, port = npm_module("@vercel/cosmosdb-server"), free_port()
    with running(node.node(), str(LAUNCHER), str(folder), str(port), str(port), port=port):
        yield f"http://127.0.0.1:{port}"


def queue(storage: Storage, name: str) -> str:
    """The address of a new queue, with a new container for the bodies of it and of its poison queue."""
    address = f"{storage.queues}/{name}?bodies={storage.blobs}/bodies-{name.removesuffix('-poison')}"
    url, container = split(address)
    QueueClient.from_queue_url(url, credential=KEY).create_queue()
    with suppress(ResourceExistsError):
        ContainerClient.from_container_url(container, credential=KEY).create_container()
    return address


ACCOUNT = "devstoreaccount1"
# Azurite's account and key are published with it, and open nothing else.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
COSMOS_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
