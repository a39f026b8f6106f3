"""Facts that AWS's constructs record, beyond those of every cloud (`twinspan.inventory`)."""

from dataclasses import dataclass

from twin_runtime.roles import Role
from twinspan import inventory
from twinspan.inventory import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(inventory.Function):
    """A Lambda function. `reserved` is its reserved concurrency; None for what an event source bounds."""

    architecture: str
    reserved: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters(Fact):
    """An SQS queue in which a message stays for `kept_s`."""

    kept_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue(DeadLetters):
    """An SQS queue that hides a message for `hidden_s` after each receive, and moves it to `dead_letters`
    after so many `receives`.
    """

    hidden_s: int
    receives: int
    dead_letters: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret(Fact):
    """The secret of one end of a link."""

    link: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller(Fact):
    """What calls a function."""

    to: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource(Caller):
    """Takes messages from a queue."""

    queue: str
    batch: int
    window_s: int
    concurrency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Caller):
    """A topic rule of IoT Core, which `permission` lets call. What it could not hand over goes to
    `dead_letters`.
    """

    name: str
    permission: str
    sql: str
    sql_version: str
    topic: str
    dead_letters: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Caller):
    """The integration of an API's one method. `blocks` make up the API, its caller's permission and its key;
    `answers` are those that are not API Gateway's own.
    """

    blocks: tuple[str, ...]
    method: str
    path: str
    authorization: str
    timeout_ms: int
    rate: int
    burst: int
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock(Caller):
    """Schedules, one for each partition, which take on `identity`."""

    identity: str
    schedule: str
    partitions: int
    input: str
    retries: int
    age_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation(Caller):
    """A call by Terraform."""

    input: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace(Caller):
    """The CloudFormation stack of a TwinMaker workspace, which `permission` lets call."""

    name: str
    permission: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asynchronous(Caller):
    """What Lambda does with an asynchronous call that failed. `dead_letters` is empty where it forgets it."""

    retries: int
    age_s: int
    dead_letters: str = ""
