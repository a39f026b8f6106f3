"""The variables of a function app beyond the runtime's own: what the host and this package's adapters read.

`expected` says what a stack must set for a role beside `twin_runtime.settings.expected`, no more, no less.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from twin_runtime.errors import ConfigurationError
from twin_runtime.roles import ROLES, Batching, Cloud, Role, Trigger

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
"""What the host reads in host.json's place, of the apps that work on one message at a time."""
IDENTITY = "AZURE_CLIENT_ID"
"""Which of the app's identities the adapters use."""
TRIGGER = (
    "QUEUES__clientId",
    "QUEUES__credential",
    "QUEUES__queueServiceUri",
    "TRIGGER_BODIES",
    "TRIGGER_QUEUE",
)
"""What the queue trigger reads: the connection `QUEUES`, the queue, and the URL of the container with the
bodies that are too long for its messages.
"""
TIMER = ("PARTITIONS", "SCHEDULE")
"""What scheduled apps have: how many runs there are at a time, and when, as NCRONTAB has it."""
CHANGES = (
    "CHANGES__accountEndpoint",
    "CHANGES__clientId",
    "CHANGES__credential",
    "CHANGES_CONTAINER",
    "CHANGES_DATABASE",
    "CHANGES_LEASES",
)
"""What the host's Cosmos DB trigger reads: the connection `CHANGES`, and containers."""


def expected(role: Role, *, remote: bool = False) -> frozenset[str]:
    """`remote`: of the role's remote variant, if it has one."""
    spec = ROLES[role]
    trigger = {Trigger.QUEUE: TRIGGER, Trigger.CLOCK: TIMER}.get(spec.trigger_of(remote=remote), ())
    changes = CHANGES if Cloud.AZURE in spec.change_feed and not remote else ()
    alone = ONE_AT_A_TIME if spec.batching is Batching.ALONE else ()
    return frozenset((*HOST, IDENTITY, *trigger, *changes, *alone))


def client_id(environ: Mapping[str, str] | None = None) -> str | None:
    """The client id of the app's identity; None for the one that it has by default."""
    return (os.environ if environ is None else environ).get(IDENTITY) or None


def partitions(environ: Mapping[str, str] | None = None) -> int:
    """How many runs of a scheduled role there are at a time; raises `ConfigurationError`."""
    text = (os.environ if environ is None else environ).get("PARTITIONS", "")
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise ConfigurationError(f"PARTITIONS is {text!r}, and must be a number of 1 or more.")
    return int(text)


def bodies(environ: Mapping[str, str] | None = None) -> str:
    """The URL of the container of the queue that triggers the app; raises `ConfigurationError`."""
    url = (os.environ if environ is None else environ).get("TRIGGER_BODIES")
    if not url:
        raise ConfigurationError("TRIGGER_BODIES is missing.")
    return url


def has_trigger_queue(environ: Mapping[str, str] | None = None) -> bool:
    """Whether a queue triggers the app."""
    return bool((os.environ if environ is None else environ).get("TRIGGER_QUEUE"))


def has_changes(environ: Mapping[str, str] | None = None) -> bool:
    """Whether the hot store hands its changes to the app."""
    return bool((os.environ if environ is None else environ).get("CHANGES_CONTAINER"))
