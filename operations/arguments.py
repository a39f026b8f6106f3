"""The options of every command, and the values that they take."""

from __future__ import annotations

import argparse
import json
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from operations import outputs
from operations.access import Access, endpoints_of
from operations.errors import UsageError
from operations.outputs import Outputs
from twin_runtime import jsontext, model, times
from twinspan import packaging
from twinspan.config import Config
from twinspan.twinfile import WrongTwin, checked, output_folder, same_twin_file

_AGE = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` with one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}. See {self.prog} --help.")


def add_common(command: argparse.ArgumentParser) -> None:
    """Add the options that select the twin, its outputs and its clouds."""
    command.add_argument(
        "--twin", metavar="FILE", help="the twin's file (default: $TWIN, ./twin.yaml, or the example)"
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        default=output_folder(os.environ),
        help="folder of the stacks, whose outputs Terraform reads (default: $CDKTF_OUTDIR, or cdktf.out)",
    )
    command.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="JSON file with the outputs of each stack, in place of Terraform",
    )
    command.add_argument(
        "--endpoints",
        type=Path,
        metavar="FILE",
        help="JSON file with the endpoints of emulators, in place of clouds",
    )


@dataclass(frozen=True)
class Deployed:
    """A deployed twin: its configuration, the outputs of its stacks, and the access to its clouds."""

    config: Config
    outputs: Outputs
    access: Access

    @cached_property
    def twin(self) -> model.Twin:
        """The twin as its functions read it."""
        text = json.dumps(packaging.manifest(self.config))
        return model.parse(jsontext.loads(text, max_bytes=model.MAX_BYTES))


def deployed(given: argparse.Namespace, root: Path) -> Deployed:
    """Return the twin of the common options; raises `UsageError`, `ConfigErrors` and `OperationError`."""
    try:
        path = Path(given.twin) if given.twin else same_twin_file(os.environ, root=root, out=given.out)
    except WrongTwin as error:
        raise UsageError(str(error)) from None
    config = checked(path)
    found = outputs.read(given.outputs, given.out)
    aws = config.clouds.aws
    endpoints = endpoints_of(given.endpoints) if given.endpoints else {}
    return Deployed(config, found, Access(region=aws.region if aws else None, endpoints=endpoints))


def timestamp(option: str, text: str, now: float) -> str:
    """Return RFC 3339 text, or an age such as `2h`, in the fixed-width form of `twin_runtime.times`.

    Raises `UsageError`.
    """
    if match := _AGE.fullmatch(text):
        return times.from_epoch(now - int(match[1]) * _SECONDS[match[2]])
    try:
        return times.normalise(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} must be a time such as 2026-01-31T12:00:00Z, or an age such as 2h or 3d."
        ) from None
