"""Write files again without the rows of a range."""

from __future__ import annotations

from dataclasses import dataclass

from operations.restore.catalogues import Catalogue as Listing
from operations.restore.files import Range
from operations.restore.locations import ARCHIVE, Location
from twin_runtime.errors import Retry
from twin_runtime.model import Twin
from twin_runtime.ports import Objects
from twin_runtime.tiers import file_sinks, tier_files
from twin_runtime.tiers.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of files, its list and its objects.

    `index` has its files. An archive of another cloud has none of its own: its files stay in that of the cold
    tier, from which they came.
    """

    location: Location
    listing: Listing
    objects: Objects
    index: Catalogue


@dataclass(frozen=True, slots=True)
class Rewritten:
    """How many rows were taken out of a file. `name` is that of a file that has none of them, where it is
    known.
    """

    rows: int
    name: str | None


def rewrite(bucket: Bucket, name: str, twin: Twin, wanted: Range) -> Rewritten:
    """Replace a file by one without the rows of the range. The old one is deleted when the new one is there.

    Raises `Retry`, `Refused` for a file that is gone or archived, and `tier_files.Invalid` for a damaged one.
    """
    rows = list(tier_files.unpack(bucket.objects.get(name), name, twin))
    kept = [row for row in rows if not wanted.has(row)]
    if len(kept) == len(rows):
        return Rewritten(0, name)
    if bucket.location.tier != ARCHIVE:
        return Rewritten(bucket.index.rewrite(name, lambda row: not wanted.has(row)), None)
    new = tier_files.pack(kept, twin, tier_files.parse_name(name).type) if kept else None
    # First the index: once the old file is gone, a later run does not know what to call another name.
    bucket.index.rename(
        name,
        new and new.name,
        {row.device for row in rows},
        wanted.device,
        [row.key for row in kept if row.device == wanted.device],
    )
    if new:
        bucket.objects.put(new.name, new.body, rows=new.rows, sha256=new.sha256)
        stored = bucket.objects.stat(new.name)
        if stored is None:
            raise Retry("The store does not have the file that it took.")
        file_sinks.verified(new, stored)
    bucket.objects.delete(name)
    return Rewritten(len(rows) - len(kept), new and new.name)
