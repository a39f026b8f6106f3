"""Local servers for the adapters, on loopback: Azurite for queues, cosmosdb-server for the store."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_WAIT_SECONDS = 60


def program(name: str) -> str:
    """The path of an npm program; skips the test where it is not installed."""
    folders = [str(_ROOT / "node_modules" / ".bin"), os.environ.get("TWINSPAN_EMULATORS", "")]
    for folder in (*filter(None, folders), None):
        if found := shutil.which(name, path=folder):
            return found
    pytest.skip(f"{name} is not installed: npm install")


def free_port() -> int:
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@contextmanager
def running(*command: str, port: int) -> Iterator[None]:
    """A server from its first answer on `port` until the end of the block."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        try:
            until = time.monotonic() + _WAIT_SECONDS
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > until:
                    output.seek(0)
                    raise RuntimeError(f"{command[0]} did not start: {output.read().decode()[-500:]}")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(10)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as client:
        client.settimeout(0.2)
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def azurite() -> Iterator[str]:
    """The URL of a queue service, of the account that every emulator has."""
    blob, queue, table = free_port(), free_port(), free_port()
    hosts = [f"--{kind}Host=127.0.0.1" for kind in ("blob", "queue", "table")]
    ports = ["--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table)]
    options = ["--silent", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]
    with running(program("azurite"), *options, *hosts, *ports, port=queue):
        yield f"http://127.0.0.1:{queue}/{ACCOUNT}"


@contextmanager
def cosmos() -> Iterator[str]:
    """The URL of a Cosmos DB account; it takes any key."""
    port = free_port()
    with running(program("cosmosdb-server"), "-p", str(port), "--host", "127.0.0.1", "--no-ssl", port=port):
        yield f"http://127.0.0.1:{port}"


ACCOUNT = "devstoreaccount1"
# Azurite's account and key are published with it, and open nothing else.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
COSMOS_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
