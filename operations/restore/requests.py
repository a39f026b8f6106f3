"""A request for events of older data: its files, their retrieval, their rows, and loading them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from operations.deployed import Deployed, timestamp
from operations.errors import UsageError
from operations.restore import restoring
from operations.restore.files import File, Range, find
from operations.restore.locations import Locations, of_outputs
from operations.restore.reading import Reader
from operations.restore.restoring import Loaded
from operations.restore.tables import waiting
from twin_runtime.ports import Row
from twin_runtime.storage.holds import LONGEST_DAYS
from twinspan.lifecycle import THAWED_DAYS

__all__ = ["LONGEST_DAYS", "LONGEST_RETRIEVAL", "THAWED_DAYS", "Request"]
LONGEST_RETRIEVAL = 30


@dataclass(frozen=True, slots=True)
class Request:
    """The twin, its tiers, the range, and the files of the range."""

    found: Deployed
    locations: Locations
    wanted: Range
    files: Sequence[File]

    @classmethod
    def of(cls, found: Deployed, *, device: str, kind: str | None, start: str, end: str) -> Request:
        """Find the files; `start` and `end` are RFC 3339 or ages. Raises `UsageError` and `Retry`."""
        locations = of_outputs(found.outputs)
        wanted = _range(found, device, kind, start, end)
        catalogues = [
            (location, found.access.adapter("operations.restore.catalogues", location))
            for location in locations.of_files
        ]
        return cls(found, locations, wanted, find(catalogues, wanted))

    def late(self, days: int) -> list[File]:
        """Request archived files; return those that are not readable yet. Raises `Retry`."""
        return self._reader().retrieve(self.files, days=days)

    def rows(self) -> Iterator[Row]:
        """Yield the rows; raises `Retry` and `OperationError`."""
        return self._reader().rows(self.files)

    def load(self, days: int) -> Loaded:
        """Write the rows into the hot store for some days; raises `Retry` and `OperationError`."""
        hot = self.locations.hot
        store = self.found.access.to(hot.cloud).store(hot.address)
        return restoring.load(store, self.rows(), self.wanted, days=days)

    def _reader(self) -> Reader:
        return Reader(self.found.access.to, self.found.twin, self.wanted)


def sentences(late: Sequence[File], days: int) -> list[str]:
    """Return what the operator waits for."""
    clouds = {file.location.cloud for file in late}
    lines = waiting(late)
    if "aws" in clouds:
        lines.append(f"S3 keeps retrieved files readable for {days} days (--retrieval-days).")
    if "azure" in clouds:
        lines.append(f"Azure archives rehydrated files again after {THAWED_DAYS} days.")
    return lines


def check_days(option: str, days: int, longest: int) -> None:
    """Raise `UsageError` for a number of days that is out of range."""
    if not 1 <= days <= longest:
        raise UsageError(f"{option} must be 1 to {longest}.")


def _range(found: Deployed, device: str, kind: str | None, start: str, end: str) -> Range:
    """Return the range that the options select; raises `UsageError`."""
    now = time.time()
    first, last = timestamp("--from", start, now), timestamp("--to", end, now)
    if first >= last:
        raise UsageError("--from must be before --to.")
    types = {device.id: device.type for device in found.config.devices}
    kind = kind or types.get(device)
    if kind is None:
        raise UsageError(
            f"twin.yaml has no device {device!r}: correct --device, or pass its former type as --type."
        )
    return Range(device, kind, first, last)
