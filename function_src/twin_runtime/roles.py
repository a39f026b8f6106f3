"""Clouds, layers and roles: what each function of a twin is, said once.

The functions read it to know their environment and their trigger, the constructs to size and place them, the
guides to describe them. `ROLES` has one record per role. Sizes, variables, triggers and schedules are read
from it alone; what draws a twin, or names a role's permissions, refers to the members of `Role`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Cloud(StrEnum):
    """Where a layer can live. The value is the word of twin.yaml and the name of the cloud's stack."""

    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"


CLOUD_NAMES = {Cloud.AWS: "AWS", Cloud.AZURE: "Azure", Cloud.GCP: "Google Cloud"}
"""What each cloud is called where people read."""


class Layer(StrEnum):
    """A layer of the twin, L1 to L5. The value is the key of `layers:` in twin.yaml."""

    ACQUISITION = "acquisition"
    PROCESSING = "processing"
    HOT_STORAGE = "hot_storage"
    COLD_STORAGE = "cold_storage"
    ARCHIVE_STORAGE = "archive_storage"
    TWIN_MANAGEMENT = "twin_management"
    VISUALIZATION = "visualization"


class Role(StrEnum):
    """What one deployed function does. The value names its code, its resources and its outputs."""

    DISPATCHER = "dispatcher"
    CONNECTOR = "connector"
    INGESTION = "ingestion"
    PROCESSOR = "processor"
    PERSISTER = "persister"
    WRITER = "writer"
    HOT_READER = "hot_reader"
    EVENT_CHECKER = "event_checker"
    EVENT_FEEDBACK = "event_feedback"
    COLD_MOVER = "cold_mover"
    COLD_WRITER = "cold_writer"
    ARCHIVE_MOVER = "archive_mover"
    ARCHIVE_WRITER = "archive_writer"
    TWIN_SYNC = "twin_sync"
    TWIN_CONNECTOR = "twin_connector"
    TWIN_READER = "twin_reader"
    DASHBOARD_SYNC = "dashboard_sync"


class Trigger(StrEnum):
    """What calls a function."""

    BROKER = "broker"
    QUEUE = "queue"
    HTTPS = "https"
    CLOCK = "clock"
    PLATFORM = "platform"
    """The managed service of the layer, such as IoT TwinMaker."""


class Batching(StrEnum):
    """How a function works on messages that the platform hands over one by one, several at a time."""

    CONCURRENT = "concurrent"
    ALONE = "alone"
    """One at a time: the user's code need not be thread-safe."""
    TOGETHER = "together"
    """Concurrent messages are worked on as one batch."""


class Variable(NamedTuple):
    """An environment variable of a role. `remote`: only in the remote (True) or local (False) variant; None:
    in both.

    `off`: it may be absent, and what it is for is then off. The empty string says the same.
    """

    name: str
    clouds: tuple[Cloud, ...] = (Cloud.AWS, Cloud.AZURE, Cloud.GCP)
    remote: bool | None = None
    off: bool = False


class Schedule(NamedTuple):
    """How often a function runs by the clock, and how many of it at a time: each run has a number below
    `partitions`, and does that part of the work. A run ends before the next one of its partition begins.
    """

    every_minutes: int
    """1, or a divisor of 60 above it: what the clock's own expressions can say."""
    partitions: int = 1

    @property
    def cron(self) -> str:
        """The five fields of cron, in UTC.

        >>> Schedule(every_minutes=15).cron
        '*/15 * * * *'
        """
        if self.every_minutes == 60:
            return "0 * * * *"
        return "* * * * *" if self.every_minutes == 1 else f"*/{self.every_minutes} * * * *"


class Spec(NamedTuple):
    """One role."""

    layer: Layer
    does: str
    """A sentence for people."""
    trigger: Trigger
    variables: tuple[Variable, ...]
    memory_mb: int = 512
    timeout_s: int = 30
    max_concurrency: int = 20
    """Most instances at a time: what a flood of events may cost, and what the next system must bear."""
    queue: str = ""
    """The queue that it consumes."""
    dead_letters: str = ""
    """Where it puts what it refuses, if no queue stands before it whose dead letters it shares."""
    remote_link: str = ""
    """The link that decides between the local and the remote variant of the role; empty: there is one
    variant."""
    remote_trigger: Trigger | None = None
    """What calls the remote variant, if that differs."""
    change_feed: tuple[Cloud, ...] = ()
    """Where the hot store also hands its changes to the local variant."""
    batching: Batching = Batching.CONCURRENT
    schedule: Schedule | None = None
    optional: bool = False
    """Part of the event system, which a deployment can do without."""
    absent: Mapping[Cloud, str] = {}
    """The clouds that do without it, and why."""
    idle: str = ""
    """Why an event that comes in costs nothing here, as a clause; empty where it does cost."""

    @property
    def rate(self) -> int:
        """How many requests a second each client may make over HTTPS, or each API key on AWS."""
        return self.max_concurrency

    @property
    def burst(self) -> int:
        """How many requests at once, after a pause."""
        return 2 * self.max_concurrency

    def trigger_of(self, *, remote: bool) -> Trigger:
        """What calls the local or the remote variant."""
        return self.remote_trigger if remote and self.remote_trigger else self.trigger


