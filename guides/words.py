"""The names of parts in each cloud, and one sentence for each role, part and link: what guides and diagrams
say.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from guides.dataflow import Node
from twin_runtime.roles import CLOUD_NAMES, ROLES, Cloud, Layer, Role

Names = Mapping[Cloud, str]
"""What something is called in each cloud."""

CLOUDS: Names = CLOUD_NAMES
LAYERS: Mapping[Layer, str] = {
    Layer.ACQUISITION: "L1 Acquisition",
    Layer.PROCESSING: "L2 Processing",
    Layer.HOT_STORAGE: "L3 Hot storage",
    Layer.COLD_STORAGE: "L3 Cold storage",
    Layer.ARCHIVE_STORAGE: "L3 Archive storage",
    Layer.TWIN_MANAGEMENT: "L4 Twin management",
    Layer.VISUALIZATION: "L5 Visualization",
}


def _each(aws: str, azure: str, gcp: str) -> Names:
    return {Cloud.AWS: aws, Cloud.AZURE: azure, Cloud.GCP: gcp}


FUNCTION = _each("Lambda", "Function", "Cloud Run function")
QUEUE = _each("SQS", "Storage queue", "Pub/Sub")
DEAD_LETTERS = _each("dead-letter SQS queue", "poison queue", "dead-letter topic")
RECEIVER = _each("API Gateway", "HTTP trigger", "HTTP trigger")
"""What stands in front of a function that is called over HTTPS."""
KEY_CHECK = _each("API Gateway checks the key", "the function checks the key", "the function checks the key")
SECRET = _each("Secrets Manager", "Key Vault", "Secret Manager")
COMMAND = _each("IoT publish", "direct method", "Pub/Sub, filtered per device")
"""How a command reaches its device."""
CLOCK = _each("EventBridge Scheduler", "timer trigger", "Cloud Scheduler")

SERVICES: Mapping[str, Names] = {
    "broker": _each("IoT Core, topic rule", "IoT Hub, Event Grid", "Pub/Sub, push subscription"),
    "hot_store": _each("DynamoDB", "Cosmos DB", "Firestore"),
    "cold_bucket": _each("S3 Standard-IA", "Blob Storage, Cool", "Cloud Storage, Nearline"),
    "archive_bucket": _each("S3 Glacier Deep Archive", "Blob Storage, Archive", "Cloud Storage, Archive"),
    "twin_graph": _each("IoT TwinMaker", "Digital Twins", "Firestore"),
    "grafana": _each("Amazon Managed Grafana", "Azure Managed Grafana", "Grafana on Cloud Run"),
    "workflow": _each("Step Functions", "Logic Apps", "Workflows"),
}
"""What a part that is neither function nor queue is made of, by its node's id."""

TITLES: Mapping[str, str] = {
    "devices": "Devices",
    "broker": "Broker",
    "connector_queue": "processing queue",
    "processing_queue": "processing queue",
    "persisting_queue": "persisting queue",
    "events_queue": "events queue",
    "commands_queue": "commands queue",
    "workflow": "Workflow",
    "hot_store": "Hot store",
    "cold_bucket": "Cold tier",
    "archive_bucket": "Archive",
    "twin_graph": "Twin graph",
    "grafana": "Grafana",
    "read_client": "API client",
    "graph_client": "API client",
    **{role.value: role.value.replace("_", " ").title() for role in Role},
}
"""What a node is called in every cloud, by its id."""

PARTS: Mapping[str, str] = {
    "devices": "Publish their telemetry and hear their commands, each with an identity of its own.",
    "broker": "Takes the devices' messages, hands them to the dispatcher, and carries commands back.",
    "connector_queue": "Holds events until the other cloud has taken them.",
    "processing_queue": "Holds events until your code has run on them.",
    "persisting_queue": "Holds processed events until they are stored.",
    "events_queue": "Holds stored events until the rules have been checked on them.",
    "commands_queue": "Holds commands until they have been sent to the devices.",
    "workflow": "Runs when a rule fires: it notifies people, and escalates what nobody acknowledges.",
    "hot_store": "Keeps the events of the last hot_days days, one row for each device, time and id.",
    "cold_bucket": "Keeps files of older events, one device type and one day in each.",
    "archive_bucket": "Keeps files that are older than cold_days, for archive_days.",
    "twin_graph": "Holds devices, entities, their relationships, and the latest measurements.",
    "grafana": "Shows dashboards that are generated from the device types.",
    "read_client": "Reads measurements with an API key.",
    "graph_client": "Reads the twin graph with an API key.",
}
"""What each node that is no function does, by its id."""


