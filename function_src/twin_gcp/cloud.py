"""The factory of Google Cloud's adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin_runtime.deadlines import Service, bounds
from twin_runtime.errors import ConfigurationError
from twin_runtime.roles import Cloud

from .rest import MetadataTokens, Rest, Tokens

if TYPE_CHECKING:
    from twin_runtime.model import Twin
    from twin_runtime.ports import Expiry, Grafana

    from .graph import FirestoreGraph
    from .objects import StorageObjects
    from .pubsub import DeviceBroker, TopicQueue
    from .secret import SecretVersion
    from .state import FirestoreStateStore
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
        self._pubsub = Rest(at.pubsub, tokens, service="Pub/Sub", bounds=bounds(Cloud.GCP, Service.QUEUE))
        self._secrets = Rest(
            at.secrets, tokens, service="Secret Manager", bounds=bounds(Cloud.GCP, Service.SECRET)
        )
        self._executions = Rest(
            at.executions, tokens, service="Workflows", bounds=bounds(Cloud.GCP, Service.WORKFLOW)
        )
        self._storage = Rest(
            at.storage, tokens, service="Cloud Storage", bounds=bounds(Cloud.GCP, Service.OBJECTS)
        )

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

    def expiry(self, address: str) -> Expiry:
        """The hot store has none where there is a cold tier: the mover deletes what it has moved."""
        raise ConfigurationError(f"Google Cloud has no expiry to switch at {address!r}.")

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

    def state_store(self, address: str) -> FirestoreStateStore:
        from google.cloud import firestore

        from .state import FirestoreStateStore

        _, project, _, database = address.split("/")  # projects/<project>/databases/<database>
        return FirestoreStateStore(firestore.Client(project=project, database=database))

    def grafana(self, address: str) -> Grafana:
        """There is none to keep: Grafana on Cloud Run reads its dashboards from files."""
        raise ConfigurationError(f"Google Cloud has no managed Grafana at {address!r}.")
