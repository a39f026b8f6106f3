"""Buckets on local servers: Azurite, and a stand-in for Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from local_cloud.gcp.storage import Storage
from support.servers import free_port, npm_program, running

ACCOUNT = "devstoreaccount1"
# Azurite's account and key are published with it, and open nothing else.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def azurite() -> Iterator[str]:
    """The URL of a blob service."""
    ports = {kind: free_port() for kind in ("blob", "queue", "table")}
    options = [word for kind, port in ports.items() for word in (f"--{kind}Port", str(port))]
    options += [f"--{kind}Host=127.0.0.1" for kind in ports]
    options += ["--silent", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]
    with running(npm_program("azurite", "azurite"), *options, port=ports["blob"]):
        yield f"http://127.0.0.1:{ports['blob']}/{ACCOUNT}"


@contextmanager
def cloud_storage(*buckets: tuple[str, str]) -> Iterator[str]:
    """The URL of Cloud Storage with buckets of a name and a class each."""
    port = free_port()
    server = Storage(port)
    try:
        server.create({"name": name, "storage_class": kind} for name, kind in buckets)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()
