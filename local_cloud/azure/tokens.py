"""Access tokens in place of Entra ID's: JSON Web Tokens, signed with a key of the run's own."""

from __future__ import annotations

import hmac
import json
import time
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

LIFETIME_S = 86_400
"""As long as a managed identity's token."""
_HEADER = {"alg": "HS256", "typ": "JWT"}
_NAMES = uuid.UUID("6a0f2bb4-3a0c-4b5d-9d55-3f1a35c2e7a1")


def known_id(what: str, name: str) -> str:
    """A GUID that is the same whenever it is asked for, such as the client id of an identity."""
    return str(uuid.uuid5(_NAMES, f"{what}/{name}"))


TENANT = known_id("tenant", "local")
ISSUER = f"https://sts.windows.net/{TENANT}/"


class Tokens:
    """Issues tokens and reads those that it issued."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def issue(self, principal: str, audience: str) -> str:
        """A token of the identity with the object id `principal`, for `audience`."""
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": ISSUER,
            "oid": principal,
            "sub": principal,
            "tid": TENANT,
            "iat": now,
            "nbf": now - 300,
            "exp": now + LIFETIME_S,
        }
        signed = f"{_encode(_HEADER)}.{_encode(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def claims(self, authorization: str | None) -> Mapping[str, Any] | None:
        """What the token of an `Authorization` header says; None for none, a forged or an expired one."""
        scheme, _, token = (authorization or "").partition(" ")
        signed, _, signature = token.rpartition(".")
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            self._signature(signed).encode(), signature.encode()
        ):
            return None
        claims = json.loads(_decode(signed.partition(".")[2]))
        return claims if claims["exp"] > time.time() else None

    def _signature(self, signed: str) -> str:
        return _text(hmac.digest(self._key, signed.encode(), "sha256"))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _encode(value: object) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
