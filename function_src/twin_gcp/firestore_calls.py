"""What calls of Firestore have in common: their bounds, and what their errors mean."""

from __future__ import annotations

from google.api_core import exceptions, retry

from twin_runtime.errors import Retry, Throttled

TIMEOUT_S = 10.0
"""Of a call with the client's own attempts, which would go on for 60 s, and longer in a query."""


def attempts() -> retry.Retry:
    """When the client tries again by itself."""
    again = retry.if_exception_type(exceptions.ResourceExhausted, exceptions.ServiceUnavailable)
    return retry.Retry(predicate=again, initial=0.1, maximum=2.0, multiplier=2.0, timeout=TIMEOUT_S)


def failure(error: exceptions.GoogleAPIError) -> Retry:
    """The runtime's error for what may succeed later."""
    cause = error.cause if isinstance(error, exceptions.RetryError) else error
    kind = Throttled if isinstance(cause, exceptions.ResourceExhausted) else Retry
    return kind(f"Firestore failed ({type(cause).__name__}).")
