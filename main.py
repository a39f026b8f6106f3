"""The CDKTF app: `python main.py`, or `cdktf synth`, turns a twin.yaml into Terraform under cdktf.out/.

See `python main.py --help`.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
# Source roots. `constructs` is never a package: it would hide PyPI's `constructs`.
sys.path[:0] = [str(ROOT / "constructs"), str(ROOT / "function_src")]

from stacks.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, root=ROOT))
