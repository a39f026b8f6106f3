"""The tiers in Cloud Storage: the contract on a server of others', as a second opinion on our own stand-in.

That is oittaa's gcp-storage-emulator. It gives lists without pages, and knows no default class of a bucket.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from contract.adapter_contract import ObjectsContract
from gcp import servers
from local_cloud.processes import free_port
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_gcp.objects import StorageObjects

emulator = pytest.importorskip("gcp_storage_emulator.server", reason="gcp-storage-emulator is not installed")
_numbers = count(1)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    port = free_port()
    server = emulator.create_server("127.0.0.1", port, in_memory=True)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


class TestStorage(ObjectsContract):
    @pytest.fixture
    def objects(self, url: str) -> StorageObjects:
        bucket = f"factory-cold-{next(_numbers)}"
        servers.call(f"{url}/storage/v1/b?project=my-project", {"name": bucket})
        return GcpCloud(endpoints=Endpoints(storage=url)).objects(f"gs://{bucket}")
