"""The Lambda functions of an AWS stack."""

from collections.abc import Iterator, Mapping

from guides import facts
from guides.readers.aws_blocks import check
from guides.readers.aws_calls import calls
from guides.readers.aws_permissions import LINK_KEYS, statements, uses
from guides.readers.links import ends
from guides.readers.values import Nouns, addresses, duration, environment, merged
from twin_runtime.roles import Cloud, Role
from twinspan.terraform.stackjson import Block, Blocks
from twinspan.terraform.stackjson import environment as environment_of
from twinspan.topology import Topology

NOUNS: Nouns = {
    ("aws_dynamodb_table", "name"): "name of the table",
    ("aws_grafana_workspace", "endpoint"): "host of the workspace",
    ("aws_grafana_workspace", "id"): "id of the workspace",
    ("aws_grafana_workspace_service_account", "service_account_id"): "id of the service account",
    ("aws_iot_endpoint", "endpoint_address"): "host of the broker",
    ("aws_s3_bucket", "bucket"): "name of the bucket",
    (LINK_KEYS, "arn"): "ARN of the secret",
    ("aws_sfn_state_machine", "arn"): "ARN of the state machine",
    ("aws_sqs_queue", "url"): "URL of the queue",
}
_DEAD_LETTERS = "DEAD_LETTER_QUEUE"
"""The variable that names where a function puts what it refuses."""


def functions(blocks: Blocks, topology: Topology) -> Iterator[facts.Function]:
    """Every function of the stack. KeyError when something about one is not known."""
    check(blocks)
    for block in blocks.of("aws_lambda_function"):
        yield _function(block, blocks, topology)


def _function(block: Block, blocks: Blocks, topology: Topology) -> facts.Function:
    body = block.body
    role = Role((block.labels or {})["role"])
    layer = blocks.layer(block)
    if layer is None:
        raise KeyError(f"{block.address} is in no layer")
    called = tuple(calls(block, blocks))
    if not called:
        raise KeyError(f"nothing calls {block.address}")
    variables = environment_of(body["environment"]["variables"])
    granted = statements(block, blocks)
    reads, writes = uses(granted, blocks)
    secrets = [blocks.at(use.address).name.removeprefix("link_") for use in reads if _is_secret(use)]
    links = ends(role, topology, secrets=secrets)
    dead_letters = (*_refused(variables), *(use for call in called for use in call.dead_letters))
    ends_here = {use.address for use in dead_letters}
    reserved = body.get("reserved_concurrent_executions")
    return facts.Function(
        role=role,
        cloud=Cloud.AWS,
        layer=layer,
        address=block.address,
        optional=blocks.optional(block),
        runtime=f"{body['runtime']} on {body['architectures'][0]}",
        memory_mb=body["memory_size"],
        timeout_s=body["timeout"],
        limits=(
            *((f"{reserved} at a time at most (reserved concurrency)",) if reserved is not None else ()),
            *(call.limit for call in called if call.limit),
        ),
        triggers=tuple(call.trigger for call in called),
        inputs=merged((*(use for call in called for use in call.inputs), *reads, *links.inputs)),
        outputs=merged(
            (
                *(use for use in writes if use.address not in ends_here),
                *(use for call in called for use in call.outputs),
                *links.outputs,
            )
        ),
        environment=environment(variables, blocks, NOUNS, optional=blocks.optional(block)),
        permissions=tuple(statement.permission for statement in granted),
        retries=tuple(dict.fromkeys(retry for call in called for retry in call.retries)),
        dead_letters=_kept(merged(dead_letters), blocks),
    )


def _is_secret(use: facts.Use) -> bool:
    return use.address.startswith(f"{LINK_KEYS}.")


def _refused(variables: Mapping[str, str]) -> Iterator[facts.Use]:
    for address in addresses(variables.get(_DEAD_LETTERS, "")):
        yield facts.Use(address, "the function itself puts what it refuses here, with the reason")


def _kept(dead_letters: tuple[facts.Use, ...], blocks: Blocks) -> tuple[facts.Use, ...]:
    """With how long each queue keeps them."""
    return tuple(
        facts.Use(
            use.address,
            f"{use.text}; kept for {duration(blocks.at(use.address).body['message_retention_seconds'])}",
        )
        for use in dead_letters
    )
