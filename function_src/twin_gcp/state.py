"""The state store: a document for each record, in a Firestore database of its own.

A record's version is the time of its last update, which Firestore makes later with each one. The document
also carries a random token of its writer. Where the client sends a write again, because the answer to the
first was lost, a precondition that does not hold may be its own doing: the document is read back, and its
token tells.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.api_core import exceptions
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud import firestore

from twin_runtime.ports import Record

from .firestore_calls import BOUNDS, call, failure

COLLECTION = "state"
"""Also in twinspan.gcp.events.state, which is not deployed with this package."""
_MARK = "@"
"""Before a name in a document's id: `.`, `..` and `__…__` are no ids."""
_TAKEN = (exceptions.AlreadyExists, exceptions.FailedPrecondition, exceptions.NotFound)


class FirestoreStateStore:
    """`ports.StateStore`. Thread-safe."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client
        self._records = client.collection(COLLECTION)

    def read(self, names: Sequence[str]) -> Mapping[str, Record]:
        return {name: record for name, (record, _) in self._read(names, call()).items()}

    def put_if_absent(self, name: str, text: str) -> str | None:
        record = self._records.document(_MARK + name)
        return self._write(name, text, record.create)

    def replace(self, name: str, text: str, *, version: str) -> str | None:
        record = self._records.document(_MARK + name)
        unchanged = self._client.write_option(last_update_time=DatetimeWithNanoseconds.from_rfc3339(version))
        return self._write(name, text, lambda fields, **how: record.update(fields, option=unchanged, **how))

    def delete(self, name: str) -> None:
        try:
            self._records.document(_MARK + name).delete(**call())
        except exceptions.GoogleAPIError as error:
            raise failure(error) from error

    def _write(self, name: str, text: str, write: Callable[..., Any]) -> str | None:
        writer = secrets.token_hex(8)
        try:
            result = write({"text": text, "writer": writer}, **call())
        except _TAKEN:
            there = self._read([name], {"timeout": BOUNDS.try_s, "retry": None}).get(name)
            return there[0].version if there and there[1] == writer else None
        except exceptions.GoogleAPIError as error:
            raise failure(error) from error
        return result.update_time.rfc3339()

    def _read(self, names: Sequence[str], bounds: Mapping[str, Any]) -> Mapping[str, tuple[Record, str]]:
        """Records and their writers' tokens, of those that are there."""
        if not names:
            return {}
        asked = [self._records.document(_MARK + name) for name in names]
        found: dict[str, tuple[Record, str]] = {}
        try:
            # An answer for each, and no wait for the end of the stream.
            for _, snapshot in zip(asked, self._client.get_all(asked, **bounds), strict=False):
                if snapshot.exists:
                    fields = snapshot.to_dict() or {}
                    record = Record(fields["text"], snapshot.update_time.rfc3339())
                    found[snapshot.id.removeprefix(_MARK)] = record, fields["writer"]
        except exceptions.GoogleAPIError as error:
            raise failure(error) from error
        return found
