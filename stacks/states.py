"""Where the Terraform state of each stack is; local states for this user alone.

Terraform state contains keys in plain text. Terraform creates a local state with mode 0644, keeps the mode of
a file that exists, and takes an empty file for no state.
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinspan.config import Config
from twinspan.topology import Topology
from twinspan.twinfile import short

_PRIVATE = 0o600
_FIELDS = {
    "local": ("path",),
    "s3": ("bucket", "key"),
    "azurerm": ("storage_account_name", "container_name", "key"),
    "gcs": ("bucket", "prefix"),
    "remote": ("hostname", "organization", "workspaces"),
}
"""The arguments of each kind of backend that say which state it is."""


@dataclass(frozen=True)
class Place:
    """Where a state is. `file` is the path of a local one."""

    kind: str
    parts: tuple[str, ...]
    file: Path | None = None

    def __str__(self) -> str:
        if self.file:
            return str(short(self.file))
        return f"{self.kind} {'/'.join(part for part in self.parts if part)}"


@dataclass(frozen=True)
class LocalState:
    """What a local state says: the number of its resources, and the twin whose stack it is, if it says so."""

    resources: int
    twin: str | None


def place(config: Config, stack: str, out: Path) -> Place:
    """Return where twin.yaml puts the state of a stack; `out` is the folder of the stacks."""
    arguments = config.backend.arguments(twin=config.name, stack=stack)
    return _place(config.backend.type, arguments, folder(out, stack))


def recorded(out: Path, stack: str) -> Place | None:
    """Return the place that `terraform init` recorded in the stack's folder, None without a record."""
    where = folder(out, stack)
    try:
        document = json.loads((where / ".terraform" / "terraform.tfstate").read_bytes())
    except FileNotFoundError:
        return None
    backend = document.get("backend")
    return _place(backend["type"], backend["config"], where) if backend else None


def folder(out: Path, stack: str) -> Path:
    """Return the folder of a stack."""
    return out / "stacks" / stack


def local_state(file: Path) -> LocalState | None:
    """Read a local state; None where there is none. Raises ValueError if the file is not a state."""
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return None
    if not text.strip():
        return None
    state = json.loads(text)
    try:
        managed = [each for each in state.get("resources", ()) if each.get("mode") == "managed"]
        deployment = state.get("outputs", {}).get("deployment", {}).get("value", {})
        return LocalState(sum(len(each.get("instances", ())) for each in managed), deployment.get("twin"))
    except (AttributeError, TypeError) as error:
        raise ValueError("not a Terraform state") from error


def local_files(config: Config, stack: str, out: Path) -> list[Path]:
    """Return the local states of this stack under any twin's name, in the place that twin.yaml names."""
    mark = "\N{SUBSTITUTE}"
    arguments = config.backend.arguments(twin=mark, stack=stack)
    file = _place(config.backend.type, arguments, folder(out, stack)).file
    if file is None:
        return []
    pattern = glob.escape(str(file.relative_to(file.anchor))).replace(mark, "*")
    return sorted(Path(file.anchor).glob(pattern))


def make_private(config: Config, out: Path) -> Iterator[str]:
    """Give every local state of a twin, and its backup, mode 0600; yield a sentence for each that cannot be.

    A file that is not there yet is created empty, because Terraform would create it for everybody to read.
    """
    for stack in Topology.of(config).stacks:
        file = place(config, stack, out).file
        for each in (file, file.with_name(f"{file.name}.backup")) if file else ():
            try:
                _make_private(each)
            except OSError as error:
                yield (
                    f"{short(each)} cannot be made private ({error.strerror}); it will contain keys in plain "
                    "text: change its owner or its folder."
                )


def _make_private(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, _PRIVATE))
    if file.stat().st_mode & 0o777 != _PRIVATE:
        file.chmod(_PRIVATE)


def _place(kind: str, arguments: Mapping[str, Any], where: Path) -> Place:
    """The place of a backend's arguments, as twin.yaml or as Terraform's record has them."""
    parts = tuple(_text(arguments.get(name)) for name in _FIELDS.get(kind, sorted(arguments)))
    if kind == "remote":
        parts = (parts[0] or "app.terraform.io", *parts[1:])
    file = (where / (parts[0] or "terraform.tfstate")).resolve() if kind == "local" else None
    return Place(kind, (str(file),) if file else parts, file)


def _text(value: Any) -> str:
    if isinstance(value, list):  # the block of a workspace
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("name")
    return value or "" if isinstance(value, str | None) else str(value)
