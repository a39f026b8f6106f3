"""The AWS stack, applied to MiniStack by real Terraform with the real provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from local_cloud import standins, terraform
from local_cloud.aws import managed_grafana, packages, queues
from local_cloud.aws.server import ROOT_KEY, MiniStack

ACCOUNT = "000000000000"
_API_KEY = "aws_api_gateway_api_key"
_LIFECYCLE = "aws_s3_bucket_lifecycle_configuration"
PARALLEL = "-parallelism=30"
_ELSEWHERE = ("aws_cloudformation_stack", "aws_lambda_invocation")
"""What is left out: MiniStack knows nothing of TwinMaker, whose workspace is a stack of CloudFormation's (the
stand-in reads its template, see `twinmaker`); and its entities are made by runs of twin_sync.
"""


def apply(
    stack: Mapping[str, Any],
    variables: Mapping[str, object],
    *,
    server: MiniStack,
    clients: Callable[[str], Any],
    folder: Path,
    source: Path,
    adopt: bool = True,
    grafana: str = "",
) -> standins.Evaluated:
    """Apply a scratch copy of the stack in `folder`; `source` has the stack's assets, `clients` gives the
    boto3 client of a service. The copy is `stack` in all but:

    - the provider: its version is the one that is there, its endpoint is MiniStack's;
    - a value for each API key: AWS makes one up, MiniStack refuses a key without;
    - without what is `_ELSEWHERE`;
    - Managed Grafana, which MiniStack has not either: its stand-in is at `grafana`, host and port;
    - with `adopt`, `import` blocks for the queues (see `queues`), functions whose code is in a bucket (see
      `packages`), and no lifecycle rules for the tiers: the provider watches new ones for a minute, and
      MiniStack never acts on them.
    """
    copy = for_server(stack, server, grafana=grafana)
    if adopt:
        uploaded = packages.upload(copy, source, s3=clients("s3"), region=server.region)
        kept = {kind: named for kind, named in copy["resource"].items() if kind != _LIFECYCLE}
        copy["resource"] = {**kept, **uploaded}
        copy["import"] = queues.adopt(
            stack,
            variables,
            sqs=clients("sqs"),
            url=server.url,
            account=ACCOUNT,
            region=server.region,
            folder=folder / "queues",
        )
    made = workspace(folder)
    made.write(copy, source / "assets")
    return standins.evaluated(made.apply(variables, PARALLEL))


def again(variables: Mapping[str, object], folder: Path) -> standins.Evaluated:
    """Apply the same copy once more, with other variables."""
    return standins.evaluated(workspace(folder).apply(variables, PARALLEL))


def workspace(folder: Path) -> terraform.Workspace:
    """Without a mirror, Terraform fetches the provider that the stack asks for."""
    providers = terraform.find_providers()
    return terraform.Workspace(folder, {"aws": providers["aws"]} if "aws" in providers else {})


def for_server(stack: Mapping[str, Any], server: MiniStack, *, grafana: str = "") -> dict[str, Any]:
    """The stack as MiniStack takes it; the same for the same stack and server."""
    providers = terraform.find_providers()
    computed = managed_grafana.Computed(grafana, server.region)
    copy = standins.rewrite(stack, computed, real=("aws",), but=managed_grafana.TYPES)
    copy["terraform"] = {**copy["terraform"]}
    copy["terraform"].pop("backend", None)
    if "aws" in providers:
        terraform.required_providers(copy)["aws"]["version"] = providers["aws"][0]
    copy["provider"] = {"aws": [{**block, **_provider(server)} for block in stack["provider"]["aws"]]}
    held = copy.pop("resource", {})
    kept = {kind: named for kind, named in held.items() if kind not in _ELSEWHERE}
    if keys := kept.get(_API_KEY):
        kept[_API_KEY] = {
            name: {**body, "value": _api_key(server, name) + _each(body)} for name, body in keys.items()
        }
    if kept:  # Terraform refuses an empty one
        copy["resource"] = kept
    return copy


def _api_key(server: MiniStack, name: str) -> str:
    return sha256(f"{server.url} {name}".encode()).hexdigest()[:40]


def _each(body: Mapping[str, Any]) -> str:
    return "${each.key}" if "for_each" in body else ""


def _provider(server: MiniStack) -> dict[str, Any]:
    return {
        "access_key": ROOT_KEY,
        "secret_key": ROOT_KEY,
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_region_validation": True,
        "skip_requesting_account_id": True,
        "allowed_account_ids": None,  # MiniStack has one account of its own
        "max_retries": 2,
        "s3_use_path_style": True,
        "custom_ca_bundle": str(server.ca_file),
        "shared_config_files": [str(server.config_file)],
    }
