"""Who may do what in an Azure stack: role assignments, Cosmos DB's own, policies of Logic Apps, and the
secrets that the stack `links` opens.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from guides import facts
from guides.readers import azure_names as names
from guides.readers.values import known
from twin_runtime.roles import Role
from twinspan.azure.shared.grants import READ_SECRET
from twinspan.terraform.stackjson import Block, Blocks, references
from twinspan.topology import Topology


class Meaning(NamedTuple):
    """What a role lets a function do with the block at `{}`; empty: nothing. With both, who writes may read.
    `takes` is what writing is for one that moves what it reads.
    """

    reads: str = ""
    writes: str = ""
    takes: str = ""


STARTS = "Invoke the HTTP request trigger"
"""Not a role: the Logic App's own policy lets a token of the identity start a run."""
HOST = "Storage Blob Data Owner"
"""What the Functions host itself needs."""
MEANINGS: Mapping[str, Meaning] = {
    "Storage Queue Data Message Sender": Meaning(writes="sends messages to the {}"),
    "Storage Queue Data Contributor": Meaning(reads="takes messages from the {}"),
    "Storage Blob Data Reader": Meaning(reads="reads files of the {}"),
    names.WRITE_BLOBS: Meaning(
        "reads files of the {}", "writes files of the {}", "writes and deletes files of the {}"
    ),
    "Cosmos DB Built-in Data Reader": Meaning(reads="reads rows of the {}"),
    "Cosmos DB Built-in Data Contributor": Meaning(
        "reads rows of the {}", "writes rows of the {}", "writes and deletes rows of the {}"
    ),
    "Azure Digital Twins Data Reader": Meaning(reads="reads models and twins of the {}"),
    "Azure Digital Twins Data Owner": Meaning(writes="keeps models and twins of the {}"),
    "Key Vault Secrets User": Meaning(reads="reads the {}"),
    "IoT Hub Data Contributor": Meaning(writes="calls direct methods of the devices of the {}"),
    "Grafana Admin": Meaning(writes="keeps the dashboards and the data source of {}"),
    STARTS: Meaning(writes="starts runs of the {}"),
}
"""By Azure's name of the role."""
_COSMOS_ASSIGNMENT = "azurerm_cosmosdb_sql_role_assignment"
_COSMOS_ROLES: Mapping[str, str] = {
    "00000000-0000-0000-0000-000000000001": "Cosmos DB Built-in Data Reader",
    "00000000-0000-0000-0000-000000000002": "Cosmos DB Built-in Data Contributor",
}
"""Cosmos DB's own ids of its roles."""
_DEFINITION = re.compile(r"\$\{azurerm_cosmosdb_account\.\w+\.id\}/sqlRoleDefinitions/([0-9a-f-]+)")
_READERS = re.compile(r"link_(\w+)_reader_principal_ids")
_COMMON = ("//", "count", "depends_on", "principal_id", "scope")
_USERS = (names.APP, names.IDENTITY, names.ASSIGNMENT, _COSMOS_ASSIGNMENT)
"""The types of what may name a function's identity."""


@dataclass(frozen=True, slots=True)
class Grant:
    """An identity has a role. `on` is the address of what it has it on."""

    role: str
    on: str
    link: str = ""
    """The link whose secret it opens."""
    secret: str = ""
    """The name of that secret, where another stack makes it; `on` is its Key Vault then."""
    policy: str = ""
    """What gives it, where that is no role."""

    @property
    def permission(self) -> facts.Permission:
        if self.secret:
            return facts.Permission(self.role, on=f"the secret {self.secret} alone, of {self.on}")
        return facts.Permission(self.role, on=f"{self.on}, by {self.policy}" if self.policy else self.on)


def held_by(identity: Block, role: Role, blocks: Blocks, topology: Topology) -> tuple[Grant, ...]:
    """What a function's identity may do. KeyError when something about it is not known."""
    found: list[Grant] = []
    for block in blocks.referring_to(identity.address):
        if block.kind == names.ASSIGNMENT:
            found.append(_assigned(block, blocks))
        elif block.kind == _COSMOS_ASSIGNMENT:
            found.append(_in_cosmos(block, blocks))
        elif block.kind == names.API:
            found.append(_starts(block, identity))
        elif block.kind not in _USERS:
            raise KeyError(
                f"{block.address} names the identity of {role} in a way that the guides do not know"
            )
    return (*found, *_link_secrets(identity, blocks, topology))


def permissions(held: tuple[Grant, ...]) -> tuple[facts.Permission, ...]:
    return tuple(sorted((grant.permission for grant in held), key=lambda each: (each.action, each.on)))


def _assigned(block: Block, blocks: Blocks) -> Grant:
    body = block.body
    known(body, (*_COMMON, "role_definition_name", "principal_type"), of=block)
    role = body["role_definition_name"]
    if role not in (*MEANINGS, HOST):
        raise KeyError(f"{block.address} gives the role {role}, which the guides do not know")
    on = [reference.address for reference in references(body["scope"])]
    if len(on) != 1:
        raise KeyError(f"{block.address} should have one block as its scope: {body['scope']!r}")
    scope = blocks.at(on[0])
    names.called(scope)
    return Grant(role, scope.address, link=_link_of(scope, blocks))


def _in_cosmos(block: Block, blocks: Blocks) -> Grant:
    body = block.body
    known(body, (*_COMMON, "account_name", "resource_group_name", "role_definition_id"), of=block)
    match = _DEFINITION.fullmatch(body["role_definition_id"])
    if not match or match[1] not in _COSMOS_ROLES:
        raise KeyError(
            f"{block.address} gives a role that the guides do not know: {body['role_definition_id']}"
        )
    return Grant(
        _COSMOS_ROLES[match[1]], names.target(body["scope"], names.ROWS, of=block, blocks=blocks).address
    )


def _starts(workflow: Block, identity: Block) -> Grant:
    """By a policy on the trigger that takes tokens of the identity, by its object id."""
    control = workflow.body["body"]["properties"]["accessControl"]["triggers"]
    for name, policy in control["openAuthenticationPolicies"]["policies"].items():
        claims = {claim["name"]: claim["value"] for claim in policy["claims"]}
        if identity.address in {each.address for each in references(claims.get("oid", ""))}:
            return Grant(STARTS, workflow.address, policy=f"its Entra ID policy {name}")
    raise KeyError(f"{workflow.address} names {identity.address} in a way that the guides do not know")


def _link_of(secret: Block, blocks: Blocks) -> str:
    """The link that a secret of this stack is of; empty for API keys and what is no secret."""
    if secret.kind != names.SECRET or (secret.labels or {})["role"] in tuple(Role):
        return ""
    return (secret.labels or {})["role"].removeprefix("link-")


def _link_secrets(identity: Block, blocks: Blocks, topology: Topology) -> Iterator[Grant]:
    """The secrets that `links` writes, and opens to whom this stack's outputs name."""
    for output, body in blocks.stack.get("output", {}).items():
        match = _READERS.fullmatch(output)
        if not match or identity.address not in {each.address for each in references(body["value"])}:
            continue
        link = topology.link(match[1]).name
        secret = blocks.stack["output"][f"link_{link}_secret"]["value"]
        (vault,) = blocks.of(names.VAULT)
        yield Grant(READ_SECRET, vault.address, link=link, secret=secret)
