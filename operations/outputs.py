"""The outputs of each cloud's stack, from a file or from Terraform."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from operations import jsonfile
from operations.errors import OperationError, UsageError

CLOUDS = ("aws", "azure", "gcp")
_TIMEOUT_S = 120

Outputs = Mapping[str, Any]
"""The outputs of each stack by name, as `terraform output -json` prints them, or their values alone."""


def read(file: Path | None, folder: Path) -> Outputs:
    """Return the outputs in `file`, or else those of the stacks in `<folder>/stacks`, from Terraform.

    Raises `UsageError` and `OperationError`.
    """
    if file:
        return jsonfile.read("--outputs", file)
    stacks = [folder / "stacks" / cloud for cloud in CLOUDS]
    present = [stack for stack in stacks if (stack / "cdk.tf.json").exists()]
    if not present:
        raise UsageError(f"{folder} contains no stacks: run make synth and deploy, or pass --outputs.")
    binary = shutil.which("terraform")
    if binary is None:
        raise UsageError("terraform is not on PATH: install it, or pass --outputs.")
    return {stack.name: of_stack(binary, stack) for stack in present}


def entries(
    outputs: Outputs, name: str, fields: Sequence[str]
) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield the cloud, the key and the text fields of each entry that is not null in the output `name`.

    Raises `UsageError` if a stack lacks the output, if an entry lacks a field, or if there is no stack.
    """
    stacks = [(cloud, outputs[cloud]) for cloud in CLOUDS if cloud in outputs]
    if not stacks:
        raise UsageError(f"The outputs contain no stack of {', '.join(CLOUDS)}: deploy the twin first.")
    for cloud, stack in stacks:
        found = value(stack.get(name)) if isinstance(stack, Mapping) else None
        if not isinstance(found, Mapping):
            raise UsageError(
                f"The stack {cloud} has no output {name}: synthesize and deploy it with this version."
            )
        for key, entry in found.items():
            if entry is None:
                continue
            if not isinstance(entry, Mapping) or not all(isinstance(entry.get(each), str) for each in fields):
                raise unknown_entry(name, cloud, key)
            yield cloud, key, entry


def unknown_entry(name: str, cloud: str, key: str) -> UsageError:
    """Return the error for an entry that another version wrote."""
    return UsageError(
        f"This version does not know the entry {key} in the output {name} of {cloud}: "
        "synthesize and deploy the twin with this version."
    )


def of_stack(binary: str, stack: Path) -> Any:
    """Return the outputs of the stack in a folder, from Terraform; raises `OperationError`."""
    done = subprocess.run(  # noqa: S603 - a program of the operator's own
        [binary, "output", "-json", "-no-color"],
        cwd=stack,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        said = " ".join(word for word in done.stderr.split() if word.strip("│╷╵"))[:300]
        raise OperationError(
            f"terraform output failed in {stack}: {said} Deploy the stack, or run terraform init there."
        )
    return json.loads(done.stdout)


def value(output: Any) -> Any:
    """Return the value of an output, of which Terraform prints its type too."""
    if isinstance(output, Mapping) and "value" in output and "sensitive" in output:
        return output["value"]
    return output
