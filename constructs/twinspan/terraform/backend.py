"""Where each stack keeps its Terraform state, and how `links` reads the other stacks' outputs from there."""

from typing import Any

from twinspan.config import Config
from twinspan.providers import (
    AzurermBackend,
    DataTerraformRemoteState,
    DataTerraformRemoteStateAzurerm,
    DataTerraformRemoteStateGcs,
    DataTerraformRemoteStateLocal,
    DataTerraformRemoteStateS3,
    GcsBackend,
    LocalBackend,
    NamedRemoteWorkspace,
    RemoteBackend,
    S3Backend,
    TerraformStack,
)

_CLASSES: dict[str, tuple[Any, Any]] = {
    "local": (LocalBackend, DataTerraformRemoteStateLocal),
    "s3": (S3Backend, DataTerraformRemoteStateS3),
    "azurerm": (AzurermBackend, DataTerraformRemoteStateAzurerm),
    "gcs": (GcsBackend, DataTerraformRemoteStateGcs),
    "remote": (RemoteBackend, DataTerraformRemoteState),
}


def output(expression: str, otherwise: str = "null") -> str:
    """An output of another stack, or `otherwise` (both are expressions) where it is gone.

    `destroy` evaluates every expression, too, after the other stack has been given another layout.
    """
    return f"try({expression}, {otherwise})"


class StateBackend:
    """The backend of twin.yaml, one state per stack."""

    def __init__(self, config: Config) -> None:
        self._twin = config.name
        self._backend = config.backend

    def attach(self, stack: TerraformStack, name: str) -> None:
        """Give a stack its backend."""
        backend, _ = _CLASSES[self._backend.type]
        arguments = self._arguments(name)
        lock_file = arguments.pop("use_lockfile", None)
        backend(stack, **arguments)
        if lock_file is not None:  # newer than the bindings
            stack.add_override("terraform.backend.s3.use_lockfile", lock_file)

    def read(self, stack: TerraformStack, name: str) -> str:
        """Let a stack read another's outputs: the expression to which `.<name>` is appended, for `output`."""
        _, remote_state = _CLASSES[self._backend.type]
        arguments = self._arguments(name)
        arguments.pop("use_lockfile", None)
        remote_state(stack, name, **arguments).override_logical_id(name)
        return f"data.terraform_remote_state.{name}.outputs"

    def _arguments(self, name: str) -> dict[str, Any]:
        arguments = self._backend.arguments(twin=self._twin, stack=name)
        if self._backend.type == "remote":
            arguments["workspaces"] = NamedRemoteWorkspace(arguments["workspaces"]["name"])
        return arguments
