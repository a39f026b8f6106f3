"""Reads a twin's events back through its hot_reader, as any client does: HTTPS and an API key."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

_TIMEOUT_S = 30.0
_PAGE = 1000
Decode = Callable[[str], Any]


class Answered(Exception):
    """hot_reader answered something other than 200."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"hot_reader answered {status}: {body[:300]}")
        self.status = status


class Reader:
    """Thread-safe. `trust` is the authority of local servers, else the system's; `decode` reads JSON."""

    def __init__(
        self, url: str, api_key: str, *, trust: Path | None = None, decode: Decode = json.loads
    ) -> None:
        self._url = url
        self._api_key = api_key
        self._decode = decode
        self._context = ssl.create_default_context(cafile=str(trust) if trust else None)

    @classmethod
    def of(
        cls, outputs: Mapping[str, Any], *, trust: Path | None = None, decode: Decode = json.loads
    ) -> Reader:
        """The reader that a twin's outputs name."""
        return cls(outputs["telemetry_api_url"], outputs["telemetry_api_key"], trust=trust, decode=decode)

    def page(self, **query: str | int) -> dict[str, Any]:
        """One answer. Raises `Answered`, or `OSError` where nobody answers."""
        request = urllib.request.Request(  # noqa: S310 - the address is a stack's output
            f"{self._url}?{urllib.parse.urlencode(query)}", headers={"x-api-key": self._api_key}
        )
        https = self._context if self._url.startswith("https:") else None
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=https) as answer:  # noqa: S310
                return self._decode(answer.read().decode())
        except urllib.error.HTTPError as error:
            raise Answered(error.code, error.read().decode("utf-8", "replace")) from None

    def events(self, device: str, **query: str | int) -> Iterator[dict[str, Any]]:
        """Every event of a device, in the order of time and id, page by page."""
        asked: dict[str, str | int] = {"device": device, "limit": _PAGE, **query}
        while True:
            page = self.page(**asked)
            yield from page["events"]
            if page["cursor"] is None:
                return
            asked["cursor"] = page["cursor"]
