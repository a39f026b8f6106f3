"""Builds the stacks of a twin and writes them as Terraform JSON.

Imports CDKTF, which takes a second to load, where it is used: packages are built before.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin_runtime.roles import Cloud
from twinspan import packaging
from twinspan.config import Config
from twinspan.packaging import Package
from twinspan.topology import LINKS_STACK
from twinspan.twin import Twin

if TYPE_CHECKING:
    from twinspan.inventory import Inventory
    from twinspan.providers import App

STACK_CLASSES = {Cloud.AWS: "AwsStack", Cloud.AZURE: "AzureStack", Cloud.GCP: "GcpStack"}


def synthesize(
    config: Config, out: Path, *, ready: Callable[[], None] | None = None, left_links: bool = False
) -> dict[str, Inventory]:
    """Write the Terraform of a twin to `out`/stacks/<stack>/cdk.tf.json; return what the constructs of each
    stack recorded.

    Only the bindings of clouds in use are imported. `ready` is called between their import and the first use
    of CDKTF, and may wait for it. `left_links`: an earlier layout had links between clouds, so that a twin
    without gets an empty stack `links`.
    """
    twin = Twin(config)
    out.mkdir(parents=True, exist_ok=True)  # CDKTF makes the last folder only
    _clear(out, keep=twin.topology.stacks)
    with tempfile.TemporaryDirectory(prefix="twinspan-") as folder:
        packages = {cloud: packaging.build(config, cloud, Path(folder)) for cloud in twin.topology.clouds}
        classes = {
            cloud: getattr(import_module(f"stacks.{cloud}"), STACK_CLASSES[cloud]) for cloud in packages
        }
        if ready:
            ready()
        from twinspan.providers import App

        app = App(outdir=str(out))
        inventories = _build(app, twin, classes, packages, left_links=left_links)
        app.synth()
    return inventories


def _build(
    app: App,
    twin: Twin,
    classes: Mapping[Cloud, Any],
    packages: Mapping[Cloud, Package],
    *,
    left_links: bool,
) -> dict[str, Inventory]:
    """Add the twin's stacks to an app; return what the constructs of each recorded."""
    clouds = {cloud: stack(app, twin=twin, package=packages[cloud]) for cloud, stack in classes.items()}
    inventories: dict[str, Inventory] = {cloud: stack.inventory for cloud, stack in clouds.items()}
    if twin.topology.idle:
        from stacks.idle import IdleStack

        for cloud in twin.topology.idle:
            inventories[cloud] = IdleStack(app, cloud, twin=twin).inventory
    if twin.topology.wired_links:
        from stacks.links import LinksStack

        inventories[LINKS_STACK] = LinksStack(app, twin=twin, clouds=clouds).inventory
    elif left_links:
        from stacks.idle import IdleLinks

        inventories[LINKS_STACK] = IdleLinks(app, twin=twin).inventory
    return inventories


def _clear(out: Path, *, keep: tuple[str, ...]) -> None:
    """Remove what an earlier synth left and this one would not replace: stacks not in use, old packages.

    What Terraform keeps in a stack's folder (its provider cache and lock) stays. So does the folder itself:
    the cdktf command line, when it runs the app, has listed the folders already and stumbles over one that is
    gone.
    """
    for stack in (out / "stacks").glob("*"):
        shutil.rmtree(stack / "assets", ignore_errors=True)
        if stack.name not in keep:
            (stack / "cdk.tf.json").unlink(missing_ok=True)
