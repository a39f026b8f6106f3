"""Local servers for the adapters, on loopback: Azurite for queues and blobs, cosmosdb-server for the store.
They are npm packages of local_cloud/servers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from local_cloud import node
from local_cloud.azure.cosmos.server import LAUNCHER
from support.servers import free_port, npm_module, npm_program, running


@dataclass(frozen=True)
class Storage:
    """The URLs of an account's services."""

    queues: str
    blobs: str


@contextmanager
def azurite() -> Iterator[Storage]:
    """The account that every emulator has."""
    program = npm_program("azurite", "azurite")
    blob, queue, table = free_port(), free_port(), free_port()
    hosts = [f"--{kind}Host=127.0.0.1" for kind in ("blob", "queue", "table")]
    ports = ["--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table)]
    options = ["--silent", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]
    with running(program, *options, *hosts, *ports, port=queue):
        yield Storage(*(f"http://127.0.0.1:{port}/{ACCOUNT}" for port in (queue, blob)))


@contextmanager
def cosmos() -> Iterator[str]:
    """The URL of a Cosmos DB account; it takes any key."""
    folder, port = npm_module("@vercel/cosmosdb-server"), free_port()
    with running(node.node(), str(LAUNCHER), str(folder), str(port), str(port), port=port):
        yield f"http://127.0.0.1:{port}"


ACCOUNT = "devstoreaccount1"
# Azurite's account and key are published with it, and open nothing else.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
COSMOS_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
