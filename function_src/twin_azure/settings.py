"""The variables of a function app beyond the runtime's own: what the host and this package's adapters read.

`expected` says what a stack must set for a role beside `twin_runtime.settings.expected`, no more, no less.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from twin_runtime.errors import ConfigurationError

TIMEOUT = "AzureFunctionsJobHost__functionTimeout"
HOST = (
    TIMEOUT,
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
TIMER = ("PARTITIONS", "SCHEDULE")
"""What the apps of `SCHEDULED` have: how many runs there are at a time, and when, as NCRONTAB has it."""
SCHEDULED = ("cold_mover", "archive_mover", "twin_sync", "dashboard_sync")
CHANGES = (
    "CHANGES__accountEndpoint",
    "CHANGES__clientId",
    "CHANGES__credential",
    "CHANGES_CONTAINER",
    "CHANGES_DATABASE",
    "CHANGES_LEASES",
)
"""What the host's Cosmos DB trigger reads: the connection `CHANGES`, and containers. Of twin_sync in the
local variant.
"""
ALONE = ("processor",)
"""The user's code need not be thread-safe."""
_DURATION = re.compile(r"([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])")


def expected(role: str, *, remote: bool = False) -> frozenset[str]:
    """`remote` is read for event_feedback, whose remote variant is called over HTTPS, and for twin_sync, to
    which no store hands changes then.
    """
    queue_triggered = role in QUEUE_TRIGGERED or (role == "event_feedback" and not remote)
    trigger = TRIGGER if queue_triggered else TIMER if role in SCHEDULED else ()
    changes = CHANGES if role == "twin_sync" and not remote else ()
    return frozenset((*HOST, IDENTITY, *trigger, *changes, *(ONE_AT_A_TIME if role in ALONE else ())))


def role(environ: Mapping[str, str] | None = None) -> str:
    """Which entry point this app loads; empty where the variable is missing."""
    return (os.environ if environ is None else environ).get(ROLE, "")


def client_id(environ: Mapping[str, str] | None = None) -> str | None:
    """The client id of the app's identity; None for the one that it has by default."""
    return (os.environ if environ is None else environ).get(IDENTITY) or None


def partitions(environ: Mapping[str, str] | None = None) -> int:
    """How many runs of a scheduled role there are at a time; raises `ConfigurationError`."""
    text = (os.environ if environ is None else environ).get("PARTITIONS", "")
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise ConfigurationError(f"PARTITIONS is {text!r}, and must be a number of 1 or more.")
    return int(text)


def timeout_s(environ: Mapping[str, str] | None = None) -> float:
    """Seconds after which the host ends a run; raises `ConfigurationError`."""
    text = (os.environ if environ is None else environ).get(TIMEOUT, "")
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"{TIMEOUT} is {text!r}, and must be hh:mm:ss.")
    hours, minutes, seconds = (int(part) for part in found.groups())
    return hours * 3600.0 + minutes * 60 + seconds


def has_trigger_queue(environ: Mapping[str, str] | None = None) -> bool:
    """Whether a queue triggers the app."""
    return bool((os.environ if environ is None else environ).get("TRIGGER_QUEUE"))


def has_changes(environ: Mapping[str, str] | None = None) -> bool:
    """Whether the hot store hands its changes to the app."""
    return bool((os.environ if environ is None else environ).get("CHANGES_CONTAINER"))
