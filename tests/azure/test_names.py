"""Names: within every limit, unique where they must be, and the same as what is built."""

from __future__ import annotations

import pytest

from support.layouts import LAYOUTS, Layout, twin_config
from support.terraform_json import resources
from twin_runtime.roles import Cloud, Role
from twinspan import twinfile
from twinspan.azure import names
from twinspan.naming import Names
from twinspan.twin import Twin

from .stacks import ALL, AZURE_LAYOUTS, azure_stack

RULES = {rule.resource: rule for rule in names.RULES}
LONGEST = "a2345678901234567"
"""17 characters without hyphens: the package's storage account has 7 more, of 24."""


def names_of(twin: str) -> Names:
    return Names.of(twin_config(ALL, twin=twin))


@pytest.mark.parametrize("twin", ["abc", "factory", LONGEST, "a-b-c-d-e-f-g-h-i-j"])
@pytest.mark.parametrize("layout", AZURE_LAYOUTS, ids=str)
def test_planned_names_are_within_every_limit(layout: Layout, twin: str) -> None:
    config = twin_config(layout, twin=twin)
    assert list(twinfile.name_problems(config)) == []


def test_a_name_that_is_too_long_is_said_with_resource_and_limit() -> None:
    found = list(twinfile.name_problems(twin_config(ALL, twin=LONGEST + "8")))
    assert any("storage account" in str(problem) and "of at most 24" in str(problem) for problem in found)


@pytest.mark.parametrize("layout", AZURE_LAYOUTS, ids=str)
def test_every_name_that_is_built_was_planned(layout: Layout) -> None:
    twin = Twin(twin_config(layout))
    planned = set(names.planned(twin.names, twin.topology))
    limited = {kind for kind, _ in planned}
    for block in resources(azure_stack(layout)):
        name = block.body.get("name", "")
        ruled = block.address if block.address in RULES else block.kind
        if ruled in limited and "factory" in name and not name.startswith("$"):
            longest = max(len(known) for kind, known in planned if kind == ruled)
            assert (ruled, name) in planned or len(name) <= longest, block.address
            assert RULES[ruled].problem(name) is None


def test_every_planned_type_has_a_rule_and_a_source() -> None:
    for layout in LAYOUTS:
        twin = Twin(twin_config(Layout(Cloud.AZURE, layout.l2, layout.l3)))
        assert {kind for kind, _ in names.planned(twin.names, twin.topology)} <= RULES.keys()
    assert all(rule.source for rule in names.RULES)


def test_names_that_are_unique_in_the_world_differ_by_subscription_and_location() -> None:
    def all_of(**changes: str) -> set[str]:
        azure = {
            "location": "westeurope",
            "subscription_id": "00000000-0000-0000-0000-000000000000",
        } | changes
        known = Names.of(twin_config(ALL, clouds={"azure": azure}))
        roles = {names.worldwide(known, role) for role in Role}
        accounts = {names.account(known), names.package_account(known), names.tier_account(known)}
        return roles | accounts | {names.worldwide(known, "store"), names.vault(known), names.group(known)}

    first = all_of()
    assert first == all_of()
    assert not first & all_of(location="northeurope")
    assert not first & all_of(subscription_id="11111111-1111-1111-1111-111111111111")


def test_a_dead_letter_queue_has_the_name_that_the_host_gives_it() -> None:
    # Functions host: <queue>-poison; functions-bindings-storage-queue-trigger, poison messages.
    known = names_of("factory")
    assert names.queue(known, "processing") == "factory-processing"
    assert names.queue(known, "processing-dead") == "factory-processing-poison"
    assert names.queue(known, "telemetry-dead") == "factory-telemetry-poison"


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("azurerm_storage_account", "factory-3f9a01"),
        ("azurerm_storage_queue", "a--b"),
        ("azurerm_key_vault", "1factory"),
        ("azurerm_cosmosdb_account", "Factory"),
        ("azurerm_eventgrid_system_topic", "a_b"),
        ("azurerm_function_app_flex_consumption", "-app"),
    ],
)
def test_rules_refuse(kind: str, bad: str) -> None:
    assert RULES[kind].problem(bad)
