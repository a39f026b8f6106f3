"""Starts a command: `python -m <command>` from the repository's folder."""

import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
Main = Callable[..., int]


def start(module: str, arguments: Sequence[str]) -> NoReturn:
    """Run `main` of a module with the repository's source roots on the path, and exit with its status."""
    sys.path[:0] = [str(ROOT / "constructs"), str(ROOT / "function_src")]
    signal.signal(signal.SIGTERM, _end)
    main: Main = import_module(module).main
    sys.exit(main(arguments, root=ROOT))


def _end(_number: int, _frame: object) -> None:
    """As Ctrl-C: what is held is given back."""
    raise KeyboardInterrupt
