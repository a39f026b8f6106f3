"""The bounds on time that depend on each other, in one place: call < function < visibility < alarm, for each
role and cloud.

    call        a request to a service, with the client's own tries and pauses (`bounds`)
    function    a role's work, what it hands on and its dead letters, each of which begins so early that its
                last call ends before the platform ends the function (`Limits`)
    visibility  how long a queue hides a message that a function has, or waits for its answer (`hidden_s`)
    alarm       how far an alarm looks back (`looks_back_s`)

`ROLES` has each function's time-out. The clients of services, the triggers, senders, receivers and the
constructs take theirs from here. An adapter's pauses between its own tries stand beside it, and a deadline
ends them. Times are in seconds.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from twin_runtime import settings
from twin_runtime.errors import Retry
from twin_runtime.roles import ROLES, Cloud, Role, Trigger, consumers

NO_TIME = "There was no time left in the call."


def over(deadline: float) -> bool:
    """Whether the time of a call is used up: what is not done by then fails, so that what is done counts. A
    platform that ends the call brings back all of its messages, and the same ones together again.
    """
    return time.monotonic() >= deadline


def check(deadline: float) -> None:
    """Raise `Retry` where the time of a call is used up."""
    if over(deadline):
        raise Retry(NO_TIME)


class Service(StrEnum):
    """What a function calls."""

    QUEUE = "queue"
    STORE = "store"
    STATE = "state"
    OBJECTS = "objects"
    SECRET = "secret"  # noqa: S105 - a word
    BROKER = "broker"
    WORKFLOW = "workflow"
    GRAPH = "graph"
    GRAFANA = "grafana"


class Bounds(NamedTuple):
    """What a client waits for. A try is a connection and an answer; `pauses_s` is all that lies between the
    tries; `token_s` is what getting a token for the call can take.
    """

    connect_s: float = 1.0
    answer_s: float = 3.0
    tries: int = 2
    pauses_s: float = 1.0
    token_s: float = 0.0

    @property
    def try_s(self) -> float:
        return self.connect_s + self.answer_s

    @property
    def longest_s(self) -> float:
        """The time of a call when nothing answers.

        >>> Bounds(connect_s=1, answer_s=3, tries=2, pauses_s=1, token_s=2).longest_s
        11.0
        """
        return float(self.token_s + self.tries * self.try_s + self.pauses_s)


TOKEN = Bounds(answer_s=2.0, tries=1, pauses_s=0.0)
"""Of the platform's own endpoint for tokens, which is on the same machine. On Google Cloud a try's time is
for its token as well, and on AWS the environment has the credentials."""
_TOKENS = {Cloud.AWS: 0.0, Cloud.AZURE: TOKEN.longest_s, Cloud.GCP: 0.0}
_PAUSES = {Cloud.AWS: 1.0, Cloud.AZURE: 0.5, Cloud.GCP: 1.0}
_FILES = Bounds(answer_s=4.0)
BODY = Bounds(tries=1, pauses_s=0.0)
"""Of a body on Azure that is too long for its message, and is stored before the message is sent. Each of the
two has one try: together they take no longer than the two tries of a message alone."""
_ONCE = Bounds(answer_s=7.0, tries=1, pauses_s=0.0)
_BOUNDS: dict[tuple[Cloud, Service], Bounds] = {
    **{(cloud, Service.OBJECTS): _FILES for cloud in Cloud},
    # TwinMaker asks twin_connector for values before it answers.
    (Cloud.AWS, Service.GRAPH): Bounds(answer_s=10.0),
    (Cloud.AZURE, Service.GRAPH): Bounds(answer_s=10.0, tries=1, pauses_s=0.0),
    # The device answers: DEVICE_S of it.
    (Cloud.AZURE, Service.BROKER): _ONCE,
    # A second call would start a second execution.
    (Cloud.AZURE, Service.WORKFLOW): _ONCE,
    (Cloud.GCP, Service.WORKFLOW): _ONCE,
    # All requests of one call of the state store: names that are read one after the other, what is left of a
    # batch, or a write that is sent again and then read back.
    (Cloud.AWS, Service.STATE): Bounds(tries=4),
    (Cloud.AZURE, Service.STATE): Bounds(answer_s=2.0, tries=3, pauses_s=0.0),
    (Cloud.GCP, Service.STATE): Bounds(tries=3),
}
DEVICE_S = 5
"""How long IoT Hub waits for a device's answer, the shortest that it takes."""


