"""`python -m replay`: the repository's source roots, then the command."""

import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "constructs"), str(ROOT / "function_src")]


def _end(_number: int, _frame: object) -> None:
    """As Ctrl-C: what is leased is given back."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    from replay.cli import main

    sys.exit(main(sys.argv[1:], root=ROOT))
