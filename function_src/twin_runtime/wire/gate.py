"""Who is let in: API keys and signatures of a request, against secrets that may have been rotated a moment
ago.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from twin_runtime.errors import Retry
from twin_runtime.ports import Request
from twin_runtime.wire import signing
from twin_runtime.wire.answers import Refusal
from twin_runtime.wire.secret_cache import CachedSecret

if TYPE_CHECKING:
    from twin_runtime.wire.callers import Callers

TWIN = "twin"
"""The client of the twin's own keys: links, Grafana, and whoever was given one."""
_SIGNATURE = (signing.ID, signing.TIMESTAMP, signing.SIGNATURE)


def check_post(
    request: Request,
    *,
    media_types: Collection[str],
    max_bytes: int,
    api_keys: CachedSecret | None,
    link: CachedSecret,
    now: float,
) -> str:
    """The media type of a POST that may come in; raises `Refusal`."""
    if request.method != "POST":
        raise Refusal(405, "Only POST is served here.", {"allow": "POST"})
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        raise Refusal(415, f"The content type must be {' or '.join(media_types)}.")
    if len(request.body) > max_bytes:
        raise Refusal(413, f"The body is larger than {max_bytes} bytes.")
    if api_keys is not None:
        check_api_key(request, api_keys)
    check_signature(request, link, now)
    return media_type


def check_get(
    request: Request, *, callers: Callers, link: CachedSecret | None, by_key: bool, now: float
) -> str | None:
    """Return the client of a GET that may come in: by its API key and, unless `by_key`, its signature. None
    where nobody checked a key. Raises `Refusal`.

    A signature that is given must be right all the same. The twin's own functions sign, and are not limited.
    """
    if request.method != "GET":
        raise Refusal(405, "Only GET is served here.", {"allow": "GET"})
    client = callers.client(request)
    if by_key and not any(request.header(name) for name in _SIGNATURE):
        callers.limit(client)
        return client
    if link is None:
        raise Refusal(401, "No signature is accepted here.")
    check_signature(request, link, now, signed=signing.canonical_query(request.query).encode("ascii"))
    return client


def check_api_key(request: Request, api_keys: CachedSecret) -> str:
    """Return the client whose key the request has in `x-api-key`, `TWIN` for one of the twin's own; raises
    `Refusal` 401.

    A key that is no longer in the secret is refused within `secret_cache.MAX_AGE` seconds.
    """
    given = request.header("x-api-key")
    client = signing.owner_of_key(given, _clients(api_keys.read()))
    if client is None and given:
        client = signing.owner_of_key(given, _clients(api_keys.refresh()))
    if client is None:
        raise Refusal(401, "The API key is missing or wrong.")
    return client


def check_signature(request: Request, link: CachedSecret, now: float, *, signed: bytes | None = None) -> None:
    """Raise `Refusal` 401 unless the body, as it came, is signed by a key of the link's secret; or `signed`,
    of a request without a body.
    """
    body = request.body if signed is None else signed
    headers = {name: request.header(name) for name in _SIGNATURE}
    try:
        _verify(link.read(), body, headers, now)
    except signing.BadSignature as error:
        if not error.unknown:
            raise Refusal(401, str(error)) from None
    else:
        return
    # A key of the next generation may be in the secret already.
    try:
        _verify(link.refresh(), body, headers, now)
    except signing.BadSignature as error:
        raise Refusal(401, str(error)) from None


def _verify(secret: Mapping[str, Any], body: bytes, headers: Mapping[str, str | None], now: float) -> None:
    signing.verify(_keys(secret, "signing_keys"), body, headers, now=now)


def _clients(secret: Mapping[str, Any]) -> Mapping[str, list[str]]:
    """The keys of each client, and of the twin itself."""
    clients = secret.get("clients", {})
    if not isinstance(clients, dict):
        raise Retry("The secret's clients are not an object.")
    return {**{name: _keys(clients, name) for name in clients}, TWIN: _keys(secret, "api_keys")}


def _keys(secret: Mapping[str, Any], name: str) -> list[str]:
    keys = secret.get(name)
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise Retry(f"The secret has no {name}.")
    return keys
