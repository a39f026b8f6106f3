"""Whole twins on this machine, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from local_cloud import shared, standins
from local_cloud.azure.cloud import LocalAzure
from local_cloud.cloud import LocalCloud, Options
from local_cloud.errors import MissingProgram
from local_cloud.gcp.cloud import LocalGcp
from local_cloud.terraform import Workspace
from stacks import build as synthesis
from support.servers import missing
from twinspan.config import Config

HASTEN = 60.0
HASTENED = Options(hasten=HASTEN)
Found = TypeVar("Found")


@contextmanager
def local_twin(
    config: Config, folder: Path, *, options: Options = HASTENED, links: bool = True
) -> Iterator[LocalCloud]:
    """The twin, up. Skips the test where the machine lacks a server; see `support.servers.missing`."""
    out = folder / "cdktf.out"
    synthesis.synthesize(config, out)
    try:
        with LocalCloud(out, folder=folder, options=options) as twin:
            twin.up(links=links)
            yield twin
    except MissingProgram as error:
        missing(str(error))


def evaluate(
    stack: Mapping[str, Any], cloud: LocalAzure | LocalGcp, folder: Path, *, assets: Path | None = None
) -> standins.Evaluated:
    """One cloud's stack alone, evaluated by real Terraform in `folder`."""
    passwords = shared.computed("seed")

    def computed(kind: str, name: str, body: standins.Body) -> Mapping[str, Any]:
        source = passwords if kind.startswith(("random_", "time_")) else cloud.computed
        return source(kind, name, body)

    rewritten = standins.rewrite(stack, computed)
    rewritten["terraform"].pop("backend", None)
    workspace = Workspace(folder)
    workspace.write(rewritten, assets)
    return standins.evaluated(workspace.apply({}))


def until(probe: Callable[[], Found], *, seconds: float, every: float = 0.25) -> Found:
    """What `probe` returns as soon as that is true; its last answer when it never is."""
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found or time.monotonic() > end:
            return found
        time.sleep(every)


def arrival(probe: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """As `until`, but a test that waits in vain fails."""
    found = until(probe, seconds=seconds, every=0.05)
    assert found, "it did not come"
    return found
