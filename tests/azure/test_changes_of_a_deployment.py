"""What a second apply needs: time for new roles, code that follows its app, names that are not shared."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from support import azure_rules
from support.layouts import CLOUDS, COVERING, Layout, twin_config
from support.synth import stacks
from support.terraform_json import Stack, references, resources
from twin_runtime.roles import Cloud

from .stacks import ALL, AZURE_LAYOUTS, TIERS, TWINS, azure_stack, stack_of

OPERATORS = ["11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"]
ROLE = "azurerm_role_assignment"


@pytest.mark.parametrize("layout", AZURE_LAYOUTS, ids=str)
def test_every_azure_stack_keeps_the_rules(layout: Layout) -> None:
    assert list(azure_rules.problems(azure_stack(layout))) == []


@pytest.mark.parametrize("layout", COVERING[:6], ids=str)
def test_every_links_stack_keeps_the_rules(layout: Layout) -> None:
    assert list(azure_rules.problems_of_links(stacks(layout)["links"])) == []


def _no_wait_for_a_role(blocks: dict[str, Any]) -> None:
    wait = blocks["time_sleep"]["persister"]
    wait["for_each"] = wait["for_each"].replace("persister_sends_events", "other")


def _no_wait_before_the_app(blocks: dict[str, Any]) -> None:
    del blocks["azurerm_function_app_flex_consumption"]["persister"]["depends_on"]


def _one_wait_for_good(blocks: dict[str, Any]) -> None:
    del blocks["time_sleep"]["operators_upload_packages"]["triggers"]


def _code_for_good(blocks: dict[str, Any]) -> None:
    blocks["azapi_resource_action"]["persister"]["lifecycle"]["replace_triggered_by"] = []


def _deprecated(blocks: dict[str, Any]) -> None:
    blocks[ROLE]["processor_keeps_code"]["scope"] = "${azurerm_storage_container.x.resource_manager_id}"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (_no_wait_for_a_role, "persister_sends_events is used without time to settle"),
        (_no_wait_before_the_app, "persister does not wait for its roles"),
        (_one_wait_for_good, "does not wait for a role that is new"),
        (_code_for_good, "persister changes without its code"),
        (_deprecated, "is deprecated"),
    ],
)
def test_the_rules_find_a_fault(fault: Callable[[dict[str, Any]], None], said: str) -> None:
    stack = copy.deepcopy(azure_stack(ALL))
    fault(stack["resource"])
    assert any(said in problem for problem in azure_rules.problems(stack))


def test_an_output_that_destroy_cannot_do_without_is_found() -> None:
    read = "${data.terraform_remote_state.azure.outputs.link_write_secret}"
    stack = {"resource": {"azurerm_key_vault_secret": {"link_write": {"name": read}}}}
    assert list(azure_rules.problems_of_links(stack))


def _at(location: str, layout: Layout) -> Stack:
    azure = {"location": location, "subscription_id": "00000000-0000-0000-0000-000000000000"}
    clouds = {"azure": azure, "aws": CLOUDS["aws"]}
    return stack_of(twin_config(layout, clouds=clouds))


@pytest.mark.parametrize("layout", [TIERS, TWINS], ids=str)
def test_a_change_of_location_replaces_everything_and_no_name_is_shared(layout: Layout) -> None:
    """A resource is replaced with its parent when it names it by a computed id, or by a name that changes.
    What names its parent by a name that stays would be taken for what is there.
    """
    here, there = _at("westeurope", layout), _at("northeurope", layout)
    places = [_places(stack) for stack in (here, there)]
    assert places[0].keys() == places[1].keys()
    for address, place in places[0].items():
        assert place != places[1][address], address
    names = [{place for place in found.values() if "id}" not in place} for found in places]
    assert not names[0] & names[1]


def _places(stack: Stack) -> dict[str, str]:
    """What a resource is called and where it is, names written out; of one below another's id, that id."""
    blocks = {block.address: block for block in resources(stack)}
    arguments = ("resource_group_name", "account_name", "storage_account_name", "system_topic", "name")

    def written(value: str) -> str:
        for reference in references(value):
            if reference.attribute == "name":
                named = blocks[reference.address].body["name"]
                for form in (f"${{{reference.address}.name}}", f"${{one({reference.address}[*].name)}}"):
                    value = value.replace(form, written(named))
        return value

    found = {}
    for address, block in blocks.items():
        if block.kind in ("time_sleep", "random_password"):
            continue
        parts = [written(block.body[argument]) for argument in arguments if argument in block.body]
        ids = [
            f"{reference.address}.{location}"
            for argument in ("parent_id", "resource_id", "storage_account_id", "key_vault_id", "scope")
            for reference in references(block.body.get(argument, ""))
            if reference.attribute in ("id", "resource_versionless_id")
            for location in [_location(stack)]
        ]
        found[address] = "/".join([block.kind, *parts, *ids])
    return found


