"""Starts a demonstration. Light to import: the stacks are synthesized while the rest is loaded."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from local_cloud.demo.scratch import scratch
from local_cloud.demo.screen import Screen
from local_cloud.demo.synthesis import ROOT, packages_for_this_machine, synthesize
from local_cloud.errors import LocalCloudError
from local_cloud.processes import end_commands, ended_by_signals
from twinspan.config import Config

if TYPE_CHECKING:
    from local_cloud.demo.outcome import Outcome


def folder() -> Path:
    """Return the folder of scratch files: TWINSPAN_LOCAL_CLOUD_FOLDER, else the repository's .local-cloud."""
    return Path(os.environ.get("TWINSPAN_LOCAL_CLOUD_FOLDER") or ROOT / ".local-cloud")


def demonstrate(config: Config, path: Path, screen: Screen, *, keep: bool) -> tuple[Outcome, bool]:
    """Show the twin; return what became of its readings, and whether nothing was lost or stored twice.

    Removes the files of an earlier run. SIGTERM and SIGHUP end it as Ctrl-C does. Raises `LocalCloudError`.
    """
    # The Cosmos DB client checks no certificate on loopback, and warns of it.
    warnings.filterwarnings("ignore", message="Unverified HTTPS request")
    if not config.read_api:
        raise LocalCloudError(f"The demonstration reads its data back: set read_api: true in {path}.")
    here = folder()
    with ended_by_signals(), scratch(here), packages_for_this_machine(config):
        screen.title(f"The twin {config.name} on this machine")
        out = here / "cdktf.out"
        with ThreadPoolExecutor(1) as pool:
            synthesized = pool.submit(synthesize, path, out)
            try:
                from local_cloud.demo.run import Demo

                return Demo(config, path, folder=here, screen=screen).go(out, synthesized, keep=keep)
            finally:
                end_commands()
