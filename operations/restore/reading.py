"""Retrieve archived files, and read the rows of files day by day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from operations.errors import OperationError
from operations.reach import Reach
from operations.restore.catalogues import State
from operations.restore.files import File, Range
from twin_runtime.errors import Refused
from twin_runtime.model import Twin
from twin_runtime.ports import Row
from twin_runtime.tiers import tier_files

_CALLERS = 8


class Reader:
    """Reads the files of a range; `to` connects to a cloud."""

    def __init__(self, to: Callable[[str], Reach], twin: Twin, wanted: Range) -> None:
        self._to = to
        self._twin = twin
        self._wanted = wanted

    def retrieve(self, files: Sequence[File], *, days: int) -> list[File]:
        """Request the archived files, and return those that are not readable yet. Raises `Retry`.

        AWS keeps the readable copies for `days`; the other clouds ignore the number.
        """

        def ready(file: File) -> bool:
            objects = self._to(file.location.cloud).objects(file.location.address)
            return objects.thaw(file.entry.name, days=days)

        archived = [file for file in files if file.entry.state is not State.READY]
        with ThreadPoolExecutor(_CALLERS, thread_name_prefix="retrieve") as pool:
            return [file for file, done in zip(archived, pool.map(ready, archived), strict=True) if not done]

    def rows(self, files: Sequence[File]) -> Iterator[Row]:
        """Yield every event of the range once, by time and id. Keeps the events of one day in memory. Of two
        events with one time and id but other data, both.

        Raises `Retry`, and `OperationError` for a file that is missing or damaged.
        """
        for _, of_day in groupby(files, key=lambda file: file.name.day):
            found: dict[str, list[Row]] = {}
            for file in of_day:
                for row in self._read(file):
                    same = found.setdefault(row.key, [])
                    if not any(each.same_content(row) for each in same):
                        same.append(row)
            for key in sorted(found):
                yield from found[key]

    def _read(self, file: File) -> list[Row]:
        name = file.entry.name
        try:
            body = self._to(file.location.cloud).objects(file.location.address).get(name)
            # Read to the end before any row is used: the end shows that the file is complete.
            return [row for row in tier_files.unpack(body, name, self._twin) if self._wanted.has(row)]
        except Refused as error:
            raise OperationError(f"{error.reason} Run the command again.") from None
        except tier_files.Invalid as error:
            raise OperationError(f"{name} in {file.location.cloud} is damaged: {error}") from None
