"""Azure Managed Grafana: its API takes tokens of Entra ID."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .failures import translated

SCOPE = "https://dashboard.azure.com/.default"
"""Whom tokens for the API are for (learn.microsoft.com, 'Authenticate to the data plane API')."""


class ManagedGrafana:
    """`twin_runtime.ports.Grafana` at a workspace's endpoint, with the app's own identity."""

    installs = False
    """Plugins are part of the workspace's resource: its API installs none."""

    def __init__(self, endpoint: str, credential: Any) -> None:
        self.url = endpoint
        self._credential = credential

    @contextmanager
    def access(self) -> Iterator[str]:
        with translated("Entra ID"):
            token = self._credential.get_token(SCOPE).token
        yield f"Bearer {token}"
