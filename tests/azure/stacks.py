"""The Azure stack alone, of every layout that has one: no other cloud's code takes part."""

import json
import tempfile
from functools import cache
from pathlib import Path

from stacks.azure import AzureStack
from support.layouts import LAYOUTS, Layout, twin_config
from support.terraform_json import Stack
from twinspan import packaging
from twinspan.config import Config
from twinspan.providers import App
from twinspan.twin import Twin
from twinspan.vocabulary import Cloud

AZURE_LAYOUTS = tuple(layout for layout in LAYOUTS if Cloud.AZURE in layout)
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