def bounds(cloud: Cloud, service: Service) -> Bounds:
    """The bounds of the client of a service."""
    found = _BOUNDS.get((cloud, service), Bounds())
    return found._replace(
        pauses_s=min(found.pauses_s, _PAUSES[cloud]) if found.tries > 1 else 0.0, token_s=_TOKENS[cloud]
    )


GATEWAY_S = 29
"""API Gateway's longest wait for a function, by default."""
EVENT_GRID_S = 30
"""Event Grid's wait for an answer, which is no setting."""
ANSWERED_S = 28.0
"""When a function that somebody waits for has answered, on every cloud: callers do not know where it is."""
WAIT_S = 30.0
"""How long a sender or reader waits for such an answer: longer, by the way there and back."""
READ_AGAIN_S = 5.0
"""For how long a page of another cloud's hot store is asked for, again and again."""
FILE_S = 120.0
"""The same of a file that another cloud's writer takes."""
MARGIN_S = 1.0
"""Of a function's time, for what is neither a call nor its work: to read the request and write the answer."""
START_S = 30
"""A cold start, in whose time Pub/Sub and Cloud Scheduler already wait for the answer."""
CODE_S = 10.0
"""Of the user's code, for one event."""

_SERVICES = {
    "STORE": Service.STORE,
    "STATE_STORE": Service.STATE,
    "COLD_STORE": Service.OBJECTS,
    "ARCHIVE_STORE": Service.OBJECTS,
    "BROKER": Service.BROKER,
    "WORKFLOW": Service.WORKFLOW,
    "GRAPH": Service.GRAPH,
    "GRAFANA": Service.GRAFANA,
}
_HAND_OVER = frozenset({"PROCESSING_QUEUE", "PERSISTING_QUEUE", "EVENTS_QUEUE", "COMMANDS_QUEUE"})
_DEAD = "DEAD_LETTER_QUEUE"
_SECRETS = frozenset({"LINK_SECRET", "API_KEYS_SECRET", "FLEET_SECRET", "COLD_LINK_SECRET"})
_LINK = "LINK_SECRET"
_ANSWERING = (Trigger.HTTPS, Trigger.BROKER)


class Budget(NamedTuple):
    """Seconds from the start of a call, after which no work is begun, nothing more is handed to the next
    queue, and no more dead letters are put. What was begun by then ends in time.
    """

    budget: float = math.inf
    hand_over: float = math.inf
    letters: float = math.inf

    def deadline(self) -> Deadline:
        """The moments, of a call that begins now."""
        now = time.monotonic()
        return Deadline(*(now + seconds for seconds in self))


UNBOUNDED = Budget()


class Deadline(float):
    """The moment after which no work is begun, by `time.monotonic`; with those of what follows the work."""

    hand_over: float
    letters: float

    def __new__(cls, work: float, hand_over: float = math.inf, letters: float = math.inf) -> Deadline:
        made = super().__new__(cls, work)
        made.hand_over, made.letters = hand_over, letters
        return made


