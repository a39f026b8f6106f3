"""The bounds of `twin_runtime.deadlines`, in the words of Azure's SDKs and of `rest`.

By themselves the SDKs wait for minutes, and try for minutes more: longer than a function may run, and one
that does not end in time takes its whole process with it.
"""

from __future__ import annotations

from typing import Any

from twin_runtime import deadlines
from twin_runtime.deadlines import Service
from twin_runtime.roles import Cloud


def of_core(service: Service) -> dict[str, Any]:
    """For a client of azure-core's, which would wait for as long as the service asks it to."""
    from azure.core.pipeline.policies import RetryPolicy

    class Prompt(RetryPolicy):
        def get_retry_after(self, response: Any) -> None:
            return None

    bounds = deadlines.bounds(Cloud.AZURE, service)
    # The first pause of azure-core is none.
    return {**_waits(service), "retry_policy": Prompt(retry_total=bounds.tries - 1)}


def of_storage(service: Service) -> dict[str, Any]:
    """For a client of storage. The pause before its second try is the first value and the second, with up to
    the third added or taken away.
    """
    bounds = deadlines.bounds(Cloud.AZURE, service)
    return {
        **_waits(service),
        "retry_total": bounds.tries - 1,
        "initial_backoff": 0,
        "increment_base": bounds.pauses_s / 2,
        "random_jitter_range": bounds.pauses_s / 2,
    }


def of_rest(service: Service) -> float:
    """For a request of `rest.Service`, whose token is got before it."""
    return deadlines.bounds(Cloud.AZURE, service).try_s


def _waits(service: Service) -> dict[str, Any]:
    bounds = deadlines.bounds(Cloud.AZURE, service)
    return {"connection_timeout": bounds.connect_s, "read_timeout": bounds.answer_s}
