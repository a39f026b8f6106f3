"""Amazon Managed Grafana: its API takes tokens of a service account, which are made for each run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from twin_aws.clients import calling
from twin_runtime.errors import ConfigurationError, Retry
from twin_runtime.roles import ROLES, Role

PREFIX = "dashboard-sync-"
"""Of the names of the tokens made here."""
LIFE_S = ROLES[Role.DASHBOARD_SYNC].timeout_s + 60
"""Longer than a run can be."""


class ManagedGrafana:
    """`ports.Grafana` at `https://<workspace>?workspace=<id>&service_account=<id>`."""

    installs = True

    def __init__(self, url: str, workspace: str, account: str, client: Any) -> None:
        self.url = url
        self._names = {"workspaceId": workspace, "serviceAccountId": account}
        self._client = client

    @classmethod
    def at(cls, address: str, client: Any) -> ManagedGrafana:
        parts = urlsplit(address)
        query = parse_qs(parts.query)
        workspace, account = query.get("workspace"), query.get("service_account")
        if parts.scheme != "https" or not parts.netloc or not workspace or not account:
            raise ConfigurationError(
                "Grafana's address must be https://<workspace>?workspace=<id>&service_account=<id>."
            )
        return cls(f"https://{parts.netloc}", workspace[0], account[0], client)

    @contextmanager
    def access(self) -> Iterator[str]:
        """A token of this run's own, deleted after it, and with it those of runs that were killed."""
        with calling("Amazon Managed Grafana"):
            self._delete_expired()
            made = self._client.create_workspace_service_account_token(
                **self._names, name=f"{PREFIX}{secrets.token_hex(8)}", secondsToLive=LIFE_S
            )
        token = made["serviceAccountToken"]
        try:
            yield f"Bearer {token['key']}"
        finally:
            with suppress(Retry), calling("Amazon Managed Grafana"):  # it ends by itself soon
                self._delete(token["id"])

    def _delete_expired(self) -> None:
        found = self._client.list_workspace_service_account_tokens(**self._names)
        for token in found.get("serviceAccountTokens", ()):
            if token["name"].startswith(PREFIX) and token["expiresAt"] < datetime.now(UTC):
                self._delete(token["id"])

    def _delete(self, token: str) -> None:
        self._client.delete_workspace_service_account_token(**self._names, tokenId=token)
