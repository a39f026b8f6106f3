"""List the files of a bucket with their sizes and storage classes.

Each cloud's module has `connect(location, reach)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Wanted = Callable[[str], bool]


class State(StrEnum):
    """Whether a file can be read: now, after a retrieval, or when the requested retrieval completes."""

    READY = "ready"
    ARCHIVED = "archived"
    RETRIEVING = "retrieving"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file; `archived` if its storage class is an archive, readable or not."""

    name: str
    size: int
    archived: bool
    state: State


class Catalogue(Protocol):
    """The files of one bucket. Raises `twin_runtime.errors.Retry`."""

    def entries(self, prefix: str, wanted: Wanted) -> Iterator[Entry]:
        """Yield the files whose names begin with `prefix` and satisfy `wanted`, by name."""
        ...
