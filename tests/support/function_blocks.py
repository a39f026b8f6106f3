"""What a stack says of its functions, read plainly and a second time, to hold against what the guides say."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from support import terraform_json
from support.terraform_json import Resource, Stack, references, resources
from twin_runtime.roles import Cloud

_COSMOS = {"1": "Cosmos DB Built-in Data Reader", "2": "Cosmos DB Built-in Data Contributor"}
"""Cosmos DB's roles by the last digit of their ids."""
_GOOGLE_TARGETS = ("topic", "subscription", "secret_id", "bucket", "name")


class Granted(NamedTuple):
    """An action, or a role, and the blocks that it is granted on."""

    action: str
    on: frozenset[str]


def environment(function: Resource, cloud: Cloud) -> dict[str, str]:
    """The environment variables of a function, with the expressions in them."""
    body = function.body
    written = {
        Cloud.AWS: lambda: body["environment"]["variables"],
        Cloud.AZURE: lambda: body["app_settings"],
        Cloud.GCP: lambda: body["service_config"]["environment_variables"],
    }
    return terraform_json.environment(written[cloud]())


def granted(stack: Stack, function: Resource, cloud: Cloud) -> list[Granted]:
    """What the blocks that name a function's identity say that it may do, each statement by itself."""
    by_cloud = {Cloud.AWS: _statements, Cloud.AZURE: _assignments, Cloud.GCP: _members}
    return list(by_cloud[cloud](stack, _identity(function, cloud)))


def _identity(function: Resource, cloud: Cloud) -> str:
    body = function.body
    if cloud is Cloud.AWS:
        said = body["role"]
    else:
        said = body["identity"] if cloud is Cloud.AZURE else body["service_config"]["service_account_email"]
    (identity,) = {reference.address for reference in references(said)}
    return identity


def _statements(stack: Stack, identity: str) -> Iterator[Granted]:
    for policy in resources(stack, "aws_iam_role_policy"):
        if identity in _targets(policy.body["role"]):
            for statement in json.loads(policy.body["policy"])["Statement"]:
                on = _targets(statement["Resource"]) - {"data.aws_caller_identity.current"}
                yield Granted(", ".join(statement["Action"]), on)


def _assignments(stack: Stack, identity: str) -> Iterator[Granted]:
    for assignment in resources(stack, "azurerm_role_assignment", "azurerm_cosmosdb_sql_role_assignment"):
        body = assignment.body
        if identity not in _targets(body["principal_id"]):
            continue
        if "role_definition_name" in body:
            yield Granted(body["role_definition_name"], _targets(body["scope"]))
        else:
            containers = {each for each in _targets(body["scope"]) if "_sql_container." in each}
            yield Granted(_COSMOS[body["role_definition_id"][-1]], frozenset(containers))


def _members(stack: Stack, identity: str) -> Iterator[Granted]:
    for member in resources(stack):
        if "_iam_" in member.kind and identity in _targets(member.body["member"]):
            named = [member.body[argument] for argument in _GOOGLE_TARGETS if argument in member.body]
            yield Granted(member.body["role"], _targets(named))


def _targets(value: Any) -> frozenset[str]:
    return frozenset(reference.address for reference in references(value))
