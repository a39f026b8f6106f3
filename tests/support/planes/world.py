"""Twins under real Terraform, in a world where every provider is a stand-in."""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_cloud import terraform
from local_cloud.errors import MissingProgram
from local_cloud.terraform import TerraformFailed
from support.planes.bindings import PACKAGES, schemas
from support.planes.control import Call, ControlPlane, Failure, Leaves
from support.planes.kinds import kind_of
from support.planes.provider import Provider
from support.planes.schema import Block
from support.servers import missing
from support.terraform_json import Stack

_SOURCES = {"azapi": "azure/azapi"}
_WORKERS = 16


class World:
    """A folder in which the stacks of a twin have their state, and the clouds that hold what they make.

    `with world(tmp_path) as world:` ends its servers. Stacks are JSON, as `support.synth.stacks` gives them;
    each is known by its name, and `links` reads the states of the others.
    """

    def __init__(self, folder: Path, workers: ThreadPoolExecutor) -> None:
        self.control = ControlPlane()
        self._folder, self._workers = folder, workers
        self._blocks: dict[str, dict[str, Block]] = {}
        self._providers: dict[str, Provider] = {}
        self._config = folder / "terraform.rc"
        self._config.write_text(terraform.command_line_config({}))

    def apply(self, name: str, stack: Stack, **variables: object) -> str:
        """Apply the stack; what Terraform said. Raises `TerraformFailed`."""
        return self._run(name, stack, "apply", "-input=false", "-auto-approve", variables=variables)

    def destroy(self, name: str, stack: Stack, **variables: object) -> str:
        """Destroy what the stack has made. Raises `TerraformFailed`."""
        return self._run(name, stack, "destroy", "-input=false", "-auto-approve", variables=variables)

    def plan(self, name: str, stack: Stack, **variables: object) -> dict[str, Any]:
        """The plan as JSON (`terraform show -json`). Raises `TerraformFailed`."""
        self._plan(name, stack, variables)
        return json.loads(self._terraform(name, "show", "-json", "planned"))

    def _plan(self, name: str, stack: Stack, variables: Mapping[str, object]) -> str:
        return self._run(name, stack, "plan", "-input=false", "-out=planned", variables=variables)

    def changes(self, name: str, stack: Stack, **variables: object) -> dict[str, tuple[str, ...]]:
        """The actions of a plan by address, such as `("delete", "create")`; empty when it changes nothing."""
        if "\nNo changes. " in self._plan(name, stack, variables):
            return {}  # and no second program, to read as JSON what it says
        found = json.loads(self._terraform(name, "show", "-json", "planned")).get("resource_changes", ())
        actions = {one["address"]: tuple(one["change"]["actions"]) for one in found}
        return {address: one for address, one in actions.items() if one not in (("no-op",), ("read",))}

    def objects(self, type_: str) -> list[dict[str, Any]]:
        """What the clouds hold of a type, with all its values."""
        return self.control.objects(type_)

    def dangling(self) -> list[str]:
        """Arguments that name what the clouds do not hold: `type id, path: text`."""
        return self.control.dangling()

    @property
    def log(self) -> list[Call]:
        """All calls so far that create, update or delete, in order."""
        return self.control.log

    def fail(
        self, type_: str, name: str | None = None, *, leaves: Leaves = "nothing", times: int = 1
    ) -> None:
        """Let the next `times` creations or updates of a type fail, or of those with `name` in their name.

        `leaves` is what the cloud has all the same: nothing, the object, or the object with a tainted
        state in Terraform.
        """
        self.control.failures.append(Failure(type_, name, leaves, times))

    def close(self) -> None:
        """End the servers."""
        for over in [provider.close() for provider in self._providers.values()]:
            over.wait()

    def _run(self, name: str, stack: Stack, *arguments: str, variables: Mapping[str, object]) -> str:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        self.learn(stack)
        (folder / "cdk.tf.json").write_text(json.dumps(self._moved_in(stack), indent=1), "utf-8")
        declared = stack.get("variable", {})
        given = [f"-var={key}={json.dumps(value)}" for key, value in variables.items() if key in declared]
        return self._terraform(name, *arguments, *given)

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which Terraform finds the providers of all stacks so far."""
        attached = {
            _SOURCES.get(provider.name, f"hashicorp/{provider.name}"): {
                "Protocol": "grpc",
                "ProtocolVersion": 6,
                "Pid": os.getpid(),
                "Test": True,
                "Addr": {"Network": "tcp", "String": f"127.0.0.1:{provider.port}"},
            }
            for provider in self._providers.values()
        }
        return {"TF_REATTACH_PROVIDERS": json.dumps(attached)}

    def _terraform(self, name: str, *arguments: str) -> str:
        try:
            return terraform.run(
                self._folder / name, *arguments, config=self._config, environment=self.environment
            )
        except TerraformFailed as failed:
            _, _, errors = str(failed).partition("\nError: ")  # after the whole plan
            raise TerraformFailed(f"{name}: {errors or failed}") from None

    def learn(self, stack: Stack) -> None:
        """Start the providers of a stack, with the schemas of its types beside those of earlier stacks."""
        types = [*stack.get("resource", {}), *(f"data.{type_}" for type_ in stack.get("data", {}))]
        for source in stack["terraform"]["required_providers"].values():
            name = source["source"].rpartition("/")[2]
            blocks = self._blocks.setdefault(name, {})
            own = [one for one in types if one.removeprefix("data.").partition("_")[0] == name]
            wanted = {one for one in (*own, name) if one not in blocks}
            found: Mapping[str, Block | None] = (
                schemas(name, wanted) if name in PACKAGES else dict.fromkeys(wanted)
            )
            for one, block in found.items():
                assert block or one == name or kind_of(one).schema, f"kinds.toml has no schema of {one}"
                blocks[one] = kind_of(one).block(block)
            if name not in self._providers:
                self._providers[name] = Provider(
                    name, schemas=lambda blocks=blocks: blocks, control=self.control, workers=self._workers
                )

    def _moved_in(self, stack: Stack) -> Stack:
        """The stack with its state in this world, and the states that it reads."""
        made = {**stack, "terraform": {**stack["terraform"]}}
        made["terraform"].pop("backend", None)
        made["terraform"]["required_providers"] = {
            name: {"source": block["source"]}
            for name, block in made["terraform"]["required_providers"].items()
        }
        if remote := stack.get("data", {}).get("terraform_remote_state"):
            states = {
                name: {**body, "config": {"path": str(self._folder / name / "terraform.tfstate")}}
                for name, body in remote.items()
            }
            made["data"] = {**stack["data"], "terraform_remote_state": states}
        return made


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A new world; skips the test where Terraform is not there."""
    try:
        terraform.binary()
    except MissingProgram as error:
        missing(str(error))
    with ThreadPoolExecutor(_WORKERS) as workers:
        made = World(folder, workers)
        try:
            yield made
        finally:
            made.close()


__all__ = ["TerraformFailed", "World", "world"]
