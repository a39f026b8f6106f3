"""Where movers put files: an object store of their own cloud, or the writer of another."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from twin_runtime import jsontext
from twin_runtime.deadlines import FILE_S
from twin_runtime.errors import Refused, Retry
from twin_runtime.ports import Stored
from twin_runtime.tiers.tier_files import FILE_MEDIA_TYPE, PART_BYTES, SETTLE_MEDIA_TYPE, File
from twin_runtime.wire import signing, verdict
from twin_runtime.wire.link_client import Answer, LinkClient

if TYPE_CHECKING:
    from twin_runtime.tiers.catalogue import Catalogue

_SHORTEST_S = 1.0
"""With less time left a receiver is not asked to go on."""
_NO_SUCH_REQUEST = 415
"""Of a cold_writer of the release before. It takes no files of several members, and indexes none."""


class FileSink(Protocol):
    """Takes files. Storing one again is storing it once."""

    def store(self, file: File, *, deadline: float) -> Stored:
        """Store the rows of a file; returns what a store that took it tells of it, when all of its rows are
        stored: in the cold tier some may be in other files. Raises `errors.Retry`, also when it is not done
        at `deadline` (in `time.monotonic` seconds), and `errors.Refused`.
        """
        ...

    def settle(self, *, deadline: float) -> bool:
        """End what earlier calls began and did not end; whether nothing of that is left. Raises
        `errors.Retry`.
        """
        ...


class LocalFiles:
    """The cold tier of this cloud."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def store(self, file: File, *, deadline: float) -> Stored:
        return self._catalogue.add(file, deadline=deadline)

    def settle(self, *, deadline: float) -> bool:
        return self._catalogue.settle(deadline=deadline)


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

    def settle(self, *, deadline: float) -> bool:
        """A receiver ends what it can in the time of an answer, and is asked again."""
        body, until = b"{}", min(deadline, self._clock() + FILE_S)
        while until - self._clock() > _SHORTEST_S:
            answer = self._link.post(
                body,
                {"content-type": SETTLE_MEDIA_TYPE},
                id=signing.webhook_id(body),
                final=_is_settled,
                deadline=until,
            )
            if answer.status == _NO_SUCH_REQUEST:
                return False
            if answer.status >= 400:
                raise Refused(f"The receiver answered {answer.status}{verdict.sentence(answer)}")
            if (verdict.document(answer, max_bytes=1_000) or {})["settled"]:
                return True
        return False

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


def _is_settled(answer: Answer) -> bool:
    if not 200 <= answer.status < 300:
        return answer.status == _NO_SUCH_REQUEST or verdict.blames(answer)
    return isinstance((verdict.document(answer, max_bytes=1_000) or {}).get("settled"), bool)


def _is_final(answer: Answer) -> bool:
    if not 200 <= answer.status < 300:
        return verdict.blames(answer)
    told = verdict.document(answer, max_bytes=1_000) or {}
    whole = isinstance(told.get("sha256"), str) and all(
        isinstance(told.get(name), int) for name in ("rows", "size")
    )
    return whole or isinstance(told.get("parts"), int)
