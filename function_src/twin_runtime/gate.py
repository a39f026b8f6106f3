"""Who is let in: API keys and signatures of a request, against secrets that may have been rotated a moment
ago.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import signing
from .answers import Refusal
from .errors import Retry
from .ports import Request
from .secret_cache import CachedSecret


def check_api_key(request: Request, api_keys: CachedSecret | None) -> None:
    """Raise `Refusal` 401 unless the request has an accepted `x-api-key`, or none is to be checked here."""
    if api_keys is None:
        return
    given = request.header("x-api-key")
    if signing.key_accepted(given, _keys(api_keys.read(), "api_keys")):
        return
    if not given or not signing.key_accepted(given, _keys(api_keys.refresh(), "api_keys")):
        raise Refusal(401, "The API key is missing or wrong.")


def check_signature(request: Request, link: CachedSecret, now: float) -> None:
    """Raise `Refusal` 401 unless the body, as it came, is signed by a key of the link's secret."""
    names = (signing.ID, signing.TIMESTAMP, signing.SIGNATURE)
    headers = {name: request.header(name) for name in names}
    try:
        _verify(link.read(), request.body, headers, now)
    except signing.BadSignature as error:
        if not error.unknown:
            raise Refusal(401, str(error)) from None
    else:
        return
    # A key of the next generation may be in the secret already.
    try:
        _verify(link.refresh(), request.body, headers, now)
    except signing.BadSignature as error:
        raise Refusal(401, str(error)) from None


def _verify(secret: Mapping[str, Any], body: bytes, headers: Mapping[str, str | None], now: float) -> None:
    signing.verify(_keys(secret, "signing_keys"), body, headers, now=now)


def _keys(secret: Mapping[str, Any], name: str) -> list[str]:
    keys = secret.get(name)
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise Retry(f"The secret has no {name}.")
    return keys
