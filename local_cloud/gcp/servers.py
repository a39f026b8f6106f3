"""The servers in the place of Google's APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_cloud.errors import LocalCloudError
from local_cloud.gcp import firestore
from local_cloud.gcp.pubsub import servers as pubsub_servers
from local_cloud.gcp.secret_manager import SecretManager
from local_cloud.gcp.storage import Storage
from local_cloud.gcp.workflows import server as workflows_server
from local_cloud.processes import Process, Processes, free_ports
from local_cloud.standins import Evaluated

NAMES: tuple[str, ...] = ("firestore", "pubsub", "secrets", "executions", "storage")
_BUCKET = "google_storage_bucket"
_FILES = "files"
_DATABASE = "google_firestore_database"
_SECRET = "google_secret_manager_secret"  # noqa: S105 - a type
_TOPIC = "google_pubsub_topic"
_WORKFLOW = "google_workflows_workflow"


class Servers:
    """Those that a stack needs; `ports` has a port for each of `NAMES`, needed or not."""

    def __init__(
        self, processes: Processes, stack: Mapping[str, Any], *, pubsub: pubsub_servers.Kind
    ) -> None:
        """Starts them; `make` waits until they answer."""
        self.ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
        self._processes = processes
        self._started: list[tuple[Process, int]] = []
        self._secrets: SecretManager | None = None
        self._storage: Storage | None = None
        resources = stack["resource"]
        if _DATABASE in resources:
            self._add(firestore.start(processes, self.ports["firestore"]), "firestore")
        if _TOPIC in resources:
            self._add(pubsub_servers.start(processes, pubsub, self.ports["pubsub"]), "pubsub")
        if _WORKFLOW in resources:
            self._add(workflows_server.start(processes, self.ports["executions"]), "executions")
        if _SECRET in resources:
            self._secrets = SecretManager(self.ports["secrets"])
        if _BUCKET in resources:
            self._storage = Storage(self.ports["storage"])

    def make(self, evaluated: Evaluated, *, hasten: float) -> None:
        """Make the stack's secrets, buckets, workflow, topics and subscriptions."""
        for process, port in self._started:
            self._processes.wait(process, port=port)
        if self._secrets is not None:
            self._secrets.create(values["id"] for values in evaluated.of(_SECRET).values())
        self.write_secrets(evaluated)
        if self._storage is not None:
            self._storage.create(evaluated.of(_BUCKET).values())
        workflows_server.configure(self.ports["executions"], evaluated)
        pubsub_servers.configure(self.ports["pubsub"], evaluated, hasten=hasten)

    def write_secrets(self, evaluated: Evaluated) -> None:
        """Carry out the versions that a stack writes."""
        for values in evaluated.of(f"{_SECRET}_version").values():
            self.write_secret(values["secret"], values["secret_data"])

    def write_secret(self, secret: str, text: str) -> None:
        """Give a secret a version; the same text again is no change."""
        if self._secrets is None:
            raise LocalCloudError(f"No stack has made the secret {secret}.")
        if self._secrets.newest(secret) != text:
            self._secrets.add(secret, text)

    def secret(self, name: str) -> str | None:
        """The newest version."""
        return self._secrets.newest(name) if self._secrets is not None else None

    def documents(self, evaluated: Evaluated, collection: str) -> list[dict[str, str]]:
        """What is in a collection of the stack's databases."""
        return [
            document
            for database in evaluated.of(_DATABASE).values()
            for document in firestore.documents(self.ports["firestore"], database["id"], collection)
        ]

    def files(self, evaluated: Evaluated) -> list[str]:
        """The files of the tiers: `cold/<name>` and `archive/<name>`."""
        bucket = evaluated.of(_BUCKET).get(_FILES)
        if bucket is None or self._storage is None:
            return []
        tier = bucket["labels"]["layer"].removesuffix("_storage")
        return [f"{tier}/{name}" for name in self._storage.names(bucket["name"])]

    def workflow_runs(self, evaluated: Evaluated) -> list[dict[str, Any]]:
        return workflows_server.runs(self.ports["executions"]) if evaluated.of(_WORKFLOW) else []

    def close(self) -> None:
        """End what runs in this process; `Processes` ends the rest."""
        if self._secrets is not None:
            self._secrets.close()
            self._secrets = None
        if self._storage is not None:
            self._storage.close()
            self._storage = None

    def _add(self, process: Process, name: str) -> None:
        self._started.append((process, self.ports[name]))
