"""What each edge of the data flow does, in a sentence: the numbered steps beside the diagrams."""

from collections.abc import Mapping

from guides import words
from guides.dataflow import Edge, Graph
from twin_runtime.roles import Cloud

_SIGNED = "over HTTPS, with API key and signature, to the {target} in {there}, behind its {receiver}"
_READS = "the {source} asks the {target} in {there}, over HTTPS, with API key and signature"


def _by_cloud(aws: str, azure: str, gcp: str) -> Mapping[Cloud, str]:
    return {Cloud.AWS: aws, Cloud.AZURE: azure, Cloud.GCP: gcp}


_SENTENCES: Mapping[str, str | Mapping[Cloud, str]] = {
    "devices:broker": _by_cloud(
        "Each device publishes its telemetry to IoT Core over MQTT, with its client certificate.",
        "Each device sends its telemetry to IoT Hub, with its X.509 certificate.",
        "Each device publishes its telemetry to the Pub/Sub topic, signed with its own key.",
    ),
    "broker:dispatcher": _by_cloud(
        "The topic rule calls the {target} with each message.",
        "Event Grid calls the {target} with batches of messages.",
        "The push subscription calls the {target} with each message.",
    ),
    "dispatcher:processing_queue": "The {source} makes events of the messages and puts them into the "
    "{target}.",
    "dispatcher:connector_queue": "The {source} makes events of the messages and puts them into the "
    "{target}, as it would in one cloud.",
    "connector_queue:connector": "The {target} takes events from the queue, in the processor's place.",
    "connector:ingestion": f"The {{source}} sends the events {_SIGNED}.",
    "ingestion:processing_queue": "The {source} puts the events into the {target}, and only then answers.",
    "processing_queue:processor": "The {target} takes events from the queue and runs your code on each.",
    "processor:persisting_queue": "The {source} puts what your code returns into the {target}.",
    "persisting_queue:persister": "The {target} takes processed events from the queue.",
    "persister:hot_store": "The {source} writes the events into the {target}, each once.",
    "persister:writer": f"The {{source}} sends the events {_SIGNED}.",
    "writer:hot_store": "The {source} writes the events into the {target}, each once, and only then answers.",
    "persister:events_queue": "When events are stored, the {source} puts them into the {target}. With the "
    "event system off it leaves out this step alone.",
    "events_queue:event_checker": "The {target} takes events from the queue and checks the rules on each.",
    "event_checker:workflow": "A rule that fires starts the {target}, if it asks for it: once for an "
    "event, however often the queue delivers the event.",
    "event_checker:commands_queue": "A rule that fires puts its command, if it has one, into the {target}.",
    "event_checker:event_feedback": f"A rule that fires sends its command, if it has one, {_SIGNED}.",
    "commands_queue:event_feedback": "The {target} takes commands from the queue.",
    "event_feedback:broker": _by_cloud(
        "The {source} publishes each command to IoT Core.",
        "The {source} has IoT Hub call a direct method of the device.",
        "The {source} publishes each command to the devices' topic, with the device's name.",
    ),
    "broker:devices": _by_cloud(
        "The device hears the command on its own MQTT topic.",
        "The device answers the call.",
        "The device takes the command from its own subscription, which is filtered on its name.",
    ),
    "hot_store:cold_mover": "By the clock, the {target} takes rows that are older than hot_days from the "
    "{source}.",
    "cold_mover:cold_bucket": "The {source} writes files of them into the {target}, and deletes the rows "
    "when the files are there.",
    "cold_mover:cold_writer": f"The {{source}} sends files of them {_SIGNED}. It deletes the rows when the "
    "writer says that it has them.",
    "cold_writer:cold_bucket": "The {source} writes the files into the {target}, and only then answers.",
    "cold_bucket:archive_bucket": "A lifecycle rule moves files that are older than cold_days into the "
    "{target}: another storage class of the same bucket. No function runs.",
    "cold_bucket:archive_mover": "By the clock, the {target} takes files that are older than cold_days from "
    "the {source}.",
    "archive_mover:archive_writer": f"The {{source}} sends the files {_SIGNED}. It deletes its own when the "
    "writer says that it has them.",
    "archive_writer:archive_bucket": "The {source} writes the files into the {target}, and only then "
    "answers.",
    "hot_store:hot_reader": "The {target} reads the events from the {source}.",
    "cold_bucket:hot_reader": "If the query is for all tiers, the {target} reads files of the {source} too.",
    "hot_reader:cold_writer": f"If the query is for all tiers, {_READS}.",
    "cold_bucket:cold_writer": "The {target} reads the files from the {source}.",
    "read_client:hot_reader": "A client asks the {target}, behind its {receiver}, over HTTPS, with the API "
    "key.",
    "hot_store:twin_sync": _by_cloud(
        "",  # twin_connector reads there
        "The change feed of the {source} hands new rows to the {target}, which also reads the newest by the "
        "clock.",
        "By the clock, the {target} reads the newest rows from the {source}.",
    ),
    "hot_store:twin_connector": "When TwinMaker asks for values, the {target} reads them from the {source}.",
    "twin_sync:hot_reader": f"By the clock, {_READS}, for the newest values.",
    "twin_connector:hot_reader": f"When TwinMaker asks for values, {_READS}.",
    "twin_connector:twin_graph": "The {source} answers TwinMaker with the values.",
    "twin_sync:twin_graph": _by_cloud(
        "By the clock, the {source} writes the entities and relationships of twin.yaml into the {target}.",
        "The {source} writes models, twins, relationships and the latest values into the {target}.",
        "The {source} writes twins, relationships and the latest values into the {target}.",
    ),
    "twin_graph:twin_reader": "The {target} reads the {source}.",
    "graph_client:twin_reader": "A client asks the {target}, behind its {receiver}, over HTTPS, with the API "
    "key.",
    "grafana:hot_reader": "{source} asks the {target}{in_there} at its public endpoint, behind its "
    "{receiver}, with the API key alone.",
    "dashboard_sync:grafana": "By the clock, the {source} writes the dashboards and the data source, with "
    "its key, into {target}.",
}
"""By the ids of source and target. {there} is the target's cloud."""


def sentence(graph: Graph, edge: Edge) -> str:
    """What an edge does in its twin, with the names of its clouds.

    Raises KeyError for an edge without a sentence.
    """
    source, target = graph.node(edge.source), graph.node(edge.target)
    cloud = target.cloud or source.cloud
    assert cloud is not None  # one end at least is the twin's
    written = _SENTENCES[f"{edge.source}:{edge.target}"]
    text = written if isinstance(written, str) else written[cloud]
    there = words.CLOUDS[cloud]
    return text.format(
        source=source.name,
        target=target.name,
        receiver=words.RECEIVER[cloud],
        there=there,
        in_there=f" in {there}" if edge.remote else "",
    )
