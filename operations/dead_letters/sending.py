"""Receive letters from a source and resend them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from operations.access import Access
from operations.dead_letters import forms
from operations.dead_letters.letters import Letter, Received, Selection
from operations.dead_letters.locations import Location
from operations.dead_letters.sources import Source
from operations.dead_letters.targets import Prepared, Target, Unsendable, connect
from twin_runtime.errors import Retry
from twin_runtime.events import cloudevents
from twin_runtime.model import Twin

Batch = Sequence[tuple[Received, Sequence[Letter]]]
SENT, WOULD_BE_SENT, KEPT = "resent", "would be resent", "kept"
Report = Callable[[Letter, str, str], None]
"""Receives a letter, its outcome (one of the three words), and the reason why it was kept."""


class Targets:
    """Connects to the target of each location when the first letter is sent there."""

    def __init__(self, access: Access, twin: Twin, locations: Sequence[Location]) -> None:
        self._locations = locations
        self._connected = cache(lambda location: connect(location, access.to(location.cloud), twin))

    def of(self, letter: Letter) -> Target:
        """Return the letter's target; raises `Unsendable` if it has none."""
        location = letter.location
        if location.hop == "events" and letter.event and letter.event.get("type") == cloudevents.COMMAND:
            # The event checker also sends commands: this one was refused on its way to the devices.
            location = next((each for each in self._locations if each.hop == "commands"), None)
            if location is None:
                raise Unsendable("The letter is a command, but no stack's outputs contain the hop commands.")
        return self._connected(location)


def batches(location: Location, source: Source, authentic: forms.Authentic | None) -> Iterator[Batch]:
    """Yield every message of a source with its letters, a page at a time."""
    for page in source.pages():
        yield [(message, forms.read(location, message, authentic)) for message in page]


@dataclass(slots=True)
class Sender:
    """Resends the selected letters of a source, and calls `report` with the outcome of each.

    A letter is deleted once its content is durable in the target. If a run is killed before it deletes a
    letter, the next run resends that letter; its events have the same ids and are stored once.
    """

    targets: Targets
    selection: Selection
    report: Report
    limit: int | None = None
    dry_run: bool = False
    taken: int = 0
    stopped: str | None = None

    def run(self, location: Location, source: Source, authentic: forms.Authentic | None = None) -> None:
        """Resend; raises `Retry` if the source fails. `stopped` is the reason if a target failed."""
        for batch in batches(location, source, authentic):
            self._send(source, batch)
            if self.stopped is not None or self.limit == self.taken:
                return

    def _send(self, source: Source, batch: Batch) -> None:
        ready: dict[Target, list[tuple[Letter, Prepared]]] = {}
        for letter in self._chosen(batch):
            try:
                target = self.targets.of(letter)
                ready.setdefault(target, []).append((letter, target.prepare(letter)))
            except Unsendable as error:
                self.report(letter, KEPT, str(error))
        done: set[int] = set()
        for target, prepared in ready.items():
            done |= {id(letter) for letter in self._deliver(target, prepared)}
        if done:
            self._clear(source, batch, done)

    def _chosen(self, batch: Batch) -> Iterator[Letter]:
        for letter in (letter for _, letters in batch for letter in letters):
            if self.limit is not None and self.taken >= self.limit:
                return
            if self.selection.includes(letter):
                self.taken += 1
                yield letter

    def _deliver(self, target: Target, prepared: Sequence[tuple[Letter, Prepared]]) -> Iterator[Letter]:
        """Yield the letters whose whole content is durable in the target."""
        stays: dict[int, str] = {}
        if self.stopped is not None:
            stays = dict.fromkeys(range(len(prepared)), self.stopped)
        elif not self.dry_run:
            try:
                stays = target.send([each for _, each in prepared])
            except Retry as error:
                self.stopped = error.reason
                stays = dict.fromkeys(range(len(prepared)), error.reason)
        for position, (letter, each) in enumerate(prepared):
            why = stays.get(position) or each.left
            if why is not None:
                self.report(letter, KEPT, why)
            elif self.dry_run:
                self.report(letter, WOULD_BE_SENT, "")
            else:
                self.report(letter, SENT, "")
                yield letter

    @staticmethod
    def _clear(source: Source, batch: Batch, done: set[int]) -> None:
        empty: list[Received] = []
        for message, letters in batch:
            left = [letter for letter in letters if id(letter) not in done]
            if not left:
                empty.append(message)
            elif len(left) < len(letters):
                source.replace(message, left)
        source.delete(empty)
