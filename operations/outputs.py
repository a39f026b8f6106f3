"""The outputs of each cloud's stack, from a file or from Terraform."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from operations.errors import OperationError, UsageError

CLOUDS = ("aws", "azure", "gcp")
_TIMEOUT_S = 120

Outputs = Mapping[str, Any]
"""The outputs of the stacks by name, each as `terraform output -json` writes them or bare."""


def read(file: Path | None, folder: Path) -> Outputs:
    """Those in `file`, else what Terraform knows of the stacks in `<folder>/stacks`. Raises `UsageError` and
    `OperationError`.
    """
    return of_file(file) if file else of_stacks(folder)


def of_file(path: Path) -> Outputs:
    """The content of a file: `{"aws": <terraform output -json>, …}`."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--outputs {path} is no readable JSON file ({type(error).__name__}).") from None
    if not isinstance(document, dict):
        raise UsageError(f'--outputs {path} must be an object by stack: {{"aws": <terraform output -json>}}.')
    return document


def of_stacks(folder: Path) -> Outputs:
    """What Terraform knows of the stacks in `<folder>/stacks`."""
    stacks = [folder / "stacks" / cloud for cloud in CLOUDS]
    present = [stack for stack in stacks if (stack / "cdk.tf.json").exists()]
    if not present:
        raise UsageError(f"{folder} holds no stacks: run make synth and deploy, or name a file by --outputs.")
    binary = shutil.which("terraform")
    if binary is None:
        raise UsageError("terraform is not on PATH: install it, or name a file by --outputs.")
    return {stack.name: _terraform_output(binary, stack) for stack in present}


def named(outputs: Outputs, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The output of that name of each cloud's stack, an object each. Raises `UsageError` where a stack has
    none, or where there is no stack.
    """
    found = False
    for cloud in CLOUDS:
        stack = outputs.get(cloud)
        if stack is None:
            continue
        value = _value(stack.get(name)) if isinstance(stack, Mapping) else None
        if not isinstance(value, Mapping):
            raise UsageError(
                f"The stack {cloud} has no output {name}: synthesize and deploy it with this version."
            )
        found = True
        yield cloud, value
    if not found:
        raise UsageError(f"No stack of {', '.join(CLOUDS)} is in the outputs: deploy the twin first.")


def _terraform_output(binary: str, stack: Path) -> Any:
    done = subprocess.run(  # noqa: S603 - a program of the operator's own
        [binary, "output", "-json"],
        cwd=stack,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        said = " ".join(_words(done.stderr))[:300]
        raise OperationError(
            f"terraform output failed in {stack}: {said} Deploy the stack, or run terraform init there."
        )
    return json.loads(done.stdout)


def _words(text: str) -> Iterator[str]:
    """Terraform's message without its frame."""
    return (word for word in text.split() if word.strip("│╷╵"))


def _value(output: Any) -> Any:
    if isinstance(output, Mapping) and "value" in output and "sensitive" in output:
        return output["value"]
    return output