@dataclass(frozen=True, slots=True)
class LinkWords:
    """What a link is for, and how it is made inside a cloud and between two. `inside` is empty where data
    leaves the twin.
    """

    sentence: str
    inside: str
    between: str


LINKS: Mapping[str, LinkWords] = {
    "telemetry": LinkWords(
        "Brings events from acquisition to processing.",
        "Dispatcher and processor share one processing queue.",
        "The connector takes the processor's place at the queue and sends to the other cloud's ingestion.",
    ),
    "write": LinkWords(
        "Brings processed events from processing to the hot store.",
        "The persister writes to the database itself.",
        "The persister sends over HTTPS to the writer of the other cloud.",
    ),
    "feedback": LinkWords(
        "Brings commands from the rules to the devices.",
        "The event checker puts commands into the commands queue.",
        "The event checker sends commands over HTTPS to the event feedback of the other cloud.",
    ),
    "cold": LinkWords(
        "Moves rows that are older than hot_days from the hot store to the cold tier.",
        "The cold mover writes files into the bucket itself, and hot_reader reads them there.",
        "The cold mover sends files to the other cloud's cold writer, of which hot_reader asks them too.",
    ),
    "archive": LinkWords(
        "Moves files that are older than cold_days from the cold tier to the archive.",
        "A lifecycle rule moves the files to a colder class of the same bucket; no function runs.",
        "The archive mover sends files to the archive writer of the other cloud.",
    ),
    "twin": LinkWords(
        "Brings measurements from the hot store to the twin graph.",
        "The twin's function reads the store itself.",
        "The twin's function asks hot_reader in the other cloud, with key and signature.",
    ),
    "dashboards": LinkWords(
        "Brings measurements from the hot store to Grafana.",
        "Grafana asks hot_reader at its public endpoint, with the API key, in one cloud too.",
        "Grafana asks hot_reader in the other cloud, with the API key.",
    ),
    "read": LinkWords(
        "Lets clients outside the twin read measurements, where read_api is on.",
        "",
        "An API client asks hot_reader at its public endpoint, with the API key.",
    ),
    "graph": LinkWords(
        "Lets clients outside the twin read the twin graph, where read_api is on.",
        "",
        "An API client asks twin_reader at its public endpoint, with the API key.",
    ),
}


def short(layer: Layer) -> str:
    """A layer's number, such as "L2"; of L3 which of its tiers too, such as "L3 Hot"."""
    name = LAYERS[layer]
    return name.removesuffix(" storage") if name.startswith("L3") else name[:2]


def title(node: Node) -> str:
    """What a node is called in every cloud, such as "Dispatcher"."""
    return TITLES[node.id]


def service(node: Node) -> str:
    """What a node is made of in its cloud, such as "Lambda"; empty for what is outside the twin."""
    return service_in(node, node.cloud) if node.cloud is not None else ""


def service_in(node: Node, cloud: Cloud) -> str:
    """What a node would be made of in a cloud."""
    names = FUNCTION if node.kind == "function" else QUEUE if node.kind == "queue" else SERVICES[node.id]
    return names[cloud]


def name(node: Node) -> str:
    """A node's full name, such as "Dispatcher Lambda" or "hot store (DynamoDB)"."""
    if node.role is not None and node.cloud is not None:
        return function(node.role, node.cloud)
    made_of = service(node)
    if node.kind == "grafana" and made_of:
        return made_of
    called = title(node) if node.kind == "client" else title(node).lower()
    return f"{called} ({made_of})" if made_of else called


def function(role: Role, cloud: Cloud) -> str:
    """The full name of a role's function, such as "Dispatcher Cloud Run function"."""
    return f"{TITLES[role.value]} {FUNCTION[cloud]}"


def sentence(node: Node) -> str:
    """What a node does."""
    return ROLES[node.role].does if node.role is not None else PARTS[node.id]
