"""Event Grid subscriptions: what they deliver to a Function App, how often, and where the rest goes."""

import re
from collections.abc import Iterator

from guides import facts
from guides.readers import azure_names as names
from guides.readers.azure_app import App
from guides.readers.values import duration, known, listed
from twinspan.terraform.stackjson import Block, Blocks

_ARGUMENTS = (
    *("//", "azure_function_endpoint", "dead_letter_identity", "depends_on", "event_delivery_schema"),
    *("included_event_types", "name", "resource_group_name", "retry_policy"),
    *("storage_blob_dead_letter_destination", "system_topic"),
)
_ENDPOINT = ("function_id", "max_events_per_batch", "preferred_batch_size_in_kilobytes")
_RETRIES = ("event_time_to_live", "max_delivery_attempts")
_FUNCTION_ID = re.compile(r"\$\{(azurerm_function_app_flex_consumption\.\w+)\.id\}/functions/(\w+)")


def check(blocks: Blocks) -> None:
    """KeyError when a subscription has an argument that is not known, or delivers to no app of the stack."""
    for each in blocks.of(names.SUBSCRIPTION):
        known(each.body, _ARGUMENTS, of=each)
        known(each.body["azure_function_endpoint"], _ENDPOINT, of=each)
        known(each.body["retry_policy"], _RETRIES, of=each)
        blocks.at(callee(each)[0])


def callee(subscription: Block) -> tuple[str, str]:
    """The address of the app that a subscription delivers to, and the function in it."""
    said = subscription.body["azure_function_endpoint"]["function_id"]
    if not (match := _FUNCTION_ID.fullmatch(said)):
        raise KeyError(f"{subscription.address} delivers to what is no function of the stack: {said}")
    return match[1], match[2]


def subscriptions(app: App) -> tuple[Block, ...]:
    """Those that deliver to an app. KeyError when the app has no such function."""
    found = tuple(each for each in app.blocks.of(names.SUBSCRIPTION) if callee(each)[0] == app.address)
    for each in found:
        if callee(each)[1] not in {function.name for function in app.functions}:
            raise KeyError(f"{each.address} delivers to {callee(each)[1]}, which {app.address} does not have")
    return found


def trigger(subscription: Block, blocks: Blocks) -> facts.Trigger:
    """What it delivers, and from where."""
    body, endpoint = subscription.body, subscription.body["azure_function_endpoint"]
    topic = _topic(subscription, blocks)
    hub = names.target(topic.body["source_resource_id"], names.HUB, of=topic, blocks=blocks)
    return facts.Trigger(
        "broker",
        f"{names.called(hub)}: {names.called(subscription)} on the {names.called(topic)} delivers "
        f"{listed(body['included_event_types'])}, up to {endpoint['max_events_per_batch']} events or about "
        f"{endpoint['preferred_batch_size_in_kilobytes']} KB at a time ({body['event_delivery_schema']})",
        (hub.address, topic.address, subscription.address),
    )


def retries(app: App) -> Iterator[str]:
    """What becomes of events that the app did not take."""
    for each in subscriptions(app):
        to = refused(each, app.blocks)
        yield (
            f"Event Grid delivers again what failed, up to {_attempts(each)} attempts "
            f"(max_delivery_attempts) in {_lifetime(each)} (event_time_to_live); then it "
            + (f"writes the events into the {names.called(to)}." if to else "drops the events.")
        )


def dead_letters(app: App) -> Iterator[facts.Use]:
    """Where Event Grid puts what it could not deliver."""
    for each in subscriptions(app):
        if container := refused(each, app.blocks):
            text = f"Event Grid, after {_attempts(each)} attempts or {_lifetime(each)}"
            yield facts.Use(container.address, text)


def refused(subscription: Block, blocks: Blocks) -> Block | None:
    """The blob container of what it cannot deliver; None when it drops that. KeyError when it may not write
    there.
    """
    destination = subscription.body.get("storage_blob_dead_letter_destination")
    if not destination:
        return None
    name = destination["storage_blob_container_name"]
    container = names.target(name, names.BLOBS, of=subscription, blocks=blocks)
    writer = f"{_topic(subscription, blocks).address}.identity"
    for grant in blocks.referring_to(container.address, names.ASSIGNMENT):
        if writer in grant.body["principal_id"] and grant.body["role_definition_name"] == names.WRITE_BLOBS:
            return container
    raise KeyError(
        f"{subscription.address} puts dead letters into {container.address}, and may not write there"
    )


def _topic(subscription: Block, blocks: Blocks) -> Block:
    return names.target(subscription.body["system_topic"], names.TOPIC, of=subscription, blocks=blocks)


def _attempts(subscription: Block) -> int:
    return subscription.body["retry_policy"]["max_delivery_attempts"]


def _lifetime(subscription: Block) -> str:
    return duration(subscription.body["retry_policy"]["event_time_to_live"] * 60)
