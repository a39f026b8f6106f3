"""Stacks as JSON, synthesized in this process: all tests share one jsii kernel."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from support.layouts import Layout, twin_config
from twinspan import synthesis
from twinspan.config import Config

Stack = dict[str, Any]


def stacks_of(config: Config) -> dict[str, Stack]:
    """Every stack of a twin, by name."""
    with tempfile.TemporaryDirectory() as folder:
        synthesis.synthesize(config, Path(folder))
        return {
            path.parent.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(Path(folder).glob("stacks/*/cdk.tf.json"))
        }


@cache
def stacks(layout: Layout, *, events: bool = True, read_api: bool = True) -> dict[str, Stack]:
    """The stacks of a layout, synthesized once per session. Not to be changed by a test."""
    return stacks_of(twin_config(layout, events=events, read_api=read_api))
