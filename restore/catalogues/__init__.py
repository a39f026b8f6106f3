"""What lies in a bucket of files, by each cloud's own list: sizes, and the class that each file is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Wanted = Callable[[str], bool]


class State(StrEnum):
    """Whether a file can be read: now, after it was thawed, or when the thawing that is under way is over."""

    READY = "ready"
    FROZEN = "archived"
    THAWING = "thawing"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `archived`: it is in the archive's class, readable or not."""

    name: str
    size: int
    archived: bool
    state: State


class Catalogue(Protocol):
    """The list of one bucket. Raises `twin_runtime.errors.Retry`."""

    def entries(self, prefix: str, wanted: Wanted) -> Iterator[Entry]:
        """The files whose names begin with `prefix` and of which `wanted` is true, in the order of names."""
        ...
