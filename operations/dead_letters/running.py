"""List, resend and delete the dead letters of a deployed twin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from operations.access import Access
from operations.dead_letters import locations
from operations.dead_letters.forms import Authentic
from operations.dead_letters.letters import Letter, Received, Selection
from operations.dead_letters.locations import Location
from operations.dead_letters.sending import Batch, Report, Sender, Targets, batches, clear
from operations.dead_letters.sources import Source
from operations.deployed import Deployed


def letters(
    found: Deployed, selection: Selection, *, hop: str | None = None, cloud: str | None = None
) -> Iterator[Letter]:
    """Yield the selected letters, and delete none; raises `UsageError` and `Retry`."""
    for location in _selected(found, hop, cloud):
        with _source(location, found.access) as source:
            for batch in batches(location, source, None):
                yield from (letter for _, of in batch for letter in of if selection.includes(letter))


def resend(
    found: Deployed,
    selection: Selection,
    report: Report,
    *,
    hop: str,
    cloud: str | None = None,
    limit: int | None = None,
    dry_run: bool = False,
) -> str | None:
    """Resend the selected letters; return the reason if a target failed and the others were not tried.

    Raises `UsageError` and `Retry`.
    """
    known = locations.of_outputs(found.outputs)
    selected = locations.select(known, hop, cloud)
    targets = Targets(found.access, found.twin, known)
    sender = Sender(targets, selection, report, limit=limit, dry_run=dry_run)
    for location in selected:
        if sender.stopped is None and sender.taken != limit:
            with _source(location, found.access) as source:
                sender.run(location, source, _authentic(found, location))
    return sender.stopped


@dataclass
class Purge:
    """Deletes letters in two runs: `count` shows how many there are, and `delete` takes those alone.

    A letter that arrives in between is not deleted: nobody has been asked about it.
    """

    found: Deployed
    selection: Selection
    hop: str | None = None
    cloud: str | None = None
    _counted: set[tuple[Location, str]] = field(default_factory=set)

    def count(self) -> Counter[Location]:
        """Return how many letters would be deleted, by location; raises `UsageError` and `Retry`."""
        return self._run(lambda location, source, batch, chosen: self._note(location, batch, chosen))

    def delete(self) -> Counter[Location]:
        """Delete the letters that `count` has seen; return how many, by location. Raises `Retry`."""

        def delete(location: Location, source: Source, batch: Batch, chosen: Sequence[Letter]) -> None:
            clear(source, batch, {id(letter) for letter in chosen})

        return self._run(delete, lambda location, message: (location, message.id) in self._counted)

    def _note(self, location: Location, batch: Batch, chosen: Sequence[Letter]) -> None:
        wanted = {id(letter) for letter in chosen}
        self._counted |= {
            (location, message.id) for message, of in batch if any(id(each) in wanted for each in of)
        }

    def _run(
        self,
        act: Callable[[Location, Source, Batch, Sequence[Letter]], None],
        allowed: Callable[[Location, Received], bool] = lambda location, message: True,
    ) -> Counter[Location]:
        counts: Counter[Location] = Counter()
        for location in _selected(self.found, self.hop, self.cloud):
            with _source(location, self.found.access) as source:
                for batch in batches(location, source, None):
                    chosen = [
                        letter
                        for message, of in batch
                        if allowed(location, message)
                        for letter in of
                        if self.selection.includes(letter)
                    ]
                    if chosen:
                        act(location, source, batch, chosen)
                        counts[location] += len(chosen)
        return counts


def _selected(found: Deployed, hop: str | None, cloud: str | None) -> list[Location]:
    return locations.select(locations.of_outputs(found.outputs), hop, cloud)


def _source(location: Location, access: Access) -> Source:
    return access.adapter("operations.dead_letters.sources", location)


def _authentic(found: Deployed, location: Location) -> Authentic | None:
    if not location.fleet_secret:
        return None
    from twin_gcp import devices

    secret = cache(lambda: found.access.to(location.cloud).secret(location.fleet_secret).fetch())
    return lambda sent, data, at: devices.problem(secret(), sent, data, at, found.twin.device_keys)
