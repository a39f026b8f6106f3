"""The names of layers, roles and services in each cloud, and what each link is for."""

from collections.abc import Mapping
from dataclasses import dataclass

from twin_runtime.roles import CLOUD_NAMES, Cloud, Layer, Role

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
RECEIVER = _each("API Gateway", "HTTP trigger", "HTTP trigger")
"""What stands in front of a function that is called over HTTPS."""

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


def function(role: Role, cloud: Cloud) -> str:
    """The full name of a role's function, such as "Dispatcher Cloud Run function"."""
    return f"{TITLES[role.value]} {FUNCTION[cloud]}"


def part(name: str) -> str:
    """What a part of a bill is called: a node, or `link_<name>`."""
    return TITLES.get(name) or name.removeprefix("link_").replace("_", " ").capitalize()
