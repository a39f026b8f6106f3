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
from pathlib import Path

BEGAN = time.time()
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "constructs"), str(ROOT / "function_src")]

FOLDER = Path(os.environ.get("TWINSPAN_LOCAL_CLOUD_FOLDER") or ROOT / ".local-cloud")


def main() -> int:
    """Run the demonstration. Exit status: 0 if nothing was lost, 1 if an event was, 2 if it could not run."""
    from local_cloud.demo.run import Demo
    from local_cloud.demo.scratch import make_scratch
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
    except ConfigErrors as errors:
        print(errors, file=sys.stderr)
        return 2
    try:
        make_scratch(FOLDER)
        with ended_by_signals():
            good = Demo(config, path, folder=FOLDER, began=BEGAN).go(keep=arguments.keep)
    except KeyboardInterrupt:
        print("\nEnded.", file=sys.stderr)
        return 130
    except (LocalCloudError, SimulatorError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