@dataclass(frozen=True, slots=True)
class Limits:
    """The times of one function: a role, in its local or remote variant, in a cloud."""

    role: Role
    cloud: Cloud
    remote: bool = False

    @property
    def services(self) -> frozenset[Service]:
        """What the function calls."""
        names = settings.expected(self.role, self.cloud, remote=self.remote)
        found = {_SERVICES[name] for name in names & _SERVICES.keys()}
        if names & (_HAND_OVER | {_DEAD}):
            found.add(Service.QUEUE)
        if names & _SECRETS:
            found.add(Service.SECRET)
        return frozenset(found)

    @property
    def call_s(self) -> float:
        """The longest call of a service."""
        return max((bounds(self.cloud, each).longest_s for each in self.services), default=0.0)

    @property
    def asks_link(self) -> bool:
        """Whether the function sends, or reads, over a link."""
        names = settings.expected(self.role, self.cloud, remote=self.remote)
        answers = ROLES[self.role].trigger_of(remote=self.remote) is Trigger.HTTPS
        return _LINK in names and not answers and Service.GRAFANA not in self.services

    @property
    def step_s(self) -> float:
        """The longest that a step of the work takes once it is begun."""
        steps = self.services - {Service.QUEUE, Service.SECRET}
        times = [bounds(self.cloud, each).longest_s for each in steps]
        if self.asks_link:
            times.append(WAIT_S + (READ_AGAIN_S if ROLES[self.role].remote_link == "twin" else 0.0))
        times += [CODE_S] if self.role is Role.PROCESSOR else []
        return max(times, default=0.0)

    @property
    def function_s(self) -> float:
        """When the platform ends the function, or nobody waits for its answer any longer."""
        spec = ROLES[self.role]
        answers = spec.trigger_of(remote=self.remote) in _ANSWERING
        return min(float(spec.timeout_s), ANSWERED_S) if answers else float(spec.timeout_s)

    def budget(self, left_s: float = math.inf) -> Budget:
        """When the parts of a call end. `left_s` is what the platform says is left of the function's time,
        where it does.
        """
        names = settings.expected(self.role, self.cloud, remote=self.remote)
        queue = bounds(self.cloud, Service.QUEUE).longest_s
        letters = min(self.function_s, left_s) - MARGIN_S - (queue if _DEAD in names else 0.0)
        hand_over = letters - (queue if names & _HAND_OVER else 0.0)
        return Budget(max(hand_over - self.step_s, 0.0), hand_over, letters)


def hidden_s(queue: str, cloud: Cloud) -> int:
    """How long a queue hides a message that it has handed out: the visibility timeout of SQS, the time that
    the Functions host waits before it tries a failed message again, Pub/Sub's ack deadline.
    """
    longest = max(ROLES[role].timeout_s for role in consumers(queue))
    match cloud:
        case (
            Cloud.AWS
        ):  # Lambda's documentation: six times the function's, for the retries of a throttled batch
            return 6 * longest + BATCHING_WINDOW_S
        case Cloud.AZURE:
            return AGAIN_AFTER_S
        case Cloud.GCP:
            return ack_deadline_s(longest)


def ack_deadline_s(timeout_s: int) -> int:
    """How long Pub/Sub waits for the answer of a function with a time-out."""
    return timeout_s + START_S


BATCHING_WINDOW_S = 1
"""How long a batch of SQS may wait to fill: one second at least when it holds more than ten messages."""
AGAIN_AFTER_S = 300
"""After this time the Functions host tries a failed message again (`visibilityTimeout` in host.json). While
it works on one it hides it for ten minutes, and renews that."""
BACKOFF_S = (10, 600)
"""How long Pub/Sub waits before it delivers a message again: at first, and at most."""

EVERY_S = 300
"""How often an alarm on logs or on a metric looks."""
LATE_S = {Cloud.AWS: 300, Cloud.AZURE: 600, Cloud.GCP: 0}
"""By how much a metric or a line of a log can be late. Google Cloud's alarms on runs look at each line as it
comes."""


LEASE_S = 600
"""How long a queue hides what an operator's command looks at, the longest that every service allows."""
DEAD_LETTER_LOOKS = LEASE_S // EVERY_S + 1
"""Of the last looks at a dead-letter queue one is enough: an alarm does not end while somebody lists it."""


def looks_back_s(role: Role, cloud: Cloud) -> int:
    """How far the alarm on failed runs of a scheduled role must look back: a run's failure is dated by its
    start and told at its end, late, to an alarm that looks now and then.
    """
    return ROLES[role].timeout_s + LATE_S[cloud] + EVERY_S
