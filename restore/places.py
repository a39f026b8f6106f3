"""Where the tiers are: the output `tiers` of each cloud's stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operations.errors import UsageError
from operations.outputs import Outputs, named

OUTPUT = "storage_tiers"
HOT, COLD, ARCHIVE = "hot", "cold", "archive"


@dataclass(frozen=True, slots=True)
class Place:
    """A tier in a cloud. `address` is what the functions are given to reach it."""

    tier: str
    cloud: str
    address: str


@dataclass(frozen=True, slots=True)
class Places:
    """The tiers that a twin has. Where one bucket holds cold and archived files, both have its address."""

    hot: Place
    cold: Place | None = None
    archive: Place | None = None

    @property
    def of_files(self) -> tuple[Place, ...]:
        """The buckets of files, each once; raises `UsageError` where there is none."""
        cold, archive = self.cold, self.archive
        if cold is None:
            raise UsageError("The twin has no cold tier: what left the hot store is deleted.")
        both = archive is not None and (archive.cloud, _bucket(archive)) != (cold.cloud, _bucket(cold))
        return (cold, archive) if archive and both else (cold,)


def of_outputs(outputs: Outputs) -> Places:
    """The tiers in the outputs of the stacks; raises `UsageError`."""
    found = {
        tier: _place(tier, cloud, fields)
        for cloud, tiers in named(outputs, OUTPUT)
        for tier, fields in tiers.items()
    }
    if HOT not in found:
        raise UsageError(f"No output {OUTPUT} says where the hot store is: name the outputs of every stack.")
    return Places(found[HOT], found.get(COLD), found.get(ARCHIVE))


def _place(tier: str, cloud: str, fields: Any) -> Place:
    good = isinstance(fields, Mapping) and all(isinstance(fields.get(k), str) for k in ("cloud", "address"))
    if tier not in (HOT, COLD, ARCHIVE) or not good or fields["cloud"] != cloud:
        raise UsageError(
            f"The tier {tier} of the output {OUTPUT} of {cloud} is not one that this version knows."
        )
    return Place(tier, cloud, fields["address"])


def _bucket(place: Place) -> str:
    """The address without the class that new files are given."""
    return place.address.partition("?")[0]
