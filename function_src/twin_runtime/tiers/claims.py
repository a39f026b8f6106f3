"""Claims keep two runs of one partition of cold_mover apart. Two at a time would lose nothing: storing a row
again is storing it once. They would do the work twice.

A claim is a note that is only written where there is none. Its id ends with a number: the next claim has the
next number, so of two runs that find the same claim ended, one gets the partition. The note stays when the
run ends, and says when the partition last had nothing left to do.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from twin_runtime import jsontext
from twin_runtime.errors import Retry
from twin_runtime.ports import Row, Store
from twin_runtime.storage import notes

DEVICE = "~cold_mover_claims"


class Claims:
    """The claims of one partition."""

    def __init__(self, store: Store, partition: int, partitions: int, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._whose = f"{partition}-of-{partitions}"
        self._partitions = partitions
        self._clock = clock
        self._owner = secrets.token_hex(8)
        self._mine = ""
        self.done_at = 0.0
        """When nothing was left to do, in Unix time; at first, when the first run began."""

    @property
    def held(self) -> bool:
        """Whether this run has got the partition."""
        return bool(self._mine)

    def claim(self, seconds: float) -> bool:
        """Whether the partition is this run's, until `release` or for `seconds`."""
        now = self._clock()
        number, done_at, old = 0, now, list[str]()
        for row in notes.read(self._store, DEVICE):
            whose, _, last = row.id.partition(".")
            content = _content(row)
            if content["until"] > now and (
                whose == self._whose or not whose.endswith(f"-of-{self._partitions}")
            ):
                return False
            if whose == self._whose:
                old.append(row.key)
                if last.isdecimal() and "done" in content:  # the release before has random digits there
                    number, done_at = int(last), content["done"]
            elif content["until"] + 86_400 < now:
                old.append(row.key)  # of another number of partitions, which went a while ago
        mine = self._note(number + 1, now + seconds, done_at)
        for lost in self._store.put_if_absent([mine]):
            if not lost.permanent:
                raise Retry(lost.reason)
            return False
        self._mine, self.done_at = mine.id, done_at
        if old:
            self._store.delete(DEVICE, old)
        return True

    def release(self, *, done: bool) -> None:
        """End the claim of this run, if it has one."""
        if self._mine:
            number = int(self._mine.rpartition(".")[2])
            notes.write_all(self._store, [self._note(number, 0, self._clock() if done else self.done_at)])

    def _note(self, number: int, until: float, done_at: float) -> Row:
        content = {"format": 1, "until": until, "done": done_at, "owner": self._owner}
        return notes.note(DEVICE, f"{self._whose}.{number:010}", jsontext.dumps(content))


def _content(row: Row) -> dict[str, Any]:
    return jsontext.loads(row.data, max_bytes=1_000)
