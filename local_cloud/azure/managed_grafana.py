"""A stand-in for a workspace of Azure Managed Grafana: Grafana's API, which takes tokens of Entra ID."""

from __future__ import annotations

from collections.abc import Iterable

from local_cloud.azure.tokens import Tokens
from local_cloud.grafana import GrafanaApi

AUDIENCE = "https://dashboard.azure.com"


def workspace(tokens: Tokens, administrators: Iterable[str], plugins: Iterable[str]) -> GrafanaApi:
    """`administrators` are principals. Azure lets nobody install plugins by Grafana's API."""
    known = frozenset(administrators)

    def administers(authorization: str | None) -> bool | None:
        claims = tokens.claims(authorization)
        if claims is None or claims["aud"] != AUDIENCE:
            return None
        return claims["oid"] in known

    return GrafanaApi(administers, catalog={}, installed=plugins)
