"""Run `python -m operations` from the repository's folder."""

import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _interrupt(_number: int, _frame: object) -> None:
    """Treat SIGTERM as Ctrl-C, so that leased messages are released."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "constructs"), str(ROOT / "function_src")]
    signal.signal(signal.SIGTERM, _interrupt)
    from operations.program import main

    sys.exit(main(sys.argv[1:], root=ROOT))
