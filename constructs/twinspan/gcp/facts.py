"""Facts that Google Cloud's constructs record, beyond those of every cloud (`twinspan.inventory`)."""

from dataclasses import dataclass

from twin_runtime.roles import Role
from twinspan import inventory
from twinspan.inventory import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(inventory.Function):
    """A Cloud Run function. `concurrency` is the number of requests that an instance answers at a time."""

    cpu: str
    concurrency: int
    instances: int
    ingress: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription(Part):
    """A subscription to the topic at an address; `kept_s` is how long a message waits to be taken."""

    topic: str
    kept_s: int
    filter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push(Subscription):
    """A subscription that calls a function as the service account `account`."""

    to: Role
    account: str
    deadline_s: int
    least_backoff_s: int
    most_backoff_s: int
    attempts: int
    """After how many deliveries Pub/Sub moves a message to the topic `dead_letters`."""
    dead_letters: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock(Part):
    """Jobs that call a function, one for each partition. A run has `run_s`, and its answer `answer_s`."""

    to: Role
    account: str
    schedule: str
    zone: str
    partitions: int
    run_s: int
    answer_s: int
