"""What each layout deploys: its roles and no more, its endpoints and no more, its secrets and no more."""

from typing import Any

import pytest

from support.function_blocks import environment
from support.layouts import SYNTHESIZED, Layout, twin_config
from support.synth import Stack, functions, stacks
from support.terraform_json import Resource, references, resources
from twin_azure import settings as azure_settings
from twin_runtime import settings
from twin_runtime.roles import Cloud, Role
from twinspan import outputs as published
from twinspan.topology import Link, Topology

each_layout = pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)

SECRET_VERSIONS = {
    Cloud.AWS: "aws_secretsmanager_secret_version",
    Cloud.AZURE: "azurerm_key_vault_secret",
    Cloud.GCP: "google_secret_manager_secret_version",
}


def topology(layout: Layout, *, read_api: bool = True) -> Topology:
    return Topology.of(twin_config(layout, read_api=read_api))


def public_roles(stack: Stack, cloud: Cloud) -> set[Role]:
    """The roles that anybody on the Internet can send a request to."""
    match cloud:
        case Cloud.AWS:
            assert not resources(stack, "aws_lambda_function_url", "aws_apigatewayv2_api")
            return {Role((api.labels or {})["role"]) for api in resources(stack, "aws_api_gateway_rest_api")}
        case Cloud.AZURE:
            return {
                role
                for role, app in functions(stack, cloud).items()
                if app.body.get("public_network_access_enabled", True)
            }
        case Cloud.GCP:
            return {
                role
                for role, function in functions(stack, cloud).items()
                if function.body["service_config"]["ingress_settings"] == "ALLOW_ALL"
            }


@each_layout
def test_each_stack_deploys_the_roles_of_its_cloud(layout: Layout) -> None:
    expected = topology(layout)
    for cloud in expected.clouds:
        roles = {role for role, where in expected.roles.items() if where is cloud}
        assert set(functions(stacks(layout)[cloud], cloud)) == roles


@each_layout
@pytest.mark.parametrize("read_api", [True, False], ids=["read-api", "no-read-api"])
def test_only_receivers_are_public(layout: Layout, read_api: bool) -> None:
    expected = topology(layout, read_api=read_api)
    for cloud in expected.clouds:
        stack = stacks(layout, read_api=read_api)[cloud]
        allowed = set(expected.receivers_in(cloud))
        # Event Grid delivers to a function's own host name, which must be reachable; no key opens it but
        # Event Grid's.
        broker = {Role.DISPATCHER} if cloud is Cloud.AZURE and layout.l1 is Cloud.AZURE else set()
        assert public_roles(stack, cloud) == allowed | broker


@pytest.mark.parametrize("cloud", list(Cloud))
def test_a_twin_in_one_cloud_without_readers_has_one_stack_and_no_key(cloud: Cloud) -> None:
    found = stacks(Layout(cloud, cloud, cloud), read_api=False)
    assert list(found) == [cloud]
    stack = found[cloud]
    kinds = {
        "aws_secretsmanager_secret",
        "aws_api_gateway_api_key",
        "azurerm_key_vault",
        "azurerm_key_vault_secret",
        "google_secret_manager_secret",
    }
    # Google's broker authenticates no device: a fleet secret does, whether or not anything crosses clouds.
    secrets = {block.name for block in resources(stack, *kinds)}
    assert secrets == ({"fleet"} if cloud is Cloud.GCP else set())
    assert set(stack["output"]) - {"deployed_in"} == {
        "broker_endpoint",
        "dead_letter_queues",
        "deployment",
        "device_values",
        "storage_tiers",
    }


@each_layout
def test_environment_is_what_the_code_reads(layout: Layout) -> None:
    expected = topology(layout)
    for cloud in expected.clouds:
        for role, function in functions(stacks(layout)[cloud], cloud).items():
            remote = expected.link_of(role) is not None
            given = environment(function, cloud)
            platform = platform_variables(role, cloud, remote=remote)
            needed = settings.required(role, cloud, remote=remote)
            assert needed | platform <= set(given), f"{role} on {cloud}"
            assert set(given) <= settings.expected(role, cloud, remote=remote) | platform, (
                f"{role} on {cloud}"
            )
            for name in needed:
                assert given[name], f"{role} on {cloud}: {name} is empty"


@each_layout
def test_hot_reader_knows_its_cold_tier_and_who_may_read(layout: Layout) -> None:
    expected = topology(layout, read_api=False)
    if Role.HOT_READER not in expected.roles:
        return
    found = functions(stacks(layout, read_api=False)[layout.l3], layout.l3)
    given = environment(found[Role.HOT_READER], layout.l3)
    assert ("COLD_STORE" in given) == (layout.cold is layout.l3)
    assert ("COLD_LINK_SECRET" in given) == (layout.cold not in (None, layout.l3))
    assert given.get("API_KEY_READS") == ("true" if layout.l5 else None)


def platform_variables(role: Role, cloud: Cloud, *, remote: bool) -> frozenset[str]:
    """What a cloud's host and adapters read besides the common variables."""
    match cloud:
        case Cloud.AWS:
            return frozenset()
        case Cloud.AZURE:
            return azure_settings.expected(role, remote=remote)
        case Cloud.GCP:
            return frozenset(
                {"THREADS"}
            )  # read by functions-framework: requests that one instance serves at a time


