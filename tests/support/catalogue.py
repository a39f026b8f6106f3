"""The list of a bucket in memory, as an operator's command reads it."""

from __future__ import annotations

from collections.abc import Iterator, Set

from operations.restore.catalogues import Entry, State, Wanted
from support.memory import MemoryObjects


class MemoryCatalogue:
    """`Catalogue` of such objects."""

    def __init__(self, objects: MemoryObjects, archived: Set[str] = frozenset()) -> None:
        self._objects = objects
        self._archived = archived
        self.prefixes: list[str] = []

    def entries(self, prefix: str, wanted: Wanted) -> Iterator[Entry]:
        self.prefixes.append(prefix)
        for name in self._objects.names(prefix):
            if wanted(name):
                state = State.ARCHIVED if name in self._objects.frozen else State.READY
                size = len(self._objects.kept[name][0])
                yield Entry(name, size, name in self._archived, state)
