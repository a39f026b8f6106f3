"""Requests to the JSON servers on loopback."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from local_cloud.errors import LocalCloudError


def call(port: int, method: str, path: str, document: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The answer's document; raises `LocalCloudError` when the server refuses."""
    body = None if method == "GET" else json.dumps(document or {}).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http on loopback
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        said = error.read().decode("utf-8", "replace")[:300]
        raise LocalCloudError(f"The server refused {method} {path} with {error.code}: {said}") from error
