"""The models of a twin's types in Azure Digital Twins.

What a model says cannot be changed, so a type that changes gets a new revision. Its twins are moved to it,
and the old one is decommissioned: no twin is made of it any more. It is deleted when types change again: only
a query tells whether it is unused, and a query may miss what was written just now.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from twin_runtime.errors import Refused, Retry
from twin_runtime.model import Twin

from . import dtdl
from .digital_twins_client import MOST_ITEMS, MOST_MODELS, Client, Json
from .dtdl import Interface

_MOVERS = 8
_MOVE_SECONDS = 20.0
"""When no other page of twins is moved: a run has less than a minute in all."""

Move = Callable[[str, Interface], None]
"""Given a twin's id and what it is to be made of."""


class Models:
    """Thread-safe. `prefix` is that of all ids (see `dtdl`)."""

    def __init__(self, client: Client, prefix: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._prefix = prefix
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, Interface] = {}
        self._current: dict[str, Interface] = {}
        """By type; empty until somebody asks."""
        self._there: set[str] = set()
        """Ids that were found, of models that never change."""

    def keep(self, twin: Twin, move: Move) -> None:
        """Make the models as twin.json has them, and move twins to them. Raises `Retry` when there was not
        enough time to move all.
        """
        wanted = {definition["@id"]: definition for definition in dtdl.definitions(self._prefix, twin)}
        there = self._client.models()
        self._add([definition for id_, definition in wanted.items() if id_ not in there])
        for id_ in wanted:
            if there.get(id_):
                self._client.decommission(id_, decommissioned=False)
        current = {
            found.type: found
            for definition in wanted.values()
            if (found := dtdl.interface(self._prefix, definition)) is not None
        }
        with self._lock:
            self._current = current
            self._known.update((each.id, each) for each in current.values())
        stale = [id_ for id_ in there if self._ours(id_) and id_ not in wanted]
        self._retire(stale, there, move)

    def current(self, type: str) -> Interface:
        """The revision that twins of a type are made of; raises `Retry` where there is none."""
        with self._lock:
            found = self._current.get(type)
        if found is None:
            found = next(self._revisions(type), None)
            if found is None:
                raise Retry(f"The type {type} has no model yet.")
            with self._lock:
                self._current[type] = found
        return found

    def interface(self, id: str) -> Interface | None:
        """What a model's definition says; None where it is not a revision of ours, or is gone."""
        with self._lock:
            found = self._known.get(id)
        if found is None and dtdl.is_revision(self._prefix, id):
            definition = self._client.model(id)
            found = dtdl.interface(self._prefix, definition) if definition else None
            if found is not None:
                with self._lock:
                    self._known[id] = found
        return found

    def has(self, id: str) -> bool:
        """Whether a model is there: a query refuses one that is not."""
        if id not in self._there and self._client.model(id) is not None:
            self._there.add(id)
        return id in self._there

    def need_base(self) -> None:
        """Make the model of what every twin has, if it is not there."""
        if not self.has(dtdl.base_id(self._prefix)):
            self._client.add_models([dtdl.base(self._prefix)])

    def _revisions(self, type: str) -> Iterator[Interface]:
        for id_, decommissioned in self._client.models().items():
            if not decommissioned and dtdl.type_of(self._prefix, id_) == type:
                found = self.interface(id_)
                if found is not None:
                    yield found

    def _ours(self, id: str) -> bool:
        return dtdl.type_of(self._prefix, id) is not None

    def _add(self, definitions: Sequence[Json]) -> None:
        for start in range(0, len(definitions), MOST_MODELS):
            self._client.add_models(definitions[start : start + MOST_MODELS])

    def _retire(self, stale: Sequence[str], there: dict[str, bool], move: Move) -> None:
        deadline = self._clock() + _MOVE_SECONDS
        gone: set[str] = set()
        # Revisions first: a type can be deleted when nothing extends it any more.
        for id_ in sorted(stale, key=lambda each: each.endswith(";1")):
            if not dtdl.is_revision(self._prefix, id_):
                kind = dtdl.type_of(self._prefix, id_)
                left = [each for each in there if dtdl.type_of(self._prefix, each) == kind]
                if set(left) - gone == {id_}:
                    self._client.delete_model(id_)
                    self._there.discard(id_)
                continue
            if not there[id_]:
                self._client.decommission(id_, decommissioned=True)
            if not self._move(id_, move, deadline) and there[id_]:
                self._client.delete_model(id_)
                gone.add(id_)

    def _move(self, stale: str, move: Move, deadline: float) -> int:
        """Move the twins of a revision to that of today; returns how many it had. Those of a type that is no
        more are left to be deleted.
        """
        with self._lock:
            target = self._current.get(dtdl.type_of(self._prefix, stale) or "")
        count, cursor = 0, None
        with ThreadPoolExecutor(_MOVERS, thread_name_prefix="move") as pool:
            while True:
                page, cursor = self._client.query(
                    dtdl.query(stale, exact=True), cursor=cursor, limit=MOST_ITEMS
                )
                count += len(page)
                if target is not None:
                    list(pool.map(lambda each: _one(move, each["$dtId"], target), page))
                if cursor is None:
                    return count
                if self._clock() > deadline:
                    raise Retry("There are more twins to move to a new model.")


def _one(move: Move, id: str, target: Interface) -> None:
    """A twin that cannot be moved stays what it is, and is read and written as such."""
    try:
        move(id, target)
    except Refused as error:
        logging.getLogger("twinspan").warning("A twin was not moved to a new model: %s", error.reason)
