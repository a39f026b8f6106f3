"""Signatures of remote links (Standard Webhooks) and API keys.

Signed is `id.timestamp.body` with HMAC-SHA256, where body is the bytes on the wire, after any
Content-Encoding: what is unpacked and parsed has been authenticated. Of a GET, which has no body, it is the
canonical query. A sender signs with every key that it holds, a receiver accepts any. Keys are `whsec_` and
base64.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from urllib.parse import urlencode

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = 300
"""Seconds that a timestamp may differ from the receiver's clock, either way."""

_PREFIX = "whsec_"
_SHORTEST_KEY = 16
_MOST_SIGNATURES = 16
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class BadSignature(ValueError):
    """The request cannot be trusted. `unknown`: well-formed and in time, but by no key that is held."""

    def __init__(self, reason: str, *, unknown: bool = False) -> None:
        super().__init__(reason)
        self.unknown = unknown


def webhook_id(batch: bytes) -> str:
    """The id of a batch (its JSON): the same batch, sent again, has the same."""
    return "msg_" + sha256(batch).hexdigest()[:40]


def canonical_query(query: Mapping[str, str | Sequence[str]]) -> str:
    """The parameters sorted by name, in the form of a URL: what is signed of a GET."""
    return urlencode(sorted(query.items()), doseq=True, encoding="utf-8", errors="surrogatepass")


def sign(keys: Sequence[str], body: bytes, *, id: str, timestamp: int) -> dict[str, str]:
    """The three headers of a signed request; raises `ValueError` when no key is usable."""
    if not keys:
        raise ValueError("There is no signing key.")
    made = [_signature(_key(key), id, str(timestamp), body).decode() for key in keys]
    return {ID: id, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(made)}


def verify(keys: Sequence[str], body: bytes, headers: Mapping[str, str | None], *, now: float) -> None:
    """Return when one signature is by one of `keys` and the timestamp is near `now`; else raise
    `BadSignature`.
    """
    id, timestamp, given = headers.get(ID), headers.get(TIMESTAMP), headers.get(SIGNATURE)
    if not id or not timestamp or not given:
        raise BadSignature("The signature's headers are missing.")
    if not _ID.fullmatch(id) or not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature("The signature's headers are malformed.")
    if abs(now - int(timestamp)) > TOLERANCE:
        raise BadSignature("The timestamp is more than 5 minutes from the receiver's clock.")
    # Texts are compared, not bytes: base64 has several spellings of one digest, and only one is ours.
    expected = [_signature(_key(key), id, timestamp, body) for key in keys]
    good = False
    for part in given.split(" ")[:_MOST_SIGNATURES]:
        for wanted in expected:
            good |= hmac.compare_digest(part.encode("utf-8", "surrogatepass"), wanted)
    if not good:
        raise BadSignature("The signature is by no key that is accepted.", unknown=True)


def owner_of_key(given: str | None, accepted: Mapping[str, Sequence[str]]) -> str | None:
    """Return who owns an API key, by the keys that each owner has; None: it is nobody's. All keys are
    compared, so the time that it takes tells nothing about them.
    """
    digest = sha256((given or "").encode("utf-8", "surrogatepass")).digest()
    found = None
    for owner, keys in accepted.items():
        for key in keys:
            # An empty key in the secret would let everyone in.
            good = hmac.compare_digest(digest, sha256(key.encode()).digest()) and key != ""
            found = owner if good else found
    return found


def _signature(key: bytes, id: str, timestamp: str, body: bytes) -> bytes:
    mac = hmac.new(key, f"{id}.{timestamp}.".encode(), sha256)
    mac.update(body)
    return b"v1," + b64encode(mac.digest())


def _key(key: str) -> bytes:
    try:
        secret = b64decode(key.removeprefix(_PREFIX), validate=True) if key.startswith(_PREFIX) else b""
    except ValueError:
        secret = b""
    if len(secret) < _SHORTEST_KEY:
        raise ValueError("A signing key is not whsec_ and base64 of 16 bytes or more.")
    return secret
