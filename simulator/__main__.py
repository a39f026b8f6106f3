"""`python -m simulator`, from the root of the project."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Source roots, as in main.py and in the functions' packages.
sys.path[:0] = [str(ROOT / "constructs"), str(ROOT / "function_src")]

from simulator.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, root=ROOT))
