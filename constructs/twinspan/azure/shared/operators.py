"""The roles of those who run Terraform."""

import json

from twinspan.azure.shared.grants import ROLE_SETTLES_S, wait_for_each
from twinspan.azure.shared.group import Group
from twinspan.providers import Construct
from twinspan.providers.azure import RoleAssignment
from twinspan.providers.time import TimeSleep
from twinspan.terraform.resources import place


def operators(group: Group) -> str:
    """A set of object ids, an expression: `clouds.azure.operators`, or whoever runs Terraform.

    The set of twin.yaml is the same whoever plans. Without one, a second operator's plan takes the roles from
    the first.
    """
    azure = group.twin.config.clouds.azure
    assert azure is not None  # a cloud in use has its entry
    if not azure.operators:
        return f"toset([{group.client.path('object_id')}])"
    return f"toset({json.dumps(azure.operators)})"


def operator_role(scope: Construct, name: str, *, group: Group, role: str, at: str) -> str:
    """Give all operators a role at a scope. Returns the address that what uses the role depends on: the time
    that Azure takes to act on it. `name` is unique in the stack.
    """
    everybody = operators(group)
    assignment = RoleAssignment(
        scope, name, scope=at, role_definition_name=role, principal_id="${each.value}"
    )
    assignment.add_override("for_each", f"${{{everybody}}}")
    given = group.inventory.grant(place(assignment, name), to="operators", may=role)
    sleep = TimeSleep(scope, f"{name}-settled", seconds=ROLE_SETTLES_S)
    wait_for_each(sleep, everybody, of=f"{given.address}[each.key].id")
    return place(sleep, name).address
