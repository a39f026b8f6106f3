"""Names of the Google Cloud resources of a twin. Pure: no cdktf."""

from collections.abc import Iterable, Iterator

from twin_runtime.roles import MOVERS, ROLES, Cloud, Layer, Role
from twinspan import alarms
from twinspan.gcp.limits import RULES
from twinspan.naming import Names
from twinspan.topology import Topology

__all__ = [
    "RULES",
    "account",
    "api_keys",
    "bucket",
    "dead",
    "in_region",
    "link_secret",
    "log_metric",
    "planned",
]

# At most 9 characters: with a twin's name of 20 and a hyphen that is the 30 of a service account.
_ACCOUNTS: dict[Role, str] = {
    Role.DISPATCHER: "dispatch",
    Role.CONNECTOR: "connector",
    Role.INGESTION: "ingestion",
    Role.PROCESSOR: "processor",
    Role.PERSISTER: "persister",
    Role.WRITER: "writer",
    Role.HOT_READER: "reader",
    Role.EVENT_CHECKER: "checker",
    Role.EVENT_FEEDBACK: "feedback",
    Role.COLD_MOVER: "coldmover",
    Role.COLD_WRITER: "coldwrite",
    Role.ARCHIVE_MOVER: "archmover",
    Role.ARCHIVE_WRITER: "archwrite",
    Role.TWIN_SYNC: "twinsync",
    Role.TWIN_READER: "twinread",
}
BUILD_ACCOUNT = "build"
PUSH_ACCOUNT = "push"
CLOCK_ACCOUNT = "clock"
PUBLIC, EVERYBODY = "public", "allUsers"
"""Whoever calls, in the addresses of grants and as their member."""
PUBSUB = "pubsub"
"""Google's own account for Pub/Sub, in the addresses of grants."""
WORKFLOW = "workflow"
STATE = "state"
GRAFANA = "grafana"
GRAFANA_ADMIN = "grafana-admin"
SOURCE = "source"
DASHBOARDS = "dashboards"
TELEMETRY = "telemetry"
DEVICE_COMMANDS = "device-commands"
DEVICE_COMMAND = "command"
FLEET = "fleet"
STORE = "hot"
GRAPH = "graph"
FILES = "files"
LOGS = "functions"


def account(names: Names, what: Role | str) -> str:
    """Id of a service account: a role's, or one of the words above."""
    return names.name(_ACCOUNTS[what] if isinstance(what, Role) else what)


def bucket(names: Names, name: str) -> str:
    """A bucket: `factory-files-3f9a01`. The digits depend on the region too (see `in_region`)."""
    return f"{names.name(name)}-{names.unique(Cloud.GCP)}"


def in_region(names: Names, *words: str) -> str:
    """The name of what cannot move to another region: `factory-hot-europe-west1`.

    In another region it is another one, made before the old one goes, and what belongs to the old one by its
    name goes with it. Firestore keeps the name of a deleted database for five minutes.
    """
    return f"{names.name(*words)}-{names.region(Cloud.GCP)}"


def dead(queue: str) -> str:
    """`processing-dead` from `processing`."""
    return f"{queue}-dead"


def link_secret(names: Names, link: str) -> str:
    return in_region(names, "link", link)


def log_metric(names: Names, role: Role, name: str) -> str:
    """A metric of the lines of a function's log."""
    return f"{names.name(role)}/{name}"


def api_keys(names: Names, role: Role) -> str:
    return in_region(names, role, "api-keys")


def planned(names: Names, topology: Topology) -> Iterable[tuple[str, str]]:
    """Every name that carries the twin's name, with its Terraform type.

    Not here: the devices' own subscriptions, whose length the limits of a device id keep within bounds, and
    the log bucket, whose name ends with digits that only the deployment knows.
    """
    yield "google_storage_bucket", bucket(names, SOURCE)
    yield "google_service_account", account(names, BUILD_ACCOUNT)
    yield "google_logging_project_sink", names.name(LOGS)
    yield "google_logging_project_exclusion", names.name(LOGS)
    for role, cloud in topology.roles.items():
        if cloud is Cloud.GCP:
            yield "google_service_account", account(names, role)
            yield "google_cloudfunctions2_function", names.name(role)
            if schedule := ROLES[role].schedule:
                yield "google_service_account", account(names, CLOCK_ACCOUNT)
                yield "google_cloud_scheduler_job", names.name(role, str(schedule.partitions - 1))
            if role in MOVERS:
                for field in alarms.MEASURED:
                    yield "google_logging_metric", log_metric(names, role, field)
    for queue in _queues(topology):
        yield "google_pubsub_topic", names.name(queue)
        yield "google_pubsub_subscription", names.name(queue)
    for role in topology.receivers_in(Cloud.GCP):
        yield "google_secret_manager_secret", api_keys(names, role)
    for link in topology.link_secrets_in(Cloud.GCP):
        yield "google_secret_manager_secret", link_secret(names, link.name)
    layers = topology.layers_in(Cloud.GCP)
    if Layer.ACQUISITION in layers or Layer.PROCESSING in layers:
        yield "google_service_account", account(names, PUSH_ACCOUNT)
    if Layer.ACQUISITION in layers:
        yield "google_pubsub_topic", names.name(TELEMETRY)
        yield "google_pubsub_subscription", names.name(TELEMETRY)
        yield "google_pubsub_topic", names.name(DEVICE_COMMANDS)
        yield "google_secret_manager_secret", in_region(names, FLEET)
    if Layer.PROCESSING in layers:
        yield "google_service_account", account(names, WORKFLOW)
        yield "google_workflows_workflow", names.name(WORKFLOW)
        yield "google_firestore_database", in_region(names, STATE)
    if Layer.HOT_STORAGE in layers:
        yield "google_firestore_database", in_region(names, STORE)
    if Layer.TWIN_MANAGEMENT in layers:
        yield "google_firestore_database", in_region(names, GRAPH)
    if Layer.VISUALIZATION in layers:
        yield "google_service_account", account(names, GRAFANA)
        yield "google_cloud_run_v2_service", names.name(GRAFANA)
        yield "google_secret_manager_secret", in_region(names, GRAFANA_ADMIN)
        yield "google_storage_bucket", bucket(names, DASHBOARDS)
    if Layer.COLD_STORAGE in layers or Layer.ARCHIVE_STORAGE in layers:
        yield "google_storage_bucket", bucket(names, FILES)


def _queues(topology: Topology) -> Iterator[str]:
    """The queues of this cloud's stack, each followed by its dead letters."""
    layers = topology.layers_in(Cloud.GCP)
    acquisition, processing = Layer.ACQUISITION in layers, Layer.PROCESSING in layers
    queues = ["processing"] if acquisition or processing else []
    if processing:
        queues += ["persisting", "events"]
    if acquisition and processing:
        queues.append("commands")
    for queue in queues:
        yield queue
        yield dead(queue)
    if acquisition:
        yield dead(TELEMETRY)
        if not processing:
            yield dead("commands")
    if Role.WRITER in topology.receivers_in(Cloud.GCP):
        yield dead("writing")
