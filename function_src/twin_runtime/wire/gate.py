"""Who is let in: API keys and signatures of a request, against secrets that may have been rotated a moment
ago.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from twin_runtime.ports import Request
from twin_runtime.wire import signing
from twin_runtime.wire.answers import Refusal
from twin_runtime.wire.callers import Callers, check_api_key
from twin_runtime.wire.secret_cache import CachedSecret, keys_of

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
    signing.verify(keys_of(secret, "signing_keys"), body, headers, now=now)
