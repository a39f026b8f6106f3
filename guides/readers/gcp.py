"""Cloud Run functions: from the stack `gcp` to what a guide says of each."""

import re
from collections.abc import Iterator, Sequence

from guides import facts
from guides.readers import gcp_names as names
from guides.readers import gcp_triggers as calls
from guides.readers.gcp_grants import Grant, grants
from guides.readers.gcp_retries import retries
from guides.readers.gcp_uses import Uses
from guides.readers.values import environment, known
from twin_runtime.roles import Cloud, Role
from twinspan.terraform.stackjson import Block, Blocks
from twinspan.topology import Topology

_ARGUMENTS = (
    *("//", "count", "depends_on", "name", "location", "description", "labels", "build_config"),
    "service_config",
)
_BUILD = ("runtime", "entry_point", "service_account", "source")
_SERVICE = (
    *("available_memory", "available_cpu", "timeout_seconds", "min_instance_count", "max_instance_count"),
    *("max_instance_request_concurrency", "ingress_settings", "service_account_email"),
    "environment_variables",
)
_MEMORY = re.compile(r"(\d+)(Mi|Gi)")


def functions(blocks: Blocks, topology: Topology) -> Iterator[facts.Function]:
    """The facts of every function of a stack. KeyError, with a sentence, when something is not known."""
    granted = grants(blocks)
    calls.check(blocks, granted)
    for block in blocks.of(names.FUNCTION):
        yield _function(block, blocks, granted, topology)


def _function(block: Block, blocks: Blocks, granted: Sequence[Grant], topology: Topology) -> facts.Function:
    body, service = block.body, block.body["service_config"]
    known(body, _ARGUMENTS, of=block)
    known(body["build_config"], _BUILD, of=block)
    known(service, _SERVICE, of=block)
    role, layer = _role(block), blocks.layer(block)
    if layer is None:
        raise KeyError(f"{block.address} belongs to no layer")
    account = names.target(service["service_account_email"], names.ACCOUNT, of=block, blocks=blocks)
    held = tuple(grant for grant in granted if grant.to(account))
    started = calls.triggers(block, granted, blocks)
    uses = Uses(block, role, held, blocks, topology)
    optional = blocks.optional(block)
    uses.check()
    return facts.Function(
        role=role,
        cloud=Cloud.GCP,
        layer=layer,
        address=block.address,
        optional=optional,
        runtime=body["build_config"]["runtime"],
        memory_mb=_memory_mb(block),
        timeout_s=names.said(service, "timeout_seconds", of=block),
        limits=_limits(block),
        triggers=started,
        inputs=uses.inputs(),
        outputs=uses.outputs(),
        environment=environment(names.variables(block), blocks, names.NOUNS, optional=optional),
        permissions=tuple(grant.permission for grant in held),
        retries=retries(block, started, blocks),
        dead_letters=uses.dead_letters(),
    )


def _role(block: Block) -> Role:
    for role in Role:
        if role == (block.labels or {}).get("role"):
            return role
    raise KeyError(f"{block.address} has no role of a twin in its labels")


def _limits(block: Block) -> tuple[str, ...]:
    service = block.body["service_config"]
    least = service.get("min_instance_count", 0)
    most = names.said(service, "max_instance_count", of=block)
    at_a_time = names.said(service, "max_instance_request_concurrency", of=block)
    return (
        f"{names.said(service, 'available_cpu', of=block)} CPU",
        f"{_some(at_a_time, 'request')} at a time in an instance",
        f"at most {_some(most, 'instance')}",
        f"at least {_some(least, 'instance')}" if least else "no instance while nothing calls",
        f"ingress {service['ingress_settings']}",
    )


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _memory_mb(block: Block) -> int:
    """`512Mi` or `1Gi` as a number."""
    told = names.said(block.body["service_config"], "available_memory", of=block)
    if not (match := _MEMORY.fullmatch(told)):
        raise KeyError(f"{block.address} has {told!r} of memory, in a unit that is not known")
    return int(match[1]) * (1024 if match[2] == "Gi" else 1)
