"""Find the storage tiers by the output `storage_tiers` of each cloud's stack."""

from __future__ import annotations

from dataclasses import dataclass

from operations.errors import UsageError
from operations.outputs import Outputs, entries, unknown_entry

OUTPUT = "storage_tiers"
HOT, COLD, ARCHIVE = "hot", "cold", "archive"


@dataclass(frozen=True, slots=True)
class Location:
    """A tier in a cloud; `address` is the one that the functions use."""

    tier: str
    cloud: str
    address: str


@dataclass(frozen=True, slots=True)
class Locations:
    """The tiers of a twin. If one bucket holds cold and archived files, both tiers have its address."""

    hot: Location
    cold: Location | None = None
    archive: Location | None = None

    @property
    def of_files(self) -> tuple[Location, ...]:
        """The buckets of files, each once; raises `UsageError` if there is none."""
        if self.cold is None:
            raise UsageError("The twin has no cold tier: data that has left the hot store was deleted.")
        return self.buckets

    @property
    def buckets(self) -> tuple[Location, ...]:
        """The buckets of files, each once."""
        found = {bucket(each): each for each in (self.archive, self.cold) if each}
        return tuple(reversed(found.values()))


def of_outputs(outputs: Outputs) -> Locations:
    """Return the tiers in the outputs of the stacks; raises `UsageError`."""
    found = {}
    for cloud, tier, fields in entries(outputs, OUTPUT, ("cloud", "address")):
        if tier not in (HOT, COLD, ARCHIVE) or fields["cloud"] != cloud:
            raise unknown_entry(OUTPUT, cloud, tier)
        found[tier] = Location(tier, cloud, fields["address"])
    if HOT not in found:
        raise UsageError(f"No output {OUTPUT} has the hot store: pass the outputs of every stack.")
    return Locations(found[HOT], found.get(COLD), found.get(ARCHIVE))


def bucket(location: Location) -> tuple[str, str]:
    """Return the cloud, and the address without the storage class of new files."""
    return location.cloud, location.address.partition("?")[0]
