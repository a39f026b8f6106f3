"""How an operator reaches the clouds: each one's usual credentials, or those of local servers.

`endpoints` is for local servers alone, an object by cloud, every key optional:

    {"azure": {"storage_key": …, "cosmos_key": …, "hub": "https://127.0.0.1:…", "token": …},
     "gcp": {"pubsub": "http://127.0.0.1:…", "secrets": "http://127.0.0.1:…", "firestore": "127.0.0.1:…",
             "storage": "http://127.0.0.1:…", "token": …}}

On AWS the variable AWS_ENDPOINT_URL does the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from operations.errors import OperationError, UsageError
from operations.reach import Reach

KEYS = {
    "azure": ("storage_key", "cosmos_key", "hub", "token"),
    "gcp": ("pubsub", "secrets", "firestore", "storage", "token"),
}


@contextmanager
def sdks() -> Iterator[None]:
    """Where a cloud's packages are loaded; raises `OperationError` when one is missing."""
    try:
        yield
    except ImportError as error:
        raise OperationError(
            f"The package of {error.name} is not installed: pip install -r requirements-replay.txt."
        ) from error


class Access:
    """Each cloud in use, reached when it is first asked for."""

    def __init__(
        self, *, region: str | None = None, endpoints: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self._region = region
        self._endpoints = endpoints or {}
        self.to = cache(self._to)

    def _to(self, cloud: str) -> Reach:
        with sdks():
            return self._made(cloud)

    def _made(self, cloud: str) -> Reach:
        """SDKs are loaded of the clouds that are asked for."""
        if cloud == "aws":
            from operations.reach.aws import AwsReach

            return AwsReach(self._region)
        endpoints = self._endpoints.get(cloud, {})
        if cloud == "azure":
            from operations.reach.azure import AzureReach

            return AzureReach(endpoints)
        from operations.reach.gcp import GcpReach

        return GcpReach(endpoints)


def endpoints_of(path: Path) -> dict[str, dict[str, str]]:
    """The content of an `--endpoints` file; raises `UsageError`."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--endpoints {path} is no readable JSON file ({type(error).__name__}).") from None
    for cloud, fields in document.items() if isinstance(document, dict) else [("", None)]:
        if cloud not in KEYS or not isinstance(fields, dict) or not set(fields) <= set(KEYS[cloud]):
            known = "; ".join(f"{name}: {', '.join(keys)}" for name, keys in KEYS.items())
            raise UsageError(f"--endpoints {path} holds what is not known; it may hold {known}.")
    return document
