"""What a Lambda function may do, by the IAM policies of its role; what that lets it read and write; and who
may call it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from guides import facts
from guides.readers.aws_actions import meaning
from guides.readers.values import addresses, listed, only
from twinspan.terraform.stackjson import Block, Blocks, pieces, referred

PERMISSION = "aws_lambda_permission"
LINK_KEYS = "aws_secretsmanager_secret"
"""The type that holds the keys of a link."""
_KNOWN = frozenset({"Effect", "Action", "Resource"})
_WORKSPACE = ":workspace/"
_TOPIC = ":topic/"


@dataclass(frozen=True, slots=True)
class Statement:
    """A permission of a policy; resources are ARNs, with the expressions in them."""

    policy: Block
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    @property
    def permission(self) -> facts.Permission:
        return facts.Permission(", ".join(self.actions), on=", ".join(map(pattern, self.resources)))


def statements(function: Block, blocks: Blocks) -> tuple[Statement, ...]:
    """All that a function's role may do. KeyError when it got a permission in another way than by its own
    policies, or by one that is not as `policies.allow` makes them.
    """
    role = only(function.body["role"], of=function)
    found: list[Statement] = []
    for block in blocks.referring_to(role):
        if block.kind == "aws_iam_role_policy":
            found += _parsed(block)
        elif block != function:
            raise KeyError(f"{block.address} does something to {role} that the guides do not know")
    return tuple(found)


def _parsed(policy: Block) -> Iterator[Statement]:
    for statement in json.loads(policy.body["policy"])["Statement"]:
        lists = (statement.get("Action"), statement.get("Resource"))
        allows = set(statement) == _KNOWN and statement["Effect"] == "Allow"
        if not allows or not all(isinstance(each, list) for each in lists):
            raise KeyError(f"{policy.address} has a statement that the guides do not know: {statement}")
        yield Statement(policy, tuple(statement["Action"]), tuple(statement["Resource"]))


def pattern(arn: str) -> str:
    """An ARN as a person reads it: the address of a block in place of its ARN, and `<account>`."""
    return "".join(_piece(piece) if is_expression else piece for is_expression, piece in pieces(arn))


def _piece(expression: str) -> str:
    (reference,) = referred(expression)
    if (reference.kind, reference.attribute) == ("aws_caller_identity", "account_id"):
        return "<account>"
    if reference.attribute != "arn":
        raise KeyError(f"a permission is on ${{{expression}}}, which is no ARN")
    return reference.address


def uses(
    granted: tuple[Statement, ...], blocks: Blocks
) -> tuple[tuple[facts.Use, ...], tuple[facts.Use, ...]]:
    """What the statements let a function read, and what they let it write: each block once."""
    reads: dict[str, dict[str, None]] = {}
    writes: dict[str, dict[str, None]] = {}
    for statement in granted:
        meanings = [meaning(action) for action in statement.actions]
        for arn in statement.resources:
            if not any(each.reads or each.writes for each in meanings):
                continue
            address, detail = _target(arn, statement.policy, blocks)
            for each in meanings:
                if each.reads:
                    reads.setdefault(address, {})[each.reads + detail] = None
                if each.writes:
                    writes.setdefault(address, {})[each.writes + detail] = None
    return _uses(reads), _uses(writes)


def _uses(found: Mapping[str, Mapping[str, None]]) -> tuple[facts.Use, ...]:
    return tuple(facts.Use(address, listed(said)) for address, said in found.items())


def _target(arn: str, policy: Block, blocks: Blocks) -> tuple[str, str]:
    """The block that a permission is about, and what else is to be said of it.

    AWS knows no resource for a topic, and Terraform none for a workspace: those are the endpoint that devices
    are at, and the CloudFormation stack that makes the workspace.
    """
    if _TOPIC in arn:
        return blocks.one("data.aws_iot_endpoint").address, f" on {arn.partition(_TOPIC)[2]}"
    if _WORKSPACE in arn:
        return workspace(arn, blocks).address, ""
    block = blocks.at(only(arn, of=policy))
    return block.address, f" ({block.body['description'].rstrip('.')})" if block.kind == LINK_KEYS else ""


def workspace(arn: str, blocks: Blocks) -> Block:
    """The CloudFormation stack of a TwinMaker workspace: they have one name. KeyError when there is none."""
    name = arn.partition(_WORKSPACE)[2].partition("/")[0]
    for stack in blocks.of("aws_cloudformation_stack"):
        if stack.body["name"] == name:
            return stack
    raise KeyError(f"no CloudFormation stack of the Terraform stack makes the workspace of {arn}")


def may_call(caller: Block, function: Block, blocks: Blocks) -> Block:
    """What lets a block of another service call a function. KeyError when nothing does."""
    for permission in blocks.referring_to(function.address, PERMISSION):
        if caller.address in addresses(permission.body["source_arn"]):
            return permission
    raise KeyError(f"no {PERMISSION} lets {caller.address} call {function.address}")
