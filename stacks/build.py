"""Builds the stacks of a twin and writes them as Terraform JSON."""

import shutil
import tempfile
from importlib import import_module
from pathlib import Path

from twin_runtime.roles import Cloud
from twinspan import packaging
from twinspan.config import Config
from twinspan.inventory import Inventory
from twinspan.providers import App
from twinspan.topology import LINKS_STACK
from twinspan.twin import Twin

STACK_CLASSES = {Cloud.AWS: "AwsStack", Cloud.AZURE: "AzureStack", Cloud.GCP: "GcpStack"}


def build(app: App, twin: Twin, packages: Path) -> dict[str, Inventory]:
    """Add the twin's stacks to an app; return what the constructs of each recorded. Packages are written to
    `packages`, which must live until the app is synthesized.

    Only the bindings of clouds in use are imported.
    """
    clouds = {}
    for cloud in twin.topology.clouds:
        package = packaging.build(twin.config, cloud, packages)
        stack = getattr(import_module(f"stacks.{cloud}"), STACK_CLASSES[cloud])
        clouds[cloud] = stack(app, twin=twin, package=package)
    inventories: dict[str, Inventory] = {cloud: stack.inventory for cloud, stack in clouds.items()}
    if twin.topology.wired_links:
        from stacks.links import LinksStack

        inventories[LINKS_STACK] = LinksStack(app, twin=twin, clouds=clouds).inventory
    return inventories


def synthesize(config: Config, out: Path) -> dict[str, Inventory]:
    """Write the Terraform of a twin to `out`/stacks/<stack>/cdk.tf.json; return what `build` does."""
    twin = Twin(config)
    out.mkdir(parents=True, exist_ok=True)  # CDKTF makes the last folder only
    _clear(out, keep=twin.topology.stacks)
    with tempfile.TemporaryDirectory(prefix="twinspan-") as packages:
        app = App(outdir=str(out))
        inventories = build(app, twin, Path(packages))
        app.synth()
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