_NO_AWS = (Cloud.AZURE, Cloud.GCP)
_DEAD = Variable("DEAD_LETTER_QUEUE")
_LINK = Variable("LINK_SECRET")
_REMOTE = Variable("LINK_SECRET", remote=True)
_KEYS = Variable("API_KEYS_SECRET", clouds=_NO_AWS)
# JSON: the client of each API key by the key's id. API Gateway checks the keys and tells the id.
_CLIENTS = Variable("API_CLIENTS", clouds=(Cloud.AWS,), off=True)
_ROLE = Variable("TWIN_ROLE", clouds=_NO_AWS)
_STORE = Variable("STORE")
_LOCAL_STORE = Variable("STORE", remote=False)
_READS = "it works when somebody reads"

ROLES: dict[Role, Spec] = {
    Role.DISPATCHER: Spec(
        Layer.ACQUISITION,
        "Turns the broker's messages into events and puts them into the processing queue.",
        Trigger.BROKER,
        (_DEAD, Variable("PROCESSING_QUEUE"), Variable("FLEET_SECRET", clouds=(Cloud.GCP,)), _ROLE),
        max_concurrency=50,
        dead_letters="telemetry-dead",
    ),
    Role.CONNECTOR: Spec(
        Layer.ACQUISITION,
        "Takes the processor's place at the processing queue and sends the events to the ingestion of "
        "another cloud.",
        Trigger.QUEUE,
        (_DEAD, _LINK, _ROLE),
        timeout_s=60,
        queue="processing",
        batching=Batching.TOGETHER,
    ),
    Role.INGESTION: Spec(
        Layer.PROCESSING,
        "Receives events from another cloud and puts them into the processing queue.",
        Trigger.HTTPS,
        (_DEAD, Variable("PROCESSING_QUEUE"), _LINK, _KEYS, _ROLE),
        max_concurrency=50,
    ),
    Role.PROCESSOR: Spec(
        Layer.PROCESSING,
        "Runs your code on each event, by the type of its device, and hands on what it returns.",
        Trigger.QUEUE,
        (_DEAD, Variable("PERSISTING_QUEUE"), _ROLE),
        memory_mb=1024,
        timeout_s=60,
        max_concurrency=50,
        queue="processing",
        batching=Batching.ALONE,
    ),
    Role.PERSISTER: Spec(
        Layer.PROCESSING,
        "Stores each event once, and then shows it to the event checker if the event system is on.",
        Trigger.QUEUE,
        (_DEAD, Variable("EVENTS_QUEUE", off=True), _LOCAL_STORE, _REMOTE, _ROLE),
        timeout_s=60,
        queue="persisting",
        remote_link="write",
        batching=Batching.TOGETHER,
    ),
    Role.WRITER: Spec(
        Layer.HOT_STORAGE,
        "Receives events from another cloud and writes them into the hot store.",
        Trigger.HTTPS,
        (_DEAD, _STORE, _LINK, _KEYS, _ROLE),
        max_concurrency=50,
        dead_letters="writing-dead",
    ),
    Role.HOT_READER: Spec(
        Layer.HOT_STORAGE,
        "Answers queries for measurements from the hot store, and from the cold tier when asked to.",
        Trigger.HTTPS,
        (
            _STORE,
            # At most one of the two: where the cold store is. With neither there is none to read.
            Variable("COLD_STORE", off=True),
            Variable("COLD_LINK_SECRET", off=True),
            # "true": who has an API key may read without a signature.
            Variable("API_KEY_READS", off=True),
            _REMOTE,
            _KEYS,
            _CLIENTS,
            _ROLE,
        ),
        remote_link="twin",
        idle=_READS,
    ),
    Role.EVENT_CHECKER: Spec(
        Layer.PROCESSING,
        "Checks the rules on each stored event; a rule that fires sends a command to the device, starts the "
        "workflow, or both.",
        Trigger.QUEUE,
        (
            _DEAD,
            Variable("WORKFLOW"),
            Variable("STATE_STORE"),
            Variable("COMMANDS_QUEUE", remote=False),
            _REMOTE,
            _ROLE,
        ),
        timeout_s=60,
        queue="events",
        remote_link="feedback",
        optional=True,
    ),
    Role.EVENT_FEEDBACK: Spec(
        Layer.ACQUISITION,
        "Sends commands to the devices through the broker.",
        Trigger.QUEUE,
        (
            _DEAD,
            Variable("BROKER"),
            _REMOTE,
            Variable("API_KEYS_SECRET", clouds=_NO_AWS, remote=True),
            _ROLE,
        ),
        timeout_s=60,
        queue="commands",
        dead_letters="commands-dead",
        remote_link="feedback",
        remote_trigger=Trigger.HTTPS,
        optional=True,
    ),
    Role.COLD_MOVER: Spec(
        Layer.HOT_STORAGE,
        "Moves rows that are older than hot_days from the hot store to files of the cold tier.",
        Trigger.CLOCK,
        (
            _STORE,
            # What switches the expiry of DynamoDB. The other stores have none where there is a cold tier.
            Variable("EXPIRY", clouds=(Cloud.AWS,)),
            Variable("COLD_STORE", remote=False),
            _REMOTE,
            _ROLE,
        ),
        memory_mb=1024,
        timeout_s=600,
        max_concurrency=4,
        remote_link="cold",
        schedule=Schedule(every_minutes=15, partitions=4),
    ),
    Role.COLD_WRITER: Spec(
        Layer.COLD_STORAGE,
        "Receives files from another cloud into the cold tier, and answers queries on them.",
        Trigger.HTTPS,
        (Variable("COLD_STORE"), _LINK, _KEYS, _ROLE),
        memory_mb=1024,
        timeout_s=60,
    ),
    Role.ARCHIVE_MOVER: Spec(
        Layer.COLD_STORAGE,
        "Moves files that are older than cold_days from the cold tier to the archive of another cloud.",
        Trigger.CLOCK,
        (Variable("COLD_STORE"), _LINK, _ROLE),
        memory_mb=1024,
        timeout_s=600,
        max_concurrency=4,
        schedule=Schedule(every_minutes=60, partitions=4),
    ),
    Role.ARCHIVE_WRITER: Spec(
        Layer.ARCHIVE_STORAGE,
        "Receives files from another cloud into the archive.",
        Trigger.HTTPS,
        (Variable("ARCHIVE_STORE"), _LINK, _KEYS, _ROLE),
        memory_mb=1024,
        timeout_s=60,
    ),
    Role.TWIN_SYNC: Spec(
        Layer.TWIN_MANAGEMENT,
        "Keeps the twin graph as twin.yaml describes it, with the latest values where the platform asks "
        "nobody for them.",
        Trigger.CLOCK,
        (
            Variable("GRAPH"),
            # On AWS twin_connector reads the values.
            Variable("STORE", clouds=_NO_AWS, remote=False),
            Variable("LINK_SECRET", clouds=_NO_AWS, remote=True),
            _ROLE,
        ),
        timeout_s=55,
        max_concurrency=1,
        remote_link="twin",
        change_feed=(Cloud.AZURE,),
        schedule=Schedule(every_minutes=1),
    ),
    Role.TWIN_CONNECTOR: Spec(
        Layer.TWIN_MANAGEMENT,
        "Tells IoT TwinMaker the measurements of a device when it asks for them.",
        Trigger.PLATFORM,
        (_LOCAL_STORE, _REMOTE, _ROLE),
        timeout_s=60,
        remote_link="twin",
        absent={
            Cloud.AZURE: "Digital Twins asks nobody: twin_sync writes the values into it",
            Cloud.GCP: "the graph in Firestore asks nobody: twin_sync writes the values into it",
        },
        idle="it works when TwinMaker is asked for values",
    ),
    Role.TWIN_READER: Spec(
        Layer.TWIN_MANAGEMENT,
        "Answers queries for twins and relationships from the twin graph.",
        Trigger.HTTPS,
        (Variable("GRAPH"), _KEYS, _CLIENTS, _ROLE),
        idle=_READS,
    ),
    Role.DASHBOARD_SYNC: Spec(
        Layer.VISUALIZATION,
        "Keeps the dashboards and the data source of a managed Grafana as they were generated.",
        Trigger.CLOCK,
        (Variable("GRAFANA"), _LINK, _ROLE),
        timeout_s=240,
        max_concurrency=1,
        schedule=Schedule(every_minutes=5),
        absent={Cloud.GCP: "Grafana on Cloud Run reads dashboards and data sources from files"},
        idle="it runs by the clock, and is billed by the month",
    ),
}


READERS = (Role.HOT_READER, Role.TWIN_READER)
"""What clients outside the twin call."""
MOVERS = (Role.COLD_MOVER, Role.ARCHIVE_MOVER)
"""What takes data from one tier to the next."""
SCHEDULES = {role: spec.schedule for role, spec in ROLES.items() if spec.schedule}
"""The roles that run by the clock."""


def roles_of(cloud: Cloud) -> tuple[Role, ...]:
    """The roles that a cloud can have, in the order of `Role`."""
    return tuple(role for role in Role if cloud not in ROLES[role].absent)


def consumers(queue: str) -> tuple[Role, ...]:
    """The roles that consume a queue of that name, each in twins of its own."""
    return tuple(role for role in Role if ROLES[role].queue == queue)
