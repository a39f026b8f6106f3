"""Answers of the HTTP roles: JSON, one sentence per error, no detail of this side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twin_runtime import jsontext
from twin_runtime.errors import Retry, Throttled
from twin_runtime.log import Log, failure
from twin_runtime.ports import Response


class Refusal(Exception):
    """The request is answered with this status and this sentence. `client` is whose request it is, where the
    log needs to say so.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        headers: Mapping[str, str] | None = None,
        *,
        client: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}
        self.client = client


def guarded(log: Log, handle: Callable[[], Response]) -> Response:
    """The answer of `handle`, or that of the error it raises, without a detail of this side."""
    try:
        return handle()
    except Refusal as refusal:
        log.tally("refused", status=refusal.status, reason=refusal.reason, client=refusal.client)
        return answer(refusal.status, {"error": refusal.reason}, refusal.headers)
    except Retry as error:
        log.warning("unavailable", reason=error.reason)
        status, after = 429 if isinstance(error, Throttled) else 503, max(1, round(error.after or 2))
    except Exception as error:
        log.error("unavailable", reason=failure(error))
        status, after = 503, 5
    sentence = f"{'Too much at once' if status == 429 else 'Not available now'}; try again later."
    return answer(status, {"error": sentence}, {"retry-after": str(after)})


def answer(status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return json_answer(status, jsontext.dumps(document), headers)


def json_answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of JSON that is already text."""
    fixed = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Response(status, text.encode("ascii"), fixed | dict(headers or {}))
