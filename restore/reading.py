"""The rows of files: thawed first where they must be, then read day by day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from operations.errors import OperationError
from operations.reach import Reach
from restore.catalogues import State
from restore.files import File, Range
from twin_runtime.errors import Refused
from twin_runtime.model import Twin
from twin_runtime.ports import Row
from twin_runtime.tiers import tier_files

_CALLERS = 8


class Reader:
    """Reads the files of a range. `reaches` are the clouds that they are in, by name."""

    def __init__(self, reaches: dict[str, Reach], twin: Twin, wanted: Range) -> None:
        self._objects = {cloud: reach.objects for cloud, reach in reaches.items()}
        self._twin = twin
        self._wanted = wanted

    def thaw(self, files: Sequence[File], *, days: int) -> list[File]:
        """Have the archived ones made readable for `days`; returns those that are not yet. Raises `Retry`."""

        def ready(file: File) -> bool:
            objects = self._objects[file.place.cloud](file.place.address)
            return objects.thaw(file.entry.name, days=days)

        frozen = [file for file in files if file.entry.state is not State.READY]
        with ThreadPoolExecutor(_CALLERS, thread_name_prefix="thaw") as pool:
            return [file for file, done in zip(frozen, pool.map(ready, frozen), strict=True) if not done]

    def rows(self, files: Sequence[File]) -> Iterator[Row]:
        """Every event of the range once, by time and id. Holds those of one day in memory.

        Raises `Retry`, and `OperationError` for a file that is gone, or not what its name says.
        """
        for _, of_day in groupby(files, key=lambda file: file.name.day):
            found: dict[str, Row] = {}
            for file in of_day:
                for row in self._read(file):
                    found.setdefault(row.key, row)
            for key in sorted(found):
                yield found[key]

    def _read(self, file: File) -> list[Row]:
        name = file.entry.name
        try:
            body = self._objects[file.place.cloud](file.place.address).get(name)
            # To the end, before a row is taken for true: a file shows there that it is whole.
            return [row for row in tier_files.unpack(body, name, self._twin) if self._wanted.has(row)]
        except Refused as error:
            raise OperationError(f"{error.reason} Run the command again.") from None
        except tier_files.Invalid as error:
            raise OperationError(f"{name} in {file.place.cloud} is damaged: {error}") from None
