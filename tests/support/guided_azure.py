"""What a guide says of the Azure stacks of its twins, as they are and after a change."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from guides import facts, twins
from guides.readers import read
from twin_runtime.roles import Cloud, Layer, Role

ALONE = twins.SINGLE[Cloud.AZURE]
FIRST = twins.spread_with(Layer.ACQUISITION, Cloud.AZURE)
MIDDLE = twins.spread_with(Layer.PROCESSING, Cloud.AZURE)
HOT = twins.spread_with(Layer.HOT_STORAGE, Cloud.AZURE)
COLD = twins.spread_with(Layer.COLD_STORAGE, Cloud.AZURE)
APP = "azurerm_function_app_flex_consumption"
QUEUE = "azurerm_storage_queue"
SUBSCRIPTION = "azurerm_eventgrid_system_topic_event_subscription"
ASSIGNMENT, COSMOS_ASSIGNMENT = "azurerm_role_assignment", "azurerm_cosmosdb_sql_role_assignment"
WORKFLOW = "azapi_resource"

Blocks = dict[str, dict[str, Any]]
"""The resources of a stack, by type and name."""
Functions = Mapping[Role, facts.Function]


def functions(placement: twins.Placement) -> Functions:
    """The functions of a placement's Azure stack."""
    return read(Cloud.AZURE, twins.stacks(placement)["azure"], twins.topology(placement)).functions


def changed(change: Callable[[Blocks], object]) -> Functions:
    """The functions of the stack that holds all layers, after a change to its resources."""
    stack = copy.deepcopy(twins.stacks(ALONE)["azure"])
    change(stack["resource"])
    return read(Cloud.AZURE, stack, twins.topology(ALONE)).functions


def differing(found: Functions) -> set[Role]:
    """Of which functions something else is said than of that stack as it is."""
    before = functions(ALONE)
    assert set(before) == set(found)
    return {role for role in before if before[role] != found[role]}


def addresses(uses: tuple[facts.Use, ...]) -> list[str]:
    return [use.address for use in uses]
