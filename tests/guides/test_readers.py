"""What the readers say of a stack is what the stack says, in each cloud: nothing is missing or made up."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from guides import facts, twins
from support.function_blocks import environment, granted
from support.read_stacks import PLACEMENTS, STACKS, said, stack_of
from support.synth import functions
from support.terraform_json import data_sources, resources
from twin_runtime.roles import ROLES, Cloud, Layer, Role
from twinspan.terraform.resources import EVENTS_VARIABLE

OPTIONAL = {Role.EVENT_CHECKER, Role.EVENT_FEEDBACK}
KINDS = {"queue", "http", "broker", "schedule", "changes", "deployment", "platform"}
QUEUES = {Cloud.AWS: "aws_sqs_queue", Cloud.AZURE: "azurerm_storage_queue", Cloud.GCP: "google_pubsub_topic"}


def texts(function: facts.Function) -> Iterator[str]:
    """All that is said of a function in words."""
    yield function.runtime
    yield from (*function.limits, *function.retries)
    for trigger in function.triggers:
        yield trigger.text
    for use in (*function.inputs, *function.outputs, *function.dead_letters):
        yield use.text
    for variable in function.environment:
        yield variable.value
    for permission in function.permissions:
        yield from (permission.action, permission.on)


@pytest.mark.parametrize(("number", "cloud"), STACKS)
def test_the_functions_are_those_that_the_topology_places_here(number: int, cloud: Cloud):
    topology = twins.topology(PLACEMENTS[number])
    found = said(number, cloud)
    assert found.cloud is cloud
    assert set(found.functions) == {role for role, where in topology.roles.items() if where is cloud}
    blocks = functions(stack_of(number, cloud), cloud)
    for role, function in found.functions.items():
        assert (function.role, function.cloud) == (role, cloud)
        assert function.address == blocks[role].address
        assert function.layer == (blocks[role].labels or {})["layer"]
        assert function.optional == (role in OPTIONAL)
        assert function.timeout_s == ROLES[role].timeout_s
        assert function.memory_mb >= ROLES[role].memory_mb


@pytest.mark.parametrize(("number", "cloud"), STACKS)
def test_every_resource_is_there_once_in_its_layer(number: int, cloud: Cloud):
    topology = twins.topology(PLACEMENTS[number])
    blocks = {block.address: block for block in resources(stack_of(number, cloud))}
    found = said(number, cloud).resources
    assert Counter(resource.address for resource in found) == Counter(blocks.keys())
    for resource in found:
        block = blocks[resource.address]
        layer = (block.labels or {}).get("layer")
        assert layer in (None, "shared", resource.layer), resource
        if resource.layer is None:
            assert layer == "shared" or block.path[1] == "foundation", resource
        if EVENTS_VARIABLE in f"{block.body.get('count')}{block.body.get('for_each')}":
            assert resource.optional, resource
        elif resource.optional:
            assert "for_each" in block.body, resource
    layers = set(topology.layers_in(cloud))
    if not topology.link("archive").remote:
        layers.discard(Layer.ARCHIVE_STORAGE)  # a rule of the cold tier's bucket, and no resource of its own
    assert {resource.layer for resource in found} - {None} == layers
    by_layer = [said(number, cloud).of(layer) for layer in (*Layer, None)]
    assert sum(len(of_kind) for layer in by_layer for of_kind in layer.values()) == len(found)


@pytest.mark.parametrize(("number", "cloud"), STACKS)
def test_every_address_is_that_of_a_block_or_of_a_link(number: int, cloud: Cloud):
    stack, topology = stack_of(number, cloud), twins.topology(PLACEMENTS[number])
    known = {block.address for block in (*resources(stack), *data_sources(stack))}
    links = {f"link:{link.name}" for link in topology.links if link.public}
    for role, function in said(number, cloud).functions.items():
        assert function.triggers, role
        for trigger in function.triggers:
            assert trigger.kind in KINDS
            assert trigger.addresses and set(trigger.addresses) <= known, (role, trigger)
        for uses in (function.inputs, function.outputs, function.dead_letters):
            addresses = [use.address for use in uses]
            assert set(addresses) <= known | links, role
            assert len(set(addresses)) == len(addresses), role
        assert function.inputs or function.outputs, role


@pytest.mark.parametrize(("number", "cloud"), STACKS)
def test_every_public_link_is_told_at_each_end(number: int, cloud: Cloud):
    topology = twins.topology(PLACEMENTS[number])
    told = {
        (role, use.address)
        for role, function in said(number, cloud).functions.items()
        for use in (*function.inputs, *function.outputs)
        if use.address.startswith("link:")
    }
    ends = {
        (role, f"link:{link.name}")
        for link in topology.links
        if link.public
        for role, where in ((link.receiver, link.receiver_cloud), (link.sender, link.sender_cloud))
        if where is cloud and role is not None and (role is link.receiver or link.signed)
    }
    cold = next(link for link in topology.links if link.name == "cold")
    if cold.remote and topology.roles.get(Role.HOT_READER) is cloud:
        ends.add((Role.HOT_READER, "link:cold"))  # it asks for what has left the hot store
    assert told == ends


@pytest.mark.parametrize(("number", "cloud"), STACKS)
def test_every_environment_variable_is_there_and_no_other(number: int, cloud: Cloud):
    blocks = functions(stack_of(number, cloud), cloud)
    for role, function in said(number, cloud).functions.items():
        variables = environment(blocks[role], cloud)
        assert Counter(variable.name for variable in function.environment) == Counter(variables.keys()), role
        for variable in function.environment:
            value = variables[variable.name]
            if "${" not in value and value.isidentifier():
                assert variable.value == value, (role, variable)
            assert bool(variable.value) == bool(value), (role, variable)
        empty = {variable.name for variable in function.environment if variable.optional}
        assert empty == ({"EVENTS_QUEUE"} if role is Role.PERSISTER else set()), role


@pytest.mark.parametrize(("number", "cloud"), STACKS)
def test_every_permission_is_there(number: int, cloud: Cloud):
    stack = stack_of(number, cloud)
    for role, function in said(number, cloud).functions.items():
        given = granted(stack, functions(stack, cloud)[role], cloud)
        assert given, role
        for action, on in given:
            assert any(
                permission.action == action and all(address in permission.on for address in on)
                for permission in function.permissions
            ), (role, action, on)


@pytest.mark.parametrize(("number", "cloud"), STACKS)
def test_what_takes_from_a_queue_says_how_often_it_tries_and_where_it_ends(number: int, cloud: Cloud):
    for role, function in said(number, cloud).functions.items():
        assert function.retries, role
        if any(trigger.kind in ("queue", "broker") for trigger in function.triggers):
            assert function.dead_letters, role
            assert any(re.search(r"\d", retry) for retry in function.retries), role


@pytest.mark.parametrize(("number", "cloud"), STACKS)
def test_every_queue_has_who_fills_it_and_who_empties_it(number: int, cloud: Cloud):
    found = said(number, cloud).functions.values()
    taken = {address for each in found for trigger in each.triggers for address in trigger.addresses}
    filled = {use.address for each in found for use in each.outputs}
    ended = {use.address for each in found for use in each.dead_letters}
    for queue in resources(stack_of(number, cloud), QUEUES[cloud]):
        if queue.name.endswith(("_dead", "_undelivered")):
            assert queue.address in ended, queue.address
        elif queue.name in ("processing", "persisting", "events", "commands"):
            assert queue.address in taken & filled, queue.address
        else:
            assert queue.address in taken | filled, queue.address


@pytest.mark.parametrize(("number", "cloud"), STACKS)
def test_nothing_of_terraform_is_left_in_the_words(number: int, cloud: Cloud):
    found = said(number, cloud)
    for role, function in found.functions.items():
        for text in texts(function):
            assert "${" not in text and "None" not in text, (role, text)
    stack = stack_of(number, cloud)
    assert set(found.outputs) == set(stack["output"])
    assert set(found.variables) == set(stack["variable"])
    assert found.variables[EVENTS_VARIABLE] == stack["variable"][EVENTS_VARIABLE]["description"]
