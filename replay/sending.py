"""Taking letters from a place, and sending them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from operations.access import Access
from replay import forms
from replay.errors import Stays
from replay.letters import Letter, Received, Selection
from replay.places import Place
from replay.sources import Source
from replay.targets import DevicesTarget, DispatcherTarget, Prepared, QueueTarget, StoreTarget, Target
from twin_runtime.errors import Retry
from twin_runtime.events import cloudevents
from twin_runtime.model import Twin

SENT, WOULD_BE_SENT, KEPT = "sent back", "would be sent back", "kept"
Report = Callable[[Letter, str, str], None]
"""Takes a letter, what became of it (one of the three words), and why it was kept."""


class Targets:
    """Where the letters of each place go, reached when the first one is sent."""

    def __init__(self, access: Access, twin: Twin, places: Sequence[Place]) -> None:
        self._access = access
        self._twin = twin
        self._places = places
        self._made: dict[Place, Target] = {}

    def of(self, letter: Letter) -> Target:
        """Raises `Stays` for a letter that has no way back."""
        place = letter.place
        if place.hop == "events" and letter.event and letter.event.get("type") == cloudevents.COMMAND:
            # The event checker's other output: what the devices' side did not take.
            place = next((each for each in self._places if each.hop == "commands"), None)
            if place is None:
                raise Stays("It is a command, and the outputs of the devices' stack name no hop commands.")
        if place not in self._made:
            self._made[place] = self._make(place)
        return self._made[place]

    def _make(self, place: Place) -> Target:
        reach = self._access.to(place.cloud)
        if place.kind == "dispatcher":
            return DispatcherTarget(reach.queue(place.target), self._twin)
        if place.kind == "store":
            return StoreTarget(reach.store(place.target), self._twin)
        if place.kind == "devices":
            return DevicesTarget(reach.broker(place.target), self._twin)
        kind = cloudevents.COMMAND if place.hop == "commands" else cloudevents.TELEMETRY
        return QueueTarget(reach.queue(place.target), self._twin, kind)


@dataclass(frozen=True, slots=True)
class Batch:
    """The letters of one page, by the message that holds them."""

    letters: Sequence[tuple[Received, Sequence[Letter]]]

    def __iter__(self) -> Iterator[Letter]:
        return (letter for _, letters in self.letters for letter in letters)


def batches(place: Place, source: Source, fleet_secret: forms.FleetSecret | None) -> Iterator[Batch]:
    """Everything in a place, a page at a time."""
    for page in source.pages():
        yield Batch([(message, forms.read(place, message, fleet_secret)) for message in page])


@dataclass(slots=True)
class Sender:
    """Sends the selected letters of one place back; `report` is told what became of each.

    A letter is deleted when its content is durable in its target. A run that is killed between the two leaves
    a letter that was sent; sending it again gives the same events, which are stored once.
    """

    targets: Targets
    selection: Selection
    report: Report
    limit: int | None = None
    dry_run: bool = False
    taken: int = 0
    stopped: str | None = None

    def run(self, place: Place, source: Source, fleet_secret: forms.FleetSecret | None = None) -> None:
        """Raises `Retry` where the place cannot be read. Afterwards `stopped` says why a target took no
        more.
        """
        for batch in batches(place, source, fleet_secret):
            self._send(source, batch)
            if self.stopped is not None or self.limit == self.taken:
                return

    def _send(self, source: Source, batch: Batch) -> None:
        ready: dict[Target, list[tuple[Letter, Prepared]]] = {}
        for letter in self._chosen(batch):
            try:
                target = self.targets.of(letter)
                ready.setdefault(target, []).append((letter, target.prepare(letter)))
            except Stays as error:
                self.report(letter, KEPT, str(error))
        done: set[int] = set()
        for target, prepared in ready.items():
            done |= {id(letter) for letter in self._deliver(target, prepared)}
        if done:
            self._clear(source, batch, done)

    def _chosen(self, batch: Batch) -> Iterator[Letter]:
        for letter in batch:
            if self.limit is not None and self.taken >= self.limit:
                return
            if self.selection.takes(letter):
                self.taken += 1
                yield letter

    def _deliver(self, target: Target, prepared: Sequence[tuple[Letter, Prepared]]) -> Iterator[Letter]:
        """The letters that are durable in the target, and whole."""
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
        for message, letters in batch.letters:
            left = [letter for letter in letters if id(letter) not in done]
            if not left:
                empty.append(message)
            elif len(left) < len(letters):
                source.replace(message, left)
        source.delete(empty)
