"""Secrets in a key vault."""

from __future__ import annotations

from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.keyvault.secrets import SecretClient

from twin_runtime.deadlines import Service
from twin_runtime.errors import ConfigurationError, SecretMissing

from .bounds import of_core
from .failures import translated

_PATH = "/secrets/"


class VaultSecret:
    """`twin_runtime.ports.SecretSource`: the newest version of one secret."""

    def __init__(self, client: SecretClient, name: str) -> None:
        self._client = client
        self._name = name

    @classmethod
    def at(cls, url: str, credential: Any) -> VaultSecret:
        """The secret at `https://<vault>/secrets/<name>`."""
        vault, separator, name = url.rstrip("/").partition(_PATH)
        if not separator or not name or "/" in name:
            raise ConfigurationError("A secret's address must be https://<vault>/secrets/<name>.")
        return cls(SecretClient(vault, credential, **of_core(Service.SECRET)), name)

    def fetch(self) -> str:
        with translated("The key vault"):
            try:
                value = self._client.get_secret(self._name).value
            except ResourceNotFoundError:
                raise SecretMissing("The secret is not in the key vault yet.") from None
        if value is None:
            raise SecretMissing("The secret in the key vault has no value.")
        return value
