"""A deployed twin, as an operator's commands need it, and the times that they take."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from operations import outputs
from operations.access import Access, endpoints_of
from operations.errors import UsageError
from operations.outputs import Outputs
from twin_runtime import jsontext, model, times
from twinspan import packaging
from twinspan.config import Config

_AGE = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


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


def deployed(
    config: Config, out: Path, *, outputs_file: Path | None = None, endpoints: Path | None = None
) -> Deployed:
    """Return the twin whose stacks are in `out`; raises `UsageError` and `OperationError`.

    `outputs_file` replaces Terraform, `endpoints` names emulators in place of clouds.
    """
    found = outputs.read(outputs_file, out)
    aws = config.clouds.aws
    reached = endpoints_of(endpoints) if endpoints else {}
    return Deployed(config, found, Access(region=aws.region if aws else None, endpoints=reached))


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
