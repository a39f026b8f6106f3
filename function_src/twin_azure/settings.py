"""The variables of a function app beyond the runtime's own: what the host and this package's adapters read.

`expected` says what a stack must set for a role beside `twin_runtime.settings.expected`, no more, no less.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

HOST = (
    "AzureFunctionsJobHost__functionTimeout",
    "AzureFunctionsWebHost__hostid",
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "PYTHON_THREADPOOL_THREAD_COUNT",
)
"""What the host and its Python worker read, of every app."""
ONE_AT_A_TIME = (
    "AzureFunctionsJobHost__extensions__queues__batchSize",
    "AzureFunctionsJobHost__extensions__queues__newBatchThreshold",
)
"""What the host reads in host.json's place, of the apps of `ALONE`."""
IDENTITY = "AZURE_CLIENT_ID"
"""Which of the app's identities the adapters use."""
TRIGGER = ("QUEUES__clientId", "QUEUES__credential", "QUEUES__queueServiceUri", "TRIGGER_QUEUE")
"""What the host's queue trigger reads: the connection `QUEUES` and the queue."""
ROLE = "TWIN_ROLE"
QUEUE_TRIGGERED = ("connector", "processor", "persister", "event_checker")
"""Always; event_feedback is in the local variant."""
ALONE = ("processor",)
"""The user's code need not be thread-safe."""


def expected(role: str, *, remote: bool = False) -> frozenset[str]:
    """`remote` is read for event_feedback alone: its remote variant is called over HTTPS."""
    queue_triggered = role in QUEUE_TRIGGERED or (role == "event_feedback" and not remote)
    trigger = TRIGGER if queue_triggered else ()
    return frozenset((*HOST, IDENTITY, *trigger, *(ONE_AT_A_TIME if role in ALONE else ())))


def role(environ: Mapping[str, str] | None = None) -> str:
    """Which entry point this app loads; empty where the variable is missing."""
    return (os.environ if environ is None else environ).get(ROLE, "")


def client_id(environ: Mapping[str, str] | None = None) -> str | None:
    """The client id of the app's identity; None for the one that it has by default."""
    return (os.environ if environ is None else environ).get(IDENTITY) or None


def has_trigger_queue(environ: Mapping[str, str] | None = None) -> bool:
    """Whether a queue triggers the app."""
    return bool((os.environ if environ is None else environ).get("TRIGGER_QUEUE"))
