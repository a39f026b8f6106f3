"""The functions' own code, as guides read it: where it is found, and figures that each cloud has from it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from twinspan import packaging


@contextmanager
def importable() -> Iterator[None]:
    """With what is deployed on the import path."""
    path = list(sys.path)
    sys.path.insert(0, str(packaging.SOURCE))
    try:
        yield
    finally:
        sys.path[:] = path


def most_deliveries() -> int:
    """On which delivery of a message a function itself gives up what still fails."""
    with importable():
        return import_module("twin_runtime.ports").MAX_DELIVERIES


def gives_up() -> str:
    """The sentence on that."""
    return f"On its delivery number {most_deliveries()} the function itself dead-letters what still fails"