@each_layout
def test_a_remote_link_has_one_sender_one_receiver_and_links_writes_their_secrets(layout: Layout) -> None:
    expected = topology(layout)
    found = stacks(layout)
    if not expected.wired_links:
        assert "links" not in found
        return
    written = [
        (cloud, block) for cloud in Cloud for block in resources(found["links"], SECRET_VERSIONS[cloud])
    ]
    assert len(written) == sum(2 if link.signed else 1 for link in expected.wired_links)
    for link in expected.wired_links:
        _check_link(link, found, written)


def _check_link(link: Link, found: dict[str, Stack], written: list[tuple[Cloud, Resource]]) -> None:
    assert link.sender_cloud
    outputs = found[link.receiver_cloud]["output"]
    assert link.receiver is not None
    url, api_key = published.url(link.receiver), published.api_key(link.receiver)
    assert url in outputs
    assert outputs[api_key]["sensitive"] is True
    name = f"link_{link.name}_secret"
    senders, receivers = [], []
    for cloud, block in written:
        text = str(block.body)
        if name not in text:
            continue
        assert block.counted == link.optional
        content = _content(block)
        assert ("signing_keys" in content) == link.signed
        (senders if "url = " in content else receivers).append((cloud, content))
    assert [cloud for cloud, _ in senders] == [link.sender_cloud]
    assert [cloud for cloud, _ in receivers] == ([link.receiver_cloud] if link.signed else [])
    content = senders[0][1]
    outputs_of = f"data.terraform_remote_state.{link.receiver_cloud}.outputs"
    assert f"url = try({outputs_of}.{url}, null)" in content
    assert f"api_key = try({outputs_of}.{api_key}, null)" in content
    for end in (link.sender_cloud, *([link.receiver_cloud] if link.signed else ())):
        assert name in found[end]["output"], f"{end} does not publish {name}"


def _content(block: Resource) -> str:
    """The expression that becomes the secret's text."""
    return next(block.body[key] for key in ("secret_string", "value", "secret_data") if key in block.body)


@each_layout
def test_links_reads_only_outputs_that_exist(layout: Layout) -> None:
    found = stacks(layout)
    if "links" not in found:
        return
    reads = 0
    for reference in references(found["links"]["resource"]):
        if reference.kind == "terraform_remote_state":
            stack = reference.address.rpartition(".")[2]
            for output in _outputs_read(reference.expression, stack):
                assert output in found[stack]["output"], f"{stack}.{output}"
                reads += 1
    assert reads


def _outputs_read(expression: str, stack: str) -> list[str]:
    marker = f"data.terraform_remote_state.{stack}.outputs."
    return [part.split(",")[0].split("}")[0].split(" ")[0] for part in expression.split(marker)[1:]]


@each_layout
def test_local_links_leave_nothing_of_the_remote_ones(layout: Layout) -> None:
    for name, stack in stacks(layout).items():
        if name == "links":
            continue
        cloud = Cloud(name)
        here = topology(layout).link_secrets_in(cloud)
        published = {
            output.removeprefix("link_").removesuffix("_secret")
            for output in stack.get("output", {})
            if output.startswith("link_") and output.endswith("_secret")
        }
        # What the stack fills itself is read by no other; whether it is an output is the cloud's affair.
        assert {link.name for link in here if link.wired} <= published <= {link.name for link in here}


def test_events_flag_guards_every_part_of_the_event_system() -> None:
    """A part of the event system is what is tagged as one: its roles, queues, workflow."""
    optional_roles = {
        "event_checker",
        "event_feedback",
        "workflow",
        "events",
        "events-dead",
        "commands",
        "commands-dead",
    }
    for layout in SYNTHESIZED:
        for name, stack in stacks(layout).items():
            for block in resources(stack):
                labels = block.labels
                if labels and labels["role"] in optional_roles:
                    guarded = block.counted or "enable_events" in str(block.body.get("for_each", ""))
                    assert guarded, f"{layout} {name}: {block.address}"


def test_what_an_optional_thing_needs_and_nobody_else_does_is_optional_too() -> None:
    """A block that reads a counted one would fail or be left over when that is off, unless it is counted
    itself.
    """
    for layout in SYNTHESIZED:
        for name, stack in stacks(layout).items():
            off = {block.address for block in resources(stack) if block.counted}
            for block in resources(stack):
                if not block.counted and "for_each" not in block.body:
                    reads = [r for r in references(_required(block)) if r.address in off]
                    assert not reads, f"{layout} {name}: {block.address} reads {reads}"


def _required(block: Resource) -> Any:
    """A block without what may be absent: expressions that give way to the empty string, and variables that
    are left out while the event system is off.
    """

    def keep(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: keep(item) for key, item in value.items() if key != "//"}
        if isinstance(value, list):
            return [keep(item) for item in value]
        if isinstance(value, str) and value.startswith("${merge("):
            return value.partition(", var.enable_events ? {")[0] + ")}"
        return "" if isinstance(value, str) and value.startswith("${try(") else value

    return keep(block.body)
