"""Synthesizes a twin and summarizes it: what `python main.py` and `twinspan synth` do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from stacks import summary
from stacks.build import synthesize
from stacks.states import make_private
from twinspan.loading import quick
from twinspan.twin import Twin
from twinspan.twinfile import checked, record


def synth(path: Path, out: Path, early: quick.Early) -> dict[str, Any]:
    """Write the Terraform of a twin.yaml to `out`; return `summary.document`. Raises `ConfigErrors`."""
    config = checked(path, fetch=True)
    early.use(Twin(config).topology.clouds)
    synthesize(config, out, ready=early.wait)
    for warning in make_private(config, out):
        print(warning, file=sys.stderr)
    record(path, out=out)
    return summary.document(config, path, out)
