"""The command `python -m local_cloud [--keep]`: the demonstration of the twin that TWIN names.

Scratch files are in .local-cloud, or in the folder that TWINSPAN_LOCAL_CLOUD_FOLDER names. The files of an
earlier run are removed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twinspan.config import Config

BEGAN = time.time()
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "constructs"), str(ROOT / "function_src")]

FOLDER = Path(os.environ.get("TWINSPAN_LOCAL_CLOUD_FOLDER") or ROOT / ".local-cloud")


def main() -> int:
    """Run the demonstration. Exit status: 0 if nothing was lost, 1 if an event was, 2 if it could not run."""
    from local_cloud.demo.scratch import scratch
    from local_cloud.errors import LocalCloudError
    from local_cloud.processes import ended_by_signals
    from simulator.errors import SimulatorError
    from twinspan.config import ConfigErrors
    from twinspan.twinfile import checked, twin_file

    # The Cosmos DB client checks no certificate on loopback, and warns of it.
    warnings.filterwarnings("ignore", message="Unverified HTTPS request")
    parser = argparse.ArgumentParser(
        prog="python -m local_cloud",
        description="Runs a twin on emulators on this machine, and shows its data flow.",
    )
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    arguments = parser.parse_args()
    path = twin_file(os.environ, root=ROOT)
    try:
        config = checked(path)
        if not config.read_api:
            raise LocalCloudError(f"The demonstration reads its data back: set read_api: true in {path}.")
        with ended_by_signals(), scratch(FOLDER):
            good = demonstrate(config, path, keep=arguments.keep)
    except KeyboardInterrupt:
        print("\nEnded.", file=sys.stderr)
        return 130
    except (ConfigErrors, LocalCloudError, SimulatorError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if good else 1


def demonstrate(config: Config, path: Path, *, keep: bool) -> bool:
    """Show the twin; whether nothing was lost. Scratch files go into FOLDER. The stacks are synthesized while
    the rest is loaded, which takes a second.
    """
    from local_cloud.demo.screen import Screen
    from local_cloud.demo.synthesis import synthesize
    from local_cloud.processes import end_commands

    screen, out = Screen(BEGAN), FOLDER / "cdktf.out"
    screen.title(f"The twin {config.name} on this machine")
    with ThreadPoolExecutor(1) as pool:
        synthesized = pool.submit(synthesize, path, out)
        try:
            from local_cloud.demo.run import Demo

            return Demo(config, path, folder=FOLDER, screen=screen).go(out, synthesized, keep=keep)
        finally:
            end_commands()


if __name__ == "__main__":
    sys.exit(main())
