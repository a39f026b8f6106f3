"""What must hold in every stack `azure` and in every stack `links`, for changes to go through."""

import json
import re
from collections.abc import Collection, Iterator

from support.terraform_json import Stack, references, resources

APP = "azurerm_function_app_flex_consumption"
CODE = "azapi_resource_action"
ROLES = ("azurerm_role_assignment", "azurerm_cosmosdb_sql_role_assignment")
OF_PEOPLE = ("grafana_admins", "grafana_reads_metrics")
"""Roles that nothing in an apply uses: people's in Grafana, and Grafana's own."""
LOCK = "Microsoft.Authorization/locks@"
_PARENTS = (
    *("account_name", "database_name", "key_vault_id", "parent_id", "scope", "storage_account_id"),
    *("storage_account_name", "storage_container_name", "system_topic"),
)
"""Arguments that name what a resource is a part of in Azure Resource Manager."""
_NO_PARENTS = {("azurerm_cosmosdb_sql_role_assignment", "scope")}
"""It is a part of the account, whatever the rows are that it is about."""
BEFORE_LINKS = "time_sleep.operators_write_secrets"
"""The stack `links` uses the role, and comes after the whole stack."""
_OUTPUT = re.compile(r"(try\()?data\.terraform_remote_state\.\w+\.outputs\.\w+")


def problems(stack: Stack) -> Iterator[str]:
    """What is wrong in a stack `azure`."""
    yield from _unsettled(stack)
    yield from _unrepeated(stack)
    for reference in references(stack.get("resource", {})):
        if reference.attribute == "resource_manager_id":
            yield f"{reference.expression} is deprecated"


def problems_of_links(stack: Stack) -> Iterator[str]:
    """What is wrong in a stack `links`."""
    for found in _OUTPUT.finditer(json.dumps(stack.get("resource", {}))):
        if not found[1]:
            yield f"{found[0]} fails a destroy when it is gone"


def locked(stack: Stack) -> dict[str, str]:
    """What has a lock in a stack, by the address of the lock."""
    found = {}
    for block in resources(stack, CODE):
        if block.body["type"].startswith(LOCK) and block.body["method"] == "PUT":
            (target,) = references(block.body["resource_id"])
            found[block.address] = target.address
    return found


def refused(stack: Stack, gone: Collection[str]) -> set[str]:
    """Which of the blocks that an edit deletes Azure keeps: what has a lock, and what is below."""
    scopes, blocks = set(locked(stack).values()), {block.address: block for block in resources(stack)}

    def below(address: str) -> bool:
        parents = {
            reference.address
            for argument in _PARENTS
            if (blocks[address].kind, argument) not in _NO_PARENTS
            for reference in references(blocks[address].body.get(argument, ""))
        }
        return address in scopes or any(below(parent) for parent in parents)

    return {address for address in gone if below(address)}


def needed(stack: Stack, address: str) -> set[str]:
    """All that a block refers to, and what that does: Terraform deletes it after the block."""
    blocks, found = {block.address: block for block in resources(stack)}, set[str]()
    ahead = [address]
    while ahead:
        for reference in references(blocks[ahead.pop()].body):
            if reference.address in blocks and reference.address not in found:
                found.add(reference.address)
                ahead.append(reference.address)
    return found


def _unsettled(stack: Stack) -> Iterator[str]:
    """Roles that are not waited for, and waits that nobody waits for."""
    waits = {block.address: block.body for block in resources(stack, "time_sleep")}
    awaited = {target.address for wait in waits.values() for target in references(wait)}
    for role in resources(stack, *ROLES):
        if role.name not in OF_PEOPLE and role.address not in awaited:
            yield f"{role.address} is used without time to settle"
    needed = {need for block in resources(stack) for need in block.body.get("depends_on", ())}
    for address, wait in waits.items():
        if address not in needed and address != BEFORE_LINKS:
            yield f"nothing waits for {address}"
        if "triggers" not in wait:
            yield f"{address} does not wait for a role that is new"
    for app in resources(stack, APP):
        if f"time_sleep.{app.name}" not in app.body.get("depends_on", ()):
            yield f"{app.address} does not wait for its roles"


def _unrepeated(stack: Stack) -> Iterator[str]:
    """Apps whose code does not come again with them."""
    again = {
        address: block.address
        for block in resources(stack, CODE)
        for address in block.body.get("lifecycle", {}).get("replace_triggered_by", ())
    }
    for app in resources(stack, APP):
        if app.address not in again:
            yield f"{app.address} changes without its code"
