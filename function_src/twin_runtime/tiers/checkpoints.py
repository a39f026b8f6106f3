"""What cold_mover must remember when it is killed: the file that it is about to write, or has written.

A checkpoint is noted as `intent` before the file is written, as `verified` when the cold tier has told what
it stores, and is cleared when the rows are deleted in the hot store. It knows its rows by the starts of
hashes of their keys: 80 KB for 5,000 rows, where DynamoDB takes 400.

A claim keeps two runs of one partition apart. Stores have no conditional write, so each run writes its claim
and then looks for others: of two that begin together at least one sees the other, and whoever does goes away.
"""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from twin_runtime import jsontext
from twin_runtime.ports import Row, Store
from twin_runtime.storage import notes
from twin_runtime.tiers.tier_files import File

DEVICE = "~cold_mover"
CLAIMS = "~cold_mover_claims"
_HASH_BYTES = 12
_SETTLED_S = 2.0
"""After as long every reader sees a claim: reads of DynamoDB and Cosmos DB may be behind by a second."""

State = Literal["intent", "verified"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file on its way. `start` and `end` are the first row's time and the last one's, on the first and the
    last device; `members` are the hashes of the keys of its rows.
    """

    partition: int
    partitions: int
    state: State
    name: str
    rows: int
    sha256: str
    start: str
    end: str
    members: frozenset[bytes]

    def has(self, row: Row) -> bool:
        return _hash(row) in self.members

    @property
    def id(self) -> str:
        return _id(self.partition, self.partitions)


class Checkpoints:
    """The checkpoints and claims of one partition's run."""

    def __init__(
        self,
        store: Store,
        partition: int,
        partitions: int,
        *,
        owner: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._partition = partition
        self._partitions = partitions
        self._owner = owner
        self._clock = clock
        self._sleep = sleep

    def claim(self, seconds: float) -> bool:
        """Whether the partition is this run's, until `release` or for `seconds`."""
        until = self._clock() + seconds
        self._write(CLAIMS, f"{_id(self._partition, self._partitions)}.{self._owner}", {"until": until})
        self._sleep(_SETTLED_S)
        others = False
        for row in list(notes.read(self._store, CLAIMS)):
            whose, _, owner = row.id.partition(".")
            if owner == self._owner:
                continue
            if _content(row)["until"] <= self._clock():
                self._store.delete(CLAIMS, [row.key])
                continue
            partition, _, partitions = whose.partition("-of-")
            others |= partitions != str(self._partitions) or partition == str(self._partition)
        if others:
            self.release()
        return not others

    def release(self) -> None:
        id = f"{_id(self._partition, self._partitions)}.{self._owner}"
        self._store.delete(CLAIMS, [notes.note(CLAIMS, id, "").key])

    def pending(self) -> list[Checkpoint]:
        """The checkpoints that this run must settle first: its own, and those from when there was another
        number of partitions.
        """
        found = [_read(row) for row in notes.read(self._store, DEVICE)]
        own = (self._partition, self._partitions)
        return [
            each
            for each in found
            if (each.partition, each.partitions) == own or each.partitions != self._partitions
        ]

    def made(self, file: File, found: Iterable[Row]) -> Checkpoint:
        """The checkpoint of a file that is about to be written, as `intent`."""
        kept = list(found)
        return Checkpoint(
            self._partition,
            self._partitions,
            "intent",
            file.name,
            file.rows,
            file.sha256,
            kept[0].time,
            kept[-1].time,
            frozenset(_hash(row) for row in kept),
        )

    def note(self, checkpoint: Checkpoint) -> None:
        """Write it down; raises `Retry`."""
        document = {
            "partition": checkpoint.partition,
            "partitions": checkpoint.partitions,
            "state": checkpoint.state,
            "name": checkpoint.name,
            "rows": checkpoint.rows,
            "sha256": checkpoint.sha256,
            "start": checkpoint.start,
            "end": checkpoint.end,
            "members": b64encode(b"".join(sorted(checkpoint.members))).decode("ascii"),
        }
        self._write(DEVICE, checkpoint.id, document)

    def clear(self, checkpoint: Checkpoint) -> None:
        self._store.delete(DEVICE, [notes.note(DEVICE, checkpoint.id, "").key])

    def _write(self, device: str, id: str, document: dict[str, Any]) -> None:
        notes.write(self._store, device, id, jsontext.dumps(document), sleep=self._sleep)


def _read(row: Row) -> Checkpoint:
    document = _content(row)
    packed = b64decode(document.pop("members"))
    members = frozenset(packed[at : at + _HASH_BYTES] for at in range(0, len(packed), _HASH_BYTES))
    return Checkpoint(**document, members=members)


def _content(row: Row) -> dict[str, Any]:
    return jsontext.loads(row.data, max_bytes=400_000)


def _hash(row: Row) -> bytes:
    return sha256(f"{row.device}\n{row.key}".encode("ascii")).digest()[:_HASH_BYTES]


def _id(partition: int, partitions: int) -> str:
    return f"{partition}-of-{partitions}"
