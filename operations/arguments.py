"""The options that every command takes, and the words that they are written in."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from operations import outputs
from operations.access import Access, endpoints_of
from operations.errors import UsageError
from operations.outputs import Outputs
from twin_runtime import jsontext, model, times
from twinspan import packaging
from twinspan.config import Config
from twinspan.twinfile import WrongTwin, checked, same_twin_file

_AGE = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence; raises `UsageError`."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}; {self.prog} --help lists what there is.")


def add_common(command: argparse.ArgumentParser) -> None:
    """Which twin it is, where its outputs are and how its clouds are reached."""
    command.add_argument("--twin", metavar="FILE", help="in place of TWIN, ./twin.yaml or the example")
    command.add_argument(
        "--out",
        type=Path,
        default=Path(os.environ.get("CDKTF_OUTDIR") or "cdktf.out"),
        help="folder of the stacks, whose outputs Terraform is asked for",
    )
    command.add_argument("--outputs", type=Path, metavar="FILE", help="the outputs of each stack, as JSON")
    command.add_argument("--endpoints", type=Path, metavar="FILE", help="local servers in place of clouds")


@dataclass(frozen=True)
class Deployed:
    """A deployed twin, by its configuration and what its stacks say."""

    config: Config
    outputs: Outputs
    access: Access

    @cached_property
    def twin(self) -> model.Twin:
        """The twin as its functions know it."""
        text = json.dumps(packaging.manifest(self.config))
        return model.parse(jsontext.loads(text, max_bytes=model.MAX_BYTES))


def deployed(given: argparse.Namespace, root: Path, environ: Mapping[str, str] | None = None) -> Deployed:
    """The twin that the common options name; raises `UsageError`, `ConfigErrors` and `OperationError`."""
    known = os.environ if environ is None else environ
    try:
        path = Path(given.twin) if given.twin else same_twin_file(known, root=root, out=given.out)
    except WrongTwin as error:
        raise UsageError(str(error)) from None
    config = checked(path)
    found = outputs.read(given.outputs, given.out)
    aws = config.clouds.aws
    endpoints: Mapping[str, Any] = endpoints_of(given.endpoints) if given.endpoints else {}
    return Deployed(config, found, Access(region=aws.region if aws else None, endpoints=endpoints))


def moment(name: str, text: str | None, now: float) -> float | None:
    """Unix seconds of RFC 3339 text, or of an age such as `2h`; raises `UsageError`."""
    return None if text is None else times.to_epoch(fixed(name, text, now))


def fixed(name: str, text: str, now: float) -> str:
    """The same in the fixed-width form of `twin_runtime.times`."""
    if match := _AGE.fullmatch(text):
        return times.from_epoch(now - int(match[1]) * _SECONDS[match[2]])
    try:
        return times.normalise(text)
    except ValueError:
        raise UsageError(
            f"--{name} {text!r} must be a time such as 2026-01-31T12:00:00Z, or an age such as 2h or 3d."
        ) from None
