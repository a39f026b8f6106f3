"""How a synthesized stack wires its functions, read plainly: by environment and triggers."""

import re
from collections.abc import Iterator
from typing import Any

from support.function_blocks import environment
from support.synth import functions
from support.terraform_json import Resource, Stack, references, resources
from twin_runtime.roles import Cloud, Role
from twinspan import outputs as published

QUEUES = {
    Cloud.AWS: "aws_sqs_queue",
    Cloud.AZURE: "azurerm_storage_queue",
    Cloud.GCP: "google_pubsub_topic",
}
BROKER_TOPICS = ("telemetry", "device_commands")
"""Topics of Pub/Sub that are the broker, and no queues between roles."""
BUCKETS = {
    Cloud.AWS: "aws_s3_bucket",
    Cloud.AZURE: "azurerm_storage_container",
    Cloud.GCP: "google_storage_bucket",
}
PARTS = {
    "broker": ("aws_iot_topic_rule", "azurerm_iothub", "google_pubsub_topic.telemetry"),
    "hot_store": ("aws_dynamodb_table.hot", "azurerm_cosmosdb_account", "google_firestore_database.hot"),
    "twin_graph": (
        "aws_cloudformation_stack",
        "azurerm_digital_twins_instance",
        "google_firestore_database.graph",
    ),
    "grafana": ("aws_grafana_workspace", "azapi_resource.grafana", "google_cloud_run_v2_service"),
    "workflow": ("aws_sfn_state_machine", "azapi_resource.workflow", "google_workflows_workflow"),
}
"""What a part is made of in each cloud: a type, or an address."""
_SENT_TO = ("PROCESSING_QUEUE", "PERSISTING_QUEUE", "EVENTS_QUEUE", "COMMANDS_QUEUE")
_USED = {"GRAPH": "twin_graph", "WORKFLOW": "workflow", "BROKER": "broker", "GRAFANA": "grafana"}
_SECRET = re.compile(r"link[-_](\w+)")


def queues(stack: Stack, cloud: Cloud) -> dict[str, bool]:
    """The queues between roles, and whether each is optional."""
    found = resources(stack, QUEUES[cloud])
    return {
        queue.name: queue.counted
        for queue in found
        if not queue.name.endswith("_dead") and queue.name not in BROKER_TOPICS
    }


def parts(stack: Stack, cloud: Cloud) -> set[str]:
    """Which of `PARTS` the stack has."""
    blocks = resources(stack)
    there = {block.kind for block in blocks} | {block.address for block in blocks}
    return {name for name, made_of in PARTS.items() if made_of[list(Cloud).index(cloud)] in there}


def tiers(stack: Stack, cloud: Cloud) -> set[str]:
    """The buckets of older data, each by the first tier that it holds."""
    found: dict[str, str] = {}
    for tier in ("cold", "archive"):
        place = stack["output"]["storage_tiers"]["value"].get(tier)
        for bucket in references(place["address"]) if place else ():
            if bucket.kind == BUCKETS[cloud]:
                found.setdefault(bucket.address, tier)
    return set(found.values())


def sends(stack: Stack, cloud: Cloud) -> set[tuple[str, str]]:
    """Each role with the queue that its environment names."""
    return {
        (role.value, reference.address.split(".")[-1])
        for role, block in functions(stack, cloud).items()
        for name, value in environment(block, cloud).items()
        for reference in references(value)
        if name in _SENT_TO and reference.kind == QUEUES[cloud]
    }


def takes(stack: Stack, cloud: Cloud) -> set[tuple[str, str]]:
    """Each queue with the role that it triggers."""
    blocks = functions(stack, cloud)
    roles = {block.address: role.value for role, block in blocks.items()}
    if cloud is Cloud.AWS:
        return {
            (_name(block.body["event_source_arn"]), roles[_address(block.body["function_name"])])
            for block in resources(stack, "aws_lambda_event_source_mapping")
        }
    if cloud is Cloud.AZURE:
        return {
            (_name(settings["TRIGGER_QUEUE"]), role.value)
            for role, block in blocks.items()
            if "TRIGGER_QUEUE" in (settings := environment(block, cloud))
        }
    return {pair for pair in _pushes(stack, roles) if pair[0] not in BROKER_TOPICS}


def dispatched(stack: Stack, cloud: Cloud) -> set[str]:
    """The roles that the broker calls."""
    roles = {block.address: role.value for role, block in functions(stack, cloud).items()}
    if cloud is Cloud.AWS:
        return {
            roles[_address(action["function_arn"])]
            for rule in resources(stack, "aws_iot_topic_rule")
            for action in rule.body["lambda"]
        }
    if cloud is Cloud.AZURE:
        return {
            roles[_address(rule.body["azure_function_endpoint"]["function_id"])]
            for rule in resources(stack, "azurerm_eventgrid_system_topic_event_subscription")
        }
    return {role for topic, role in _pushes(stack, roles) if topic == "telemetry"}


def uses(stack: Stack, cloud: Cloud) -> set[tuple[str, str]]:
    """Each role with the stores, buckets and services that its environment names, by their nodes' ids."""
    return {
        (role.value, used)
        for role, block in functions(stack, cloud).items()
        for name, value in environment(block, cloud).items()
        if (used := _used(name)) and value
    }


def linked(stack: Stack, cloud: Cloud) -> set[tuple[str, str]]:
    """Each role with the links whose secrets its environment names."""
    return {
        (role.value, match[1])
        for role, block in functions(stack, cloud).items()
        for name, value in environment(block, cloud).items()
        if name.endswith("LINK_SECRET") and (match := _SECRET.search(value))
    }


def public(stack: Stack) -> set[str]:
    """The roles behind public endpoints, by the stack's outputs."""
    return {role.value for role in Role if published.url(role) in stack.get("output", {})}


def _used(variable: str) -> str | None:
    if variable.endswith("STORE"):
        return {
            "STORE": "hot_store",
            "COLD_STORE": "cold_bucket",
            "ARCHIVE_STORE": "archive_bucket",
            "STATE_STORE": None,  # not drawn: it is the event checker's own memory
        }[variable]
    return _USED.get(variable)


def _pushes(stack: Stack, roles: dict[str, str]) -> Iterator[tuple[str, str]]:
    subscription: Resource
    for subscription in resources(stack, "google_pubsub_subscription"):
        if "push_config" in subscription.body:
            endpoint = subscription.body["push_config"]["push_endpoint"]
            yield _name(subscription.body["topic"]), roles[_address(endpoint)]


def _address(value: Any) -> str:
    (address,) = {reference.address for reference in references(value)}
    return address


def _name(value: Any) -> str:
    return _address(value).split(".")[-1]
