"""Cosmos DB: @vercel/cosmosdb-server of npm, over HTTPS, since an identity's token goes nowhere else.

It keeps rows in memory, checks no token, deletes nothing whose time is over and meters nothing.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from azure.cosmos import CosmosClient, PartitionKey

from local_cloud import node
from local_cloud.azure.addresses import Place
from local_cloud.certificates import Certificate
from local_cloud.processes import Process, Processes
from local_cloud.standins import Evaluated

_PACKAGE = "@vercel/cosmosdb-server"
LAUNCHER = Path(__file__).with_name("server.js")
_ANY_KEY = "bG9jYWw="


class Cosmos:
    """One account."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._containers: list[tuple[str, str]] = []

    def start(self, processes: Processes, certificate: Certificate) -> Process:
        files = [str(certificate.certificate), str(certificate.key)]
        ports = [str(self._place.port), str(self._place.public)]
        command = [node.node(), str(LAUNCHER), str(node.package(_PACKAGE)), *ports, *files]
        return processes.start("cosmos", command)

    def create(self, evaluated: Evaluated) -> None:
        """The stack's databases and containers."""
        with self._client() as client:
            for database in evaluated.of("azurerm_cosmosdb_sql_database").values():
                client.create_database_if_not_exists(database["name"])
            for container in evaluated.of("azurerm_cosmosdb_sql_container").values():
                (path,) = container["partition_key_paths"]
                client.get_database_client(container["database_name"]).create_container_if_not_exists(
                    container["name"], PartitionKey(path), default_ttl=container.get("default_ttl")
                )
                self._containers.append((container["database_name"], container["name"]))

    def items(self) -> list[dict[str, Any]]:
        """Every item of every container."""
        found = list[dict[str, Any]]()
        with self._client() as client:
            for database, name in self._containers:
                container = client.get_database_client(database).get_container_client(name)
                found += container.query_items("SELECT * FROM c", enable_cross_partition_query=True)
        return found

    @contextlib.contextmanager
    def _client(self) -> Iterator[CosmosClient]:
        url = f"https://127.0.0.1:{self._place.port}"
        with warnings.catch_warnings():
            # The client checks no certificate on loopback, and says so for every call.
            warnings.filterwarnings("ignore", message="Unverified HTTPS request")
            yield CosmosClient(url, _ANY_KEY, enable_endpoint_discovery=False)
