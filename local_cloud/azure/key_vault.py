"""A stand-in for Key Vault: the part of its REST interface that reads and writes secrets, with its challenge.

It takes the token of any identity: who may read which secret is Azure's decision and is not made here.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from typing import Any

from local_cloud.azure.tokens import TENANT, Tokens
from local_cloud.web import Answer, Request, json_answer

_PREFIX = "/secrets/"


def resource(host: str) -> str:
    """The audience of tokens for the vault at `host`.

    The real client takes a challenge only for a domain that its vault's host lies in, as
    `twin.vault.azure.net` lies in `vault.azure.net`. For 127.0.0.1 that is what follows the first dot.
    """
    return f"https://{host.partition('.')[2]}"


class Vault:
    """Secrets with their versions, in memory. `host` is what clients call it, with the port."""

    def __init__(self, tokens: Tokens, host: str) -> None:
        self._tokens = tokens
        self._host = host
        self._lock = threading.Lock()
        self._secrets: dict[str, dict[str, str]] = {}

    def __call__(self, request: Request) -> Answer:
        claims = self._tokens.claims(request.headers.get("authorization"))
        if claims is None or claims["aud"] != resource(self._host):
            return self._challenge()
        if not request.path.startswith(_PREFIX):
            return Answer(404)
        name, _, version = request.path.removeprefix(_PREFIX).strip("/").partition("/")
        if request.method == "PUT" and name and not version:
            return self._set(name, request.json())
        if request.method == "GET" and name:
            return self._get(name, version)
        return Answer(405)

    def _set(self, name: str, given: Mapping[str, Any]) -> Answer:
        version = uuid.uuid4().hex
        with self._lock:
            self._secrets.setdefault(name, {})[version] = given["value"]
        return json_answer(200, self._bundle(name, version, given["value"]))

    def _get(self, name: str, version: str) -> Answer:
        with self._lock:
            versions = self._secrets.get(name, {})
            chosen = version or next(reversed(versions), "")
            value = versions.get(chosen)
        if value is None:
            message = f"A secret with (name/id) {name} was not found in this key vault."
            return json_answer(404, {"error": {"code": "SecretNotFound", "message": message}})
        return json_answer(200, self._bundle(name, chosen, value))

    def _bundle(self, name: str, version: str, value: str) -> dict[str, Any]:
        return {
            "id": f"https://{self._host}{_PREFIX}{name}/{version}",
            "value": value,
            "attributes": {"enabled": True},
        }

    def _challenge(self) -> Answer:
        return json_answer(
            401,
            {"error": {"code": "Unauthorized", "message": "A token of the vault's tenant is needed."}},
            {
                "www-authenticate": f'Bearer authorization="https://login.microsoftonline.com/{TENANT}",'
                f' resource="{resource(self._host)}"'
            },
        )
