"""The Google Cloud stack alone, of every layout that has one: no other cloud's code takes part."""

import json
import tempfile
from functools import cache
from pathlib import Path

from stacks.gcp import GcpStack
from support.layouts import LAYOUTS, Layout, twin_config
from support.terraform_json import Stack
from twin_runtime.roles import Cloud
from twinspan import packaging
from twinspan.config import Config
from twinspan.providers import App
from twinspan.twin import Twin

_AWS, _AZURE, _GCP = Cloud
TIERS = Layout(_GCP, _GCP, _GCP, _GCP, _GCP)
"""All tiers: cold_mover, lifecycle rules."""
COLD = Layout(_AZURE, _AZURE, _AWS, _GCP, _AZURE)
"""The cold tier alone: cold_writer, archive_mover."""
ARCHIVE = Layout(_AZURE, _AZURE, _AWS, _AWS, _GCP)
"""The archive alone: archive_writer."""
TWINS = Layout(_GCP, _GCP, _GCP, l4=_GCP)
"""The twin graph beside the hot store."""
REMOTE_TWINS = Layout(_AWS, _AWS, _AWS, l4=_GCP)
"""The twin graph of a twin whose hot store is elsewhere."""
DASHBOARDS = Layout(_GCP, _GCP, _GCP, l5=_GCP)
"""Grafana beside the hot store."""
REMOTE_DASHBOARDS = Layout(_AWS, _AWS, _AWS, l5=_GCP)
"""Grafana of a twin whose hot store is elsewhere."""
GCP_LAYOUTS = (
    *(layout for layout in LAYOUTS if Cloud.GCP in layout),
    *(TIERS, COLD, ARCHIVE, TWINS, REMOTE_TWINS, DASHBOARDS, REMOTE_DASHBOARDS),
)
ALL = Layout(Cloud.GCP, Cloud.GCP, Cloud.GCP)
"""One cloud: every link is local."""
FIRST = Layout(Cloud.GCP, Cloud.AWS, Cloud.AWS)
MIDDLE = Layout(Cloud.AWS, Cloud.GCP, Cloud.AWS)
LAST = Layout(Cloud.AWS, Cloud.AWS, Cloud.GCP)
"""One layer each: every link is remote."""


def stack_of(config: Config) -> Stack:
    """The Terraform JSON of the stack `gcp`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = App(outdir=str(folder / "out"))
        package = packaging.build(config, Cloud.GCP, folder)
        GcpStack(app, twin=Twin(config), package=package)
        app.synth()
        return json.loads((folder / "out/stacks/gcp/cdk.tf.json").read_text(encoding="utf-8"))


@cache
def gcp_stack(layout: Layout) -> Stack:
    """As `stack_of`, once per session. Not to be changed by a test."""
    return stack_of(twin_config(layout))
