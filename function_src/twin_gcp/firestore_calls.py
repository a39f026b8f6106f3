"""What calls of Firestore have in common: their bounds, and what their errors mean."""

from __future__ import annotations

import time
from typing import Any

from google.api_core import exceptions, retry
from google.api_core.timeout import ConstantTimeout

from twin_runtime import deadlines
from twin_runtime.deadlines import Service
from twin_runtime.errors import Retry, Throttled
from twin_runtime.roles import Cloud

BOUNDS = deadlines.bounds(Cloud.GCP, Service.STORE)


_AGAIN = (exceptions.ResourceExhausted, exceptions.ServiceUnavailable)


def call() -> dict[str, Any]:
    """The bounds of a call or query that begins now, with the client's own tries. By itself a call goes on
    for 60 s, and a query is begun anew, without end, at each error on its way.
    """
    tries_s = BOUNDS.longest_s - BOUNDS.try_s
    until = time.monotonic() + tries_s
    again = retry.Retry(
        predicate=lambda error: isinstance(error, _AGAIN) and time.monotonic() < until,
        initial=0.1,
        maximum=BOUNDS.pauses_s,
        multiplier=2.0,
        timeout=tries_s,
    )
    # A number would be shared among the tries, and given to the last one anew.
    return {"timeout": ConstantTimeout(BOUNDS.try_s), "retry": again}


def failure(error: exceptions.GoogleAPIError) -> Retry:
    """The runtime's error for what may succeed later."""
    cause = error.cause if isinstance(error, exceptions.RetryError) else error
    kind = Throttled if isinstance(cause, exceptions.ResourceExhausted) else Retry
    return kind(f"Firestore failed ({type(cause).__name__}).")
