"""The factory of Google Cloud's adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin_runtime.errors import ConfigurationError

from .rest import MetadataTokens, Rest, Tokens

if TYPE_CHECKING:
    from twin_runtime.model import Twin
    from twin_runtime.ports import Grafana

    from .graph import FirestoreGraph
    from .idempotency import StorageIdempotencyStore
    from .objects import StorageObjects
    from .pubsub import DeviceBroker, TopicQueue
    from .secret import SecretVersion
    from .store import FirestoreStore
    from .workflow import Workflow


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the APIs are. Firestore's client finds an emulator by itself (FIRESTORE_EMULATOR_HOST)."""

    pubsub: str = "https://pubsub.googleapis.com"
    secrets: str = "https://secretmanager.googleapis.com"
    executions: str = "https://workflowexecutions.googleapis.com"
    storage: str = "https://storage.googleapis.com"


class GcpCloud:
    """`ports.Cloud`. One per process: its adapters share connections and tokens."""

    def __init__(self, *, endpoints: Endpoints | None = None, tokens: Tokens | None = None) -> None:
        """Without `endpoints` the real ones, with tokens of the function's service account."""
        at = endpoints or Endpoints()
        if endpoints is None and tokens is None:
            tokens = MetadataTokens()
        self._pubsub = Rest(at.pubsub, tokens, service="Pub/Sub")
        self._secrets = Rest(at.secrets, tokens, service="Secret Manager")
        self._executions = Rest(at.executions, tokens, service="Workflows")
        self._storage = Rest(at.storage, tokens, service="Cloud Storage")

    @property
    def name(self) -> str:
        return "gcp"

    def queue(self, address: str) -> TopicQueue:
        from .pubsub import Topic, TopicQueue

        return TopicQueue(Topic(self._pubsub, address))

    def store(self, address: str) -> FirestoreStore:
        from google.cloud import firestore

        from .store import FirestoreStore

        _, project, _, database = address.split("/")  # projects/<project>/databases/<database>
        return FirestoreStore(firestore.Client(project=project, database=database))

    def objects(self, address: str) -> StorageObjects:
        from .objects import StorageObjects

        return StorageObjects.at(address, self._storage)

    def graph(self, address: str, twin: Twin) -> FirestoreGraph:
        from google.cloud import firestore

        from .graph import FirestoreGraph

        _, project, _, database = address.split("/")  # projects/<project>/databases/<database>
        return FirestoreGraph(firestore.Client(project=project, database=database))

    def secret(self, address: str) -> SecretVersion:
        from .secret import SecretVersion

        return SecretVersion(self._secrets, address)

    def broker(self, address: str) -> DeviceBroker:
        from .pubsub import DeviceBroker, Topic

        return DeviceBroker(Topic(self._pubsub, address))

    def workflow(self, address: str) -> Workflow:
        from .workflow import Workflow

        return Workflow(self._executions, address)

    def idempotency_store(self, address: str) -> StorageIdempotencyStore:
        from .idempotency import StorageIdempotencyStore

        return StorageIdempotencyStore(address, self._storage)

    def grafana(self, address: str) -> Grafana:
        """There is none to keep: Grafana on Cloud Run reads its dashboards from files."""
        raise ConfigurationError(f"Google Cloud has no managed Grafana at {address!r}.")
