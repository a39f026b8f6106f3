"""Connect to the clouds with the operator's credentials, or to emulators.

An `--endpoints` file addresses emulators. It has an object per cloud, and every key is optional:

    {"azure": {"storage_key": …, "cosmos_key": …, "hub": "https://127.0.0.1:…", "token": …},
     "gcp": {"pubsub": "http://127.0.0.1:…", "secrets": "http://127.0.0.1:…", "firestore": "127.0.0.1:…",
             "storage": "http://127.0.0.1:…", "token": …}}

On AWS the variable AWS_ENDPOINT_URL does the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from operations import jsonfile
from operations.errors import UsageError
from operations.reach import Reach

KEYS = {
    "azure": ("storage_key", "cosmos_key", "hub", "token"),
    "gcp": ("pubsub", "secrets", "firestore", "storage", "token"),
}


class InCloud(Protocol):
    """A location in a cloud."""

    @property
    def cloud(self) -> str: ...


class Access:
    """Connects to each cloud once, when first asked for; imports the SDKs of that cloud alone."""

    def __init__(
        self, *, region: str | None = None, endpoints: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self._region = region
        self._endpoints = endpoints or {}
        self.to = cache(self._connect)

    def _connect(self, cloud: str) -> Reach:
        module = import_module(f"operations.reach.{cloud}")
        return module.connect(self._region, self._endpoints.get(cloud, {}))

    def adapter(self, package: str, location: InCloud) -> Any:
        """Return what the package's module of the location's cloud connects to."""
        module = import_module(f"{package}.{location.cloud}")
        return module.connect(location, self.to(location.cloud))


def endpoints_of(path: Path) -> dict[str, dict[str, str]]:
    """Return the content of an `--endpoints` file; raises `UsageError`."""
    document = jsonfile.read("--endpoints", path)
    for cloud, fields in document.items():
        if cloud not in KEYS or not isinstance(fields, dict):
            raise UsageError(
                f"--endpoints {path}: {cloud!r} must be azure or gcp, with an object of addresses."
            )
        if unknown := sorted(fields.keys() - set(KEYS[cloud])):
            raise UsageError(
                f"--endpoints {path}: {cloud} has no endpoint {unknown[0]!r}; use {', '.join(KEYS[cloud])}."
            )
    return document