def _location(stack: Stack) -> str:
    return stack["resource"]["azurerm_resource_group"]["twin"]["location"]


class TestOperators:
    def stack(self, **azure: Any) -> Stack:
        here = {"location": "westeurope", "subscription_id": "00000000-0000-0000-0000-000000000000"}
        layout = Layout(*[Cloud.AZURE] * 3, l5=Cloud.AZURE)
        return stack_of(twin_config(layout, clouds={"azure": {**here, **azure}}))

    def roles(self, stack: Stack) -> dict[str, str]:
        """Who gets the roles of those who run Terraform."""
        found = {block.name: block.body.get("for_each", "") for block in resources(stack, ROLE)}
        return {name: each for name, each in found.items() if each}

    def test_the_roles_of_twin_yaml_are_the_same_whoever_plans(self) -> None:
        roles = self.roles(self.stack(operators=OPERATORS))
        listed = f'toset(["{OPERATORS[0]}", "{OPERATORS[1]}"])'
        assert roles == {
            "operators_upload_packages": f"${{{listed}}}",
            "operators_write_secrets": f"${{{listed}}}",
            "grafana_admins": f"${{setunion({listed}, var.grafana_admins)}}",
        }

    def test_without_any_it_is_whoever_applies(self) -> None:
        who = "toset([data.azurerm_client_config.current.object_id])"
        assert self.roles(self.stack())["operators_write_secrets"] == f"${{{who}}}"

    def test_a_new_operator_s_roles_are_waited_for_and_no_other_s(self) -> None:
        for name, sleep in self.stack(operators=OPERATORS)["resource"]["time_sleep"].items():
            if name.startswith("operators_"):
                assert sleep["triggers"] == {"of": f"${{{ROLE}.{name}[each.key].id}}"}
                assert sleep["for_each"].startswith("${toset([")


def test_azure_s_own_action_group_is_the_stack_s() -> None:
    """azurerm issues 10563 and 18026: Azure makes it within hours, for each component of Application
    Insights, and Terraform deletes no resource group in which it is.
    """
    stack = azure_stack(ALL)
    group = stack["resource"]["azurerm_monitor_action_group"]["smart_detection"]
    assert group["name"] == "Application Insights Smart Detection"
    assert len(group["short_name"]) <= 12  # docs/r/monitor_action_group
    # Another resource group needs another one: Terraform deletes no group that has an action group.
    assert "resource_group_name" not in group["lifecycle"]["ignore_changes"]
    assert {"arm_role_receiver", "short_name"} <= set(group["lifecycle"]["ignore_changes"])
    insights = stack["resource"]["azurerm_application_insights"]["functions"]
    assert insights["depends_on"] == ["azurerm_monitor_action_group.smart_detection"]
    assert "resource_group" not in stack["provider"]["azurerm"][0]["features"][0]


def test_a_local_link_s_secret_is_not_the_one_that_links_may_still_have() -> None:
    def names(layout: Layout) -> set[str]:
        found = [
            block.body["name"]
            for stack in stacks(layout).values()
            for block in resources(stack, "azurerm_key_vault_secret")
        ]
        return {name for name in found if "dashboards" in name}

    (local,) = names(Layout(*[Cloud.AZURE] * 3, l5=Cloud.AZURE))
    (remote,) = names(Layout(Cloud.AZURE, Cloud.AZURE, Cloud.AWS, l5=Cloud.AZURE))
    assert local == "factory-own-dashboards"
    assert local not in remote
