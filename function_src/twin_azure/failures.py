"""From the SDKs' errors to the runtime's. Texts name the service and the status, never a key or a payload."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twin_runtime.errors import Retry, Throttled

_BUSY = (429, 503)


@contextmanager
def translated(service: str) -> Iterator[None]:
    """Raise what azure-core raises as `Retry`, or `Throttled` where the service asked for less."""
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        yield
    except HttpResponseError as error:
        if error.status_code is None:  # no token, for one, is of this class and has no answer
            raise Retry(f"{service} failed ({type(error).__name__}).") from error
        raise retry(service, error.status_code, getattr(error.response, "headers", None)) from error
    except AzureError as error:
        raise Retry(f"{service} failed ({type(error).__name__}).") from error


def retry(service: str, status: int, headers: Any = None) -> Retry:
    """What a status means for a call that may be made again."""
    if status in _BUSY:
        return Throttled(f"{service} is busy ({status}).", after=_after(headers or {}))
    return Retry(f"{service} answered {status}.")


def _after(headers: Any) -> float | None:
    """Seconds that the service asked to wait: in its own header, or the standard one."""
    for name, scale in (("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return float(headers.get(name)) * scale
        except (TypeError, ValueError):
            continue
    return None
