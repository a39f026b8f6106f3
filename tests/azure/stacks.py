"""The Azure stack alone, of every layout that has one: no other cloud's code takes part."""

import json
import tempfile
from functools import cache
from pathlib import Path

from stacks.azure import AzureStack
from support.layouts import LAYOUTS, Layout, twin_config
from support.terraform_json import Stack, environment
from twin_runtime.roles import Cloud
from twinspan import packaging
from twinspan.config import Config
from twinspan.providers import App
from twinspan.twin import Twin

_AWS, _AZURE, _GCP = Cloud
TIERS = Layout(_AZURE, _AZURE, _AZURE, _AZURE, _AZURE)
"""All tiers: cold_mover, lifecycle rules."""
COLD = Layout(_AWS, _AWS, _GCP, _AZURE, _AWS)
"""The cold tier alone: cold_writer, archive_mover."""
ARCHIVE = Layout(_AWS, _AWS, _GCP, _GCP, _AZURE)
"""The archive alone: archive_writer."""
REMOTE_COLD = Layout(_AWS, _AWS, _AZURE, _AWS)
"""The hot store of a twin whose cold tier is elsewhere: two readers of one link's secret."""
TWINS = Layout(_AZURE, _AZURE, _AZURE, l4=_AZURE)
"""The twin graph beside the hot store."""
REMOTE_TWINS = Layout(_AWS, _AWS, _AWS, l4=_AZURE)
"""The twin graph of a twin whose hot store is elsewhere."""
DASHBOARDS = Layout(_AZURE, _AZURE, _AZURE, l5=_AZURE)
"""Grafana beside the hot store."""
REMOTE_DASHBOARDS = Layout(_AWS, _AWS, _AWS, l5=_AZURE)
"""Grafana of a twin whose hot store is elsewhere."""
AZURE_LAYOUTS = (
    *(layout for layout in LAYOUTS if Cloud.AZURE in layout),
    *(TIERS, COLD, ARCHIVE, REMOTE_COLD),
    *(TWINS, REMOTE_TWINS, DASHBOARDS, REMOTE_DASHBOARDS),
)
ALL = Layout(Cloud.AZURE, Cloud.AZURE, Cloud.AZURE)
"""One cloud: every link is local."""
FIRST = Layout(Cloud.AZURE, Cloud.AWS, Cloud.AWS)
MIDDLE = Layout(Cloud.AWS, Cloud.AZURE, Cloud.AWS)
LAST = Layout(Cloud.AWS, Cloud.AWS, Cloud.AZURE)
"""One layer each: every link is remote."""


def stack_of(config: Config) -> Stack:
    """The Terraform JSON of the stack `azure`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = App(outdir=str(folder / "out"))
        package = packaging.build(config, Cloud.AZURE, folder)
        AzureStack(app, twin=Twin(config), package=package)
        app.synth()
        return json.loads((folder / "out/stacks/azure/cdk.tf.json").read_text(encoding="utf-8"))


@cache
def azure_stack(layout: Layout, *, read_api: bool = True) -> Stack:
    """As `stack_of`, once per session. Not to be changed by a test."""
    return stack_of(twin_config(layout, read_api=read_api))


def settings_of(stack: Stack, role: str) -> dict[str, str]:
    """The app settings of a role's function app, with those of the event system."""
    return environment(stack["resource"]["azurerm_function_app_flex_consumption"][role]["app_settings"])
