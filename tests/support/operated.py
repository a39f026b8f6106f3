"""A twin that the command `twinspan` plans, deploys and destroys, in a folder of its own.

Terraform is real. Azure and Google Cloud are a world of `support.planes`; AWS is MiniStack, where one is
given.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from command.app import main
from command.plan import contents, planning, synthesis
from command.session import Session
from local_cloud import terraform
from local_cloud.aws import apply
from local_cloud.aws.cloud import LocalAws
from support.layouts import EXAMPLES
from support.planes import World
from support.terraform_json import Stack

_PROVIDERS = ("google", "azurerm", "azapi", "random", "time")


class Ran(NamedTuple):
    """How a command ended: its exit status, and what it said."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Of `--json`."""
        return json.loads(self.out)


class Operated:
    """`folder` has the twin.yaml and the output folder. The command runs in this process."""

    def __init__(
        self, folder: Path, world: World, patch: pytest.MonkeyPatch, aws: LocalAws | None = None
    ) -> None:
        self.folder = folder
        self.out = folder / "cdktf.out"
        self.file = folder / "twin.yaml"
        self._world, self._aws = world, aws
        shutil.copytree(EXAMPLES / "processors", folder / "processors")
        config = folder / "terraform.rc"
        found = terraform.find_providers() if aws else {}
        config.write_text(terraform.command_line_config({k: v for k, v in found.items() if k == "aws"}))
        patch.setenv("TF_CLI_CONFIG_FILE", str(config))
        patch.setenv("CDKTF_OUTDIR", str(self.out))
        for name in [name for name in os.environ if name.startswith(("AWS_", "ARM_", "GOOGLE_"))]:
            patch.delenv(name)
        for name, value in (aws.operator_environment() if aws else {}).items():
            patch.setenv(name, value)
        started = {name: {"source": f"hashicorp/{name}"} for name in _PROVIDERS}
        world.learn({"terraform": {"required_providers": started}})
        patch.setenv("TF_REATTACH_PROVIDERS", world.environment["TF_REATTACH_PROVIDERS"])
        of_aws = {kind: each for kind, each in contents.READERS.items() if kind.startswith("aws_")}
        patch.setattr(contents, "READERS", of_aws)  # a world has nothing that a client could ask
        patch.setattr(planning, "synthesize", self._synthesize)

    def write(self, data: Mapping[str, Any]) -> None:
        """Write the twin.yaml."""
        self.file.write_text(json.dumps(data), "utf-8")  # which is YAML

    def run(self, *arguments: str) -> Ran:
        """Run the command."""
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = main(["--twin", str(self.file), *arguments])
        return Ran(status, out.getvalue(), err.getvalue())

    def deploy(self, *options: str) -> Ran:
        """Plan and deploy; the plan must not be refused."""
        planned = self.run("plan", *options)
        assert planned.status == 0, planned
        deployed = self.run("deploy")
        assert deployed.status == 0, deployed
        return deployed

    def stack(self, name: str) -> Stack:
        return json.loads((self.out / "stacks" / name / "cdk.tf.json").read_text("utf-8"))

    def state(self, name: str) -> dict[str, Any]:
        """Terraform's state of a stack of the twin `factory`, in its local file."""
        return json.loads((self.folder / f"terraform.factory.{name}.tfstate").read_text("utf-8"))

    def _synthesize(self, session: Session, *, left_links: bool = False) -> None:
        synthesis.synthesize(session, left_links=left_links)
        for path in sorted(self.out.glob("stacks/*/cdk.tf.json")):
            path.write_text(json.dumps(self._for_here(terraform.read_stack(path.parent)), indent=1), "utf-8")

    def _for_here(self, stack: Stack) -> Stack:
        """The stack with the providers that are here."""
        required = stack["terraform"]["required_providers"]
        theirs = {name: block for name, block in required.items() if name != "aws"}
        made = {**stack}
        self._world.learn(_only(stack, theirs))
        if "aws" in required:
            assert self._aws, "the twin needs MiniStack"
            ours = apply.for_server(_only(stack, {"aws": required["aws"]}), self._aws.server)
            required = {**required, **ours["terraform"]["required_providers"]}
            made["provider"] = {**stack["provider"], **ours["provider"]}
            made["resource"] = {**stack["resource"], **ours["resource"]}
        made["terraform"] = {**stack["terraform"], "required_providers": required}
        return made


def _only(stack: Stack, providers: Mapping[str, Any]) -> Stack:
    """The part of a stack that some providers make."""
    ours = {block["source"].rpartition("/")[2] for block in providers.values()}

    def of(section: str) -> dict[str, Any]:
        found = stack.get(section, {})
        return {kind: each for kind, each in found.items() if kind.partition("_")[0] in ours}

    return {
        **stack,
        "terraform": {"required_providers": dict(providers)},
        "provider": of("provider"),
        "resource": of("resource"),
        "data": of("data"),
    }
