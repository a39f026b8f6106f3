"""Where movers put files: an object store of their own cloud, or the writer of another."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from twin_runtime import jsontext
from twin_runtime.deadlines import FILE_S
from twin_runtime.errors import Refused, Retry
from twin_runtime.ports import Objects, Stored
from twin_runtime.tiers.tier_files import FILE_MEDIA_TYPE, PART_BYTES, File
from twin_runtime.wire import signing, verdict
from twin_runtime.wire.link_client import Answer, LinkClient


class FileSink(Protocol):
    """Takes files. Storing one again is storing it once."""

    def store(self, file: File, *, deadline: float) -> Stored:
        """Store the file; returns what the store then says of it. Raises `errors.Retry`, also when it is not
        done at `deadline` (in `time.monotonic` seconds), and `errors.Refused`.
        """
        ...


class LocalFiles:
    """An object store of this cloud."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def store(self, file: File, *, deadline: float) -> Stored:
        self._objects.put(file.name, file.body, rows=file.rows, sha256=file.sha256)
        stored = self._objects.stat(file.name)
        if stored is None:
            raise Retry("The store does not have the file that it took.")
        return stored


class RemoteFiles:
    """The writer that the link names: over HTTPS, signed, in parts that any of its clouds takes."""

    def __init__(
        self, link: LinkClient, *, part_bytes: int = PART_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._link = link
        self._part_bytes = part_bytes
        self._clock = clock

    def store(self, file: File, *, deadline: float) -> Stored:
        until = min(deadline, self._clock() + FILE_S)
        count = -(-len(file.body) // self._part_bytes)
        for part in range(count):
            told = self._send(file, part, count, until)
            if "size" in told:
                return Stored(file.name, told["size"], told["rows"], told["sha256"])
        # Parts of an earlier try that their store has deleted by now: all of them are sent again.
        raise Retry("The receiver did not find all parts of the file.")

    def _send(self, file: File, part: int, parts: int, until: float) -> dict[str, Any]:
        header = {"name": file.name, "part": part, "parts": parts, "rows": file.rows, "sha256": file.sha256}
        start = part * self._part_bytes
        body = jsontext.dumps(header).encode("ascii") + b"\n" + file.body[start : start + self._part_bytes]
        answer = self._link.post(
            body,
            {"content-type": FILE_MEDIA_TYPE},
            id=signing.webhook_id(body),
            final=_is_final,
            deadline=until,
        )
        if answer.status >= 400:
            raise Refused(f"The receiver answered {answer.status}{verdict.sentence(answer)}")
        return verdict.document(answer, max_bytes=1_000) or {}


def verified(file: File, stored: Stored) -> None:
    """Raise `Retry` unless what is stored is the file, to the last byte."""
    if (stored.name, stored.rows, stored.size, stored.sha256) != (
        file.name,
        file.rows,
        len(file.body),
        file.sha256,
    ):
        raise Retry("The store holds something else than the file that it was given.")


def _is_final(answer: Answer) -> bool:
    if not 200 <= answer.status < 300:
        return verdict.blames(answer)
    told = verdict.document(answer, max_bytes=1_000) or {}
    whole = isinstance(told.get("sha256"), str) and all(
        isinstance(told.get(name), int) for name in ("rows", "size")
    )
    return whole or isinstance(told.get("parts"), int)
