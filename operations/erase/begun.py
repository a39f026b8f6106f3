"""Erasures that have begun: noted in the hot store before anything is deleted, until all is done.

A function that was at work when rows were deleted may still have them in memory, and write them somewhere.
So an erasure is complete when a run that begins `SETTLE_S` after the last deletion finds nothing. The note
tells that time to the next run, also where the last one was killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from operations.restore.files import Range
from twin_runtime import jsontext
from twin_runtime.ports import Store
from twin_runtime.roles import ROLES, Role
from twin_runtime.storage import notes

DEVICE = "~erasures"
MOST_CLEAN = 10_000
"""Digests in a note: 190 KB, where DynamoDB takes 400."""
_FORMAT = 1
_MARGIN_S = 60


def _longest(*roles: Role) -> int:
    return max(ROLES[role].timeout_s for role in roles)


SETTLE_S = (
    _longest(Role.COLD_MOVER, Role.ARCHIVE_MOVER, Role.TWIN_SYNC)
    + _longest(Role.COLD_WRITER, Role.ARCHIVE_WRITER)
    + _MARGIN_S
)
"""As long a function may write what it had read: a run of a mover, then a call of the writer that it sent a
file to."""


@dataclass(slots=True)
class Begun:
    """An erasure. `begun` and `changed` are Unix times: of the first deletion and the last. `changed` is None
    while a run deletes, and after one that was killed.

    `rows` and `files` count what was deleted and rewritten, by tier and cloud. `clean` are the digests of
    archived files that hold no row of the range: reading one again would take hours.
    """

    wanted: Range
    begun: float
    changed: float | None = None
    rows: dict[str, int] = field(default_factory=dict[str, int])
    files: dict[str, int] = field(default_factory=dict[str, int])
    clean: list[str] = field(default_factory=list[str])

    @property
    def id(self) -> str:
        """The same for each run over the same range."""
        whole = jsontext.canonical([self.wanted.device, self.wanted.start, self.wanted.end])
        return sha256(whole.encode("ascii")).hexdigest()[:32]

    def note(self, store: Store) -> None:
        """Write it down; raises `Retry`."""
        document = {
            "format": _FORMAT,
            "device": self.wanted.device,
            "from": self.wanted.start,
            "to": self.wanted.end,
            "begun": self.begun,
            "changed": self.changed,
            "rows": self.rows,
            "files": self.files,
            "clean": self.clean[:MOST_CLEAN],
        }
        notes.write(store, DEVICE, self.id, jsontext.dumps(document))

    def forget(self, store: Store) -> None:
        store.delete(DEVICE, [notes.note(DEVICE, self.id, "").key])


def read(store: Store, device: str) -> Sequence[Begun]:
    """Return the erasures of a device that are not complete; raises `Retry`."""
    found: list[Begun] = []
    for row in notes.read(store, DEVICE):
        document: dict[str, Any] = jsontext.loads(row.data, max_bytes=len(row.data))
        if document["device"] == device:
            wanted = Range(device, None, document["from"], document["to"])
            kept = {name: document[name] for name in ("begun", "changed", "rows", "files", "clean")}
            found.append(Begun(wanted, **kept))
    return found
