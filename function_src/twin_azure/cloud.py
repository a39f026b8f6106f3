"""The factory of Azure's adapters. Each SDK is imported by the first adapter that needs it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from twin_runtime.deadlines import TOKEN
from twin_runtime.errors import ConfigurationError

from . import settings

if TYPE_CHECKING:
    from twin_runtime.model import Twin
    from twin_runtime.ports import Expiry

    from .blobs import BlobObjects
    from .broker import HubBroker
    from .digital_twins import DigitalTwins
    from .grafana import ManagedGrafana
    from .queues import StorageQueue
    from .secrets import VaultSecret
    from .state import TableStateStore
    from .store import CosmosStore
    from .workflow import LogicApp


@cache
def credential() -> Any:
    """The app's managed identity, once per process: it caches tokens."""
    from azure.identity import ManagedIdentityCredential

    # By itself the SDK would wait 300 s for an answer, eleven times.
    return ManagedIdentityCredential(
        client_id=settings.client_id(),
        connection_timeout=TOKEN.connect_s,
        read_timeout=TOKEN.answer_s,
        retry_total=TOKEN.tries - 1,
    )


class AzureCloud:
    """`twin_runtime.ports.Cloud` for Azure."""

    name = "azure"

    def queue(self, address: str) -> StorageQueue:
        from .queues import StorageQueue

        return StorageQueue(address, credential())

    def store(self, address: str) -> CosmosStore:
        from .store import CosmosStore

        return CosmosStore.at(address, credential())

    def objects(self, address: str) -> BlobObjects:
        from .blobs import BlobObjects

        return BlobObjects.at(address, credential())

    def expiry(self, address: str) -> Expiry:
        """The hot store has none where there is a cold tier: the mover deletes what it has moved."""
        raise ConfigurationError(f"Azure has no expiry to switch at {address!r}.")

    def graph(self, address: str, twin: Twin) -> DigitalTwins:
        from .digital_twins import DigitalTwins

        return DigitalTwins.at(address, credential(), twin)

    def secret(self, address: str) -> VaultSecret:
        from .secrets import VaultSecret

        return VaultSecret.at(address, credential())

    def broker(self, address: str) -> HubBroker:
        from .broker import HubBroker

        return HubBroker(address, credential())

    def workflow(self, address: str) -> LogicApp:
        from .workflow import LogicApp

        return LogicApp(address, credential())

    def state_store(self, address: str) -> TableStateStore:
        from .state import TableStateStore

        return TableStateStore(address, credential())

    def grafana(self, address: str) -> ManagedGrafana:
        from .grafana import ManagedGrafana

        return ManagedGrafana(address, credential())
