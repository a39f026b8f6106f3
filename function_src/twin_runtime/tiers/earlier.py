"""What cold_mover of the release before noted of a file that a killed run did not end. It goes with the next
release.

A file was noted as `intent` before it was written, and as `verified` when the cold tier had told what it
stores; then its rows were deleted. Such a file may go to the archive before the catalogue knows of it. Its
rows would then be stored in a second one, so it is ended first.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from twin_runtime import jsontext
from twin_runtime.ports import Row, Store
from twin_runtime.storage import notes
from twin_runtime.tiers import due_rows, tier_files

DEVICE = "~cold_mover"
_HASH_BYTES = 12


class Begun(NamedTuple):
    """A file on its way, of `rows` rows; they are those of `left` that are still in the hot store. `key` is
    that of the note.
    """

    key: str
    verified: bool
    name: str
    rows: int
    left: list[Row]


def begun(store: Store, devices: Collection[str]) -> Iterator[Begun]:
    """The files of runs that were killed; raises `errors.Retry`."""
    for row in notes.read(store, DEVICE):
        note: Any = jsontext.loads(row.data, max_bytes=400_000)
        packed, name = b64decode(note["members"]), tier_files.parse_name(note["name"])
        members = {packed[at : at + _HASH_BYTES] for at in range(0, len(packed), _HASH_BYTES)}
        start, end = tier_files.first_of(name.day), tier_files.first_of(due_rows.next_day(name.day))
        left = [
            each
            for device in sorted(filter(name.may_hold, devices))
            for each in due_rows.read(store, device, start=start, end=end)
            if _hash(each) in members
        ]
        yield Begun(row.key, note["state"] == "verified", note["name"], note["rows"], left)


def _hash(row: Row) -> bytes:
    return sha256(f"{row.device}\n{row.key}".encode("ascii")).digest()[:_HASH_BYTES]
