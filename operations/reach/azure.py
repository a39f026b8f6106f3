"""Azure, with `DefaultAzureCredential`: environment, workload identity, `az login` and more."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from twin_runtime.model import Twin
from twin_runtime.ports import Broker, GraphWriter, Objects, Queue, SecretSource, StateStore, Store

_SCOPE = "https://storage.azure.com/.default"
_CLAIMS = ("upn", "unique_name", "appid", "oid")
"""What a token calls who holds it: a user, or an application."""


class AzureReach:
    """`Reach`; `endpoints` has the keys, the token and the hub of emulators (see `operations.access`)."""

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        self._endpoints = endpoints

    @cached_property
    def _credential(self) -> Any:
        if "token" in self._endpoints:
            return _StaticToken(self._endpoints["token"])
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential()

    @property
    def storage(self) -> Any:
        """The credential of queues and blobs: an emulator's account key, or the operator's."""
        return self._endpoints.get("storage_key") or self._credential

    def queue(self, address: str) -> Queue:
        from twin_azure.queues import StorageQueue

        return StorageQueue(address, self.storage)

    def store(self, address: str) -> Store:
        from twin_azure.store import CosmosStore

        if "cosmos_key" in self._endpoints:
            # The emulator returns an endpoint that it does not listen on.
            return CosmosStore.at(address, self._endpoints["cosmos_key"], enable_endpoint_discovery=False)
        return CosmosStore.at(address, self._credential)

    def objects(self, address: str) -> Objects:
        from twin_azure.blobs import BlobObjects

        return BlobObjects.at(address, self.storage)

    def graph(self, address: str, twin: Twin) -> GraphWriter:
        from twin_azure.digital_twins import DigitalTwins

        return DigitalTwins.at(address, self._credential, twin)

    def state_store(self, address: str) -> StateStore:
        from twin_azure.state import TableStateStore

        return TableStateStore(address, self._credential)

    def broker(self, address: str) -> Broker:
        from twin_azure.broker import HubBroker

        return HubBroker(self._endpoints.get("hub") or address, self._credential)

    def secret(self, address: str) -> SecretSource:
        from twin_azure.secrets import VaultSecret

        return VaultSecret.at(address, self._credential)

    def identity(self) -> str | None:
        if "storage_key" in self._endpoints:
            return None
        token: str = self._credential.get_token(_SCOPE).token
        try:
            body = token.split(".")[1]
            claims: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (IndexError, ValueError):  # no JSON web token
            return None
        return next((str(claims[name]) for name in _CLAIMS if name in claims), None)


class _StaticToken:
    """A credential with one token, for emulators."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: Any) -> Any:
        from azure.core.credentials import AccessToken

        return AccessToken(self._token, 2**31)


def connect(_region: str | None, endpoints: Mapping[str, str]) -> AzureReach:
    """Connect to Azure, or to the emulators at `endpoints`."""
    return AzureReach(endpoints)
