"""Where dead letters are: the output `dead_letters` of each cloud's stack."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replay.errors import ReplayError, UsageError

OUTPUT = "dead_letters"
CLOUDS = ("aws", "azure", "gcp")
KINDS = ("queue", "dispatcher", "store", "devices")
_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Place:
    """The dead letters of one hop in one cloud.

    `kind` says what takes them again: a `queue` of events, the `dispatcher` in front of the queue `target`,
    the hot `store`, the way to the `devices`. `fleet_secret` is Google Cloud's, where devices sign.
    """

    cloud: str
    hop: str
    kind: str
    letters: str
    target: str
    fleet_secret: str = ""


def of_outputs(outputs: Mapping[str, Any]) -> list[Place]:
    """The places in the outputs of the stacks by name, each as `terraform output -json` writes it or bare.

    Raises `UsageError`. A hop that is null belongs to an event system that is off.
    """
    places = []
    for cloud in CLOUDS:
        stack = outputs.get(cloud)
        if stack is None:
            continue
        hops = _value(stack.get(OUTPUT)) if isinstance(stack, Mapping) else None
        if not isinstance(hops, Mapping):
            raise UsageError(
                f"The stack {cloud} has no output {OUTPUT}: synthesize and deploy it with this version."
            )
        places += [_place(cloud, hop, fields) for hop, fields in hops.items() if fields is not None]
    if not places:
        raise UsageError(f"No stack of {', '.join(CLOUDS)} is in the outputs: deploy the twin first.")
    return places


def of_file(path: Path) -> list[Place]:
    """The places in a file with the outputs of each stack: `{"aws": <terraform output -json>, …}`."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--outputs {path} is no readable JSON file ({type(error).__name__}).") from None
    if not isinstance(document, dict):
        raise UsageError(f'--outputs {path} must be an object by stack: {{"aws": <terraform output -json>}}.')
    return of_outputs(document)


def of_stacks(folder: Path) -> list[Place]:
    """The places that Terraform knows of the stacks in `<folder>/stacks`."""
    stacks = [folder / "stacks" / cloud for cloud in CLOUDS]
    present = [stack for stack in stacks if (stack / "cdk.tf.json").exists()]
    if not present:
        raise UsageError(f"{folder} holds no stacks: run make synth and deploy, or name a file by --outputs.")
    binary = shutil.which("terraform")
    if binary is None:
        raise UsageError("terraform is not on PATH: install it, or name a file by --outputs.")
    return of_outputs({stack.name: _terraform_output(binary, stack) for stack in present})


def chosen(places: list[Place], hop: str | None, cloud: str | None) -> list[Place]:
    """Those of a hop and a cloud; raises `UsageError` with the names that there are."""
    found = [p for p in places if hop in (None, p.hop) and cloud in (None, p.cloud)]
    if not found:
        names = ", ".join(sorted({f"{place.hop} ({place.cloud})" for place in places}))
        raise UsageError(f"There is no hop {hop or ''}{f' in {cloud}' if cloud else ''}; there are {names}.")
    return found


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
        raise ReplayError(
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


def _place(cloud: str, hop: str, fields: Any) -> Place:
    names = ("kind", "letters", "target")
    good = isinstance(fields, Mapping) and all(isinstance(fields.get(name), str) for name in names)
    if not good or fields["kind"] not in KINDS:
        raise UsageError(
            f"The hop {hop} of the output {OUTPUT} of {cloud} is not one that this version knows."
        )
    return Place(
        cloud, hop, *(fields[name] for name in names), fleet_secret=str(fields.get("fleet_secret") or "")
    )
