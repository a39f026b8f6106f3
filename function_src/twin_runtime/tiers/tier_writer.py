"""cold_writer and archive_writer: the receivers of files from movers in another cloud, and of reads of them.

A file comes in parts: `POST` of a line of JSON, `{"name", "part", "parts", "rows", "sha256"}`, and the part's
bytes. All of that is signed. The answer to all but the last is `{"parts": n}`; to the last it is
`{"rows", "sha256", "size"}` as the store tells them of the file. Parts may come in any order, and again.

cold_writer keeps the files in a catalogue, and also reads: `POST` of `{"device", "from", "to", "limit",
"cursor", "order"}` is answered with `{"events": […], "next"}`, and `unread` (see `tier_reader`). A mover
begins with `POST` of `{}` as another media type, which settles the catalogue: `{"settled": true}`, or false
where time was over.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from twin_runtime import deadlines, jsontext
from twin_runtime.deadlines import UNBOUNDED, Budget, Deadline, over
from twin_runtime.errors import Refused, Retry
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import PARTS, Objects, Request, Response, Stored
from twin_runtime.tiers import tier_files, tier_reader
from twin_runtime.tiers.catalogue import Catalogue
from twin_runtime.tiers.tier_files import (
    FILE_MEDIA_TYPE,
    KNOWS_UNREAD,
    MAX_PARTS,
    PART_BYTES,
    QUERY_MEDIA_TYPE,
    SETTLE_MEDIA_TYPE,
    File,
)
from twin_runtime.tiers.tier_reader import TierReader, read_query
from twin_runtime.wire import gate
from twin_runtime.wire.answers import Refusal, answer, guarded, json_answer
from twin_runtime.wire.secret_cache import CachedSecret

_MAX_HEADER_BYTES = 2_000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIELDS = {"name": str, "part": int, "parts": int, "rows": int, "sha256": str}


@dataclass(frozen=True, slots=True)
class _Part:
    """What the header of a request says, and its bytes."""

    name: str
    part: int
    parts: int
    rows: int
    sha256: str
    body: bytes

    def staged(self, part: int) -> str:
        """Where a part lies until the last one is there."""
        return f"{PARTS}{self.sha256}/{part}-of-{self.parts}"


class TierWriter:
    """The receiver. `api_keys` is None where the platform has checked the key; `reader` and `catalogue` are
    given for the cold tier. Thread-safe.
    """

    def __init__(
        self,
        *,
        twin: Twin,
        objects: Objects,
        log: Log,
        link: CachedSecret,
        api_keys: CachedSecret | None = None,
        reader: TierReader | None = None,
        catalogue: Catalogue | None = None,
        budget: Budget = UNBOUNDED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._twin = twin
        self._objects = objects
        self._log = log
        self._link = link
        self._api_keys = api_keys
        self._reader = reader
        self._catalogue = catalogue
        self._budget = budget
        self._clock = clock

    def handle(self, request: Request) -> Response:
        """Answer a request; never raises."""
        return guarded(self._log, lambda: self._handle(request, self._budget.deadline()))

    def _handle(self, request: Request, deadline: Deadline) -> Response:
        media_types = [FILE_MEDIA_TYPE]
        media_types += [QUERY_MEDIA_TYPE] if self._reader else []
        media_types += [SETTLE_MEDIA_TYPE] if self._catalogue else []
        media_type = gate.check_post(
            request,
            media_types=media_types,
            max_bytes=PART_BYTES + _MAX_HEADER_BYTES,
            api_keys=self._api_keys,
            link=self._link,
            now=self._clock(),
        )
        if media_type == QUERY_MEDIA_TYPE and self._reader:
            return self._read(self._reader, request, deadline)
        if media_type == SETTLE_MEDIA_TYPE and self._catalogue:
            return answer(200, {"settled": self._catalogue.settle(deadline=deadline)})
        return self._take(_parsed(request.body), deadline)

    def _read(self, reader: TierReader, request: Request, deadline: Deadline) -> Response:
        query = read_query(request.body, self._twin)
        page = reader.page(query, deadline=deadline)
        if KNOWS_UNREAD not in (request.header("content-type") or "") and any(
            each.reason == tier_reader.NOT_INDEXED for each in page.unread
        ):
            raise Retry("The files of the release before are not indexed yet.")
        self._log.info("read", events=len(page.events), more=page.next is not None)
        events = ",".join(text for _, text in page.events)
        unread = f',"unread":{tier_reader.unread_text(page.unread)}' if page.unread else ""
        return json_answer(200, f'{{"events":[{events}],"next":{jsontext.dumps(page.next)}{unread}}}')

    def _take(self, part: _Part, deadline: Deadline) -> Response:
        """What has no time left is asked for again, and goes on with the parts that are here."""
        deadlines.check(deadline)
        stored = self._objects.stat(part.name)
        if stored is not None and (stored.rows, stored.sha256) == (part.rows, part.sha256):
            return _told(self._indexed(stored, part, deadline))
        body: bytes | None = part.body
        if part.parts > 1:
            deadlines.check(deadline)
            self._objects.put(part.staged(part.part), part.body, rows=0, sha256=sha256(part.body).hexdigest())
            deadlines.check(deadline)
            here = self._here(part)
            if here < part.parts:
                return answer(200, {"parts": here})
            body = self._joined(part, deadline)
        stored = self._store(part, body, deadline)
        self._log.info("stored", name=part.name, rows=stored.rows, bytes=stored.size)
        return _told(stored)

    def _here(self, part: _Part) -> int:
        names = set(self._objects.names(f"{PARTS}{part.sha256}/", limit=1_000))
        return sum(part.staged(number) in names for number in range(part.parts))

    def _joined(self, part: _Part, deadline: Deadline) -> bytes | None:
        """The file from its parts; None where another request has just stored it and deleted them."""

        def body(number: int) -> bytes:
            deadlines.check(deadline)
            return self._objects.get(part.staged(number))

        try:
            return b"".join(map(body, range(part.parts)))
        except Refused:
            return None

    def _indexed(self, stored: Stored, part: _Part, deadline: Deadline) -> Stored:
        """The file that is there; whoever stored it may have ended before it was indexed."""
        if self._catalogue is None:
            return stored
        deadlines.check(deadline)
        try:
            body = self._objects.get(part.name)
        except Refused:
            return stored  # it was indexed long ago, and is archived
        return self._catalogue.add(self._check(part, body), deadline=deadline)

    def _store(self, part: _Part, body: bytes | None, deadline: Deadline) -> Stored:
        stored = None
        if body is not None:
            file = self._check(part, body)
            deadlines.check(deadline)
            if self._catalogue is not None:
                stored = self._catalogue.add(file, deadline=deadline)
            else:
                self._objects.put(part.name, body, rows=part.rows, sha256=part.sha256)
        deadlines.check(deadline)
        stored = stored or self._objects.stat(part.name)
        if stored is None:
            raise Retry("The store does not have the file that it took.")
        if part.parts > 1:
            self._forget(part, deadline)
        return stored

    def _check(self, part: _Part, body: bytes) -> File:
        if sha256(body).hexdigest() != part.sha256:
            if part.parts > 1:
                self._forget(part)
                raise Retry("The parts do not make the file; all of them are needed again.")
            raise Refusal(400, "The file is not the one that its sha256 was made from.")
        try:
            return tier_files.opened(body, part.name, self._twin)
        except tier_files.Invalid as error:
            if part.parts > 1:
                self._forget(part)
            raise Refusal(400, str(error)) from None

    def _forget(self, part: _Part, deadline: float = math.inf) -> None:
        """Delete the parts, as far as the time goes: a rule of the store deletes the others."""
        for number in range(part.parts):
            if over(deadline):
                return
            self._objects.delete(part.staged(number))


def _parsed(body: bytes) -> _Part:
    """The part of a request; raises `Refusal` 400."""
    line, end, _ = body[:_MAX_HEADER_BYTES].partition(b"\n")
    if not end:
        raise Refusal(400, "The body does not begin with a line of JSON.")
    try:
        header: Any = jsontext.loads(line, max_bytes=_MAX_HEADER_BYTES)
    except jsontext.Malformed as error:
        raise Refusal(400, str(error)) from None
    if not isinstance(header, dict) or header.keys() != _FIELDS.keys():
        raise Refusal(400, f"The line of JSON must have {', '.join(_FIELDS)}, and nothing else.")
    for name, kind in _FIELDS.items():
        if not isinstance(header[name], kind) or isinstance(header[name], bool):
            raise Refusal(400, f"The field {name} is of another type.")
    part = _Part(**header, body=body[len(line) + 1 :])
    _check_header(part)
    return part


def _check_header(part: _Part) -> None:
    try:
        name = tier_files.parse_name(part.name)
    except tier_files.Invalid as error:
        raise Refusal(400, str(error)) from None
    if not 1 <= part.parts <= MAX_PARTS or not 0 <= part.part < part.parts:
        raise Refusal(400, f"The parts are numbered from 0, and are at most {MAX_PARTS}.")
    if part.rows != name.rows or part.rows > tier_files.MAX_ROWS:
        raise Refusal(400, f"The rows are not those of the name, or more than {tier_files.MAX_ROWS}.")
    if not _SHA256.fullmatch(part.sha256):
        raise Refusal(400, "The sha256 is not 64 hexadecimal digits in lower case.")
    if not 0 < len(part.body) <= PART_BYTES:
        raise Refusal(413 if part.body else 400, f"A part has 1 to {PART_BYTES} bytes.")


def _told(stored: Stored) -> Response:
    return answer(200, {"rows": stored.rows, "sha256": stored.sha256, "size": stored.size})
