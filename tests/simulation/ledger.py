"""What must hold, whatever happens: every event is stored once or dead-lettered with a reason, every effect
is done once, no byte that was acknowledged is lost.

The ledger knows what devices sent, and computes nothing as the product does: a reading is known again by the
number in its data.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

from simulation.plan import DAY, DEVICES
from twin_runtime import times
from twin_runtime.delivery import dead_letters
from twin_runtime.ports import CONFLICT, BrokerMessage, Event, Row

HOT, COOL = 80, 70
"""Above the first the rules fire."""
EXPIRES_IN_S = 300
MAX_AGE_S = 900
REMEMBERED_S = 900
"""An instance of event_feedback sends no command twice in this time."""
TYPES: dict[str, Any] = {
    "thermostat": {
        "telemetry": {"temperature": {"type": "number"}},
        "commands": {"set_point": {"type": "number"}},
    },
    "pump": {"telemetry": {"flow": {"type": "number"}}, "processor": "processors/pump.py"},
    "gauge": {"telemetry": {"level": {"type": "number"}}, "clock": {"refuse": True}},
}
BEFORE: dict[str, str] = {
    "thermostat-1": "thermostat",
    "thermostat-2": "thermostat",
    "pump-1": "pump",
    "gauge-1": "gauge",
}
RULES = [
    {
        "name": "overheating",
        "device_type": "thermostat",
        "when": {"metric": "temperature", "above": HOT},
        "then": {
            "feedback": {"command": "set_point", "value": 20, "expires_in": EXPIRES_IN_S},
            "workflow": True,
        },
        "cooldown": 0,
        "max_age": 10**9,
    },
    {
        "name": "fresh",
        "device_type": "thermostat",
        "when": {"metric": "temperature", "above": HOT + 5},
        "then": {"workflow": True},
        "cooldown": 0,
        "max_age": MAX_AGE_S,
    },
]
EFFECTS = {"overheating": ("workflow", "command"), "fresh": ("workflow",)}
BACKFILLED = 22
FAILS, SPLITS = 13, 2
"""Flows of a pump: on the first its processor fails, of the second it makes two events."""

Part = tuple[int, int]
"""The number of a reading, and which of the events that were made of it."""
Firing = tuple[str, Part]


class Violation(BaseException):
    """An invariant does not hold. No handler of errors catches it."""


def violated(text: str) -> NoReturn:
    raise Violation(text)


def process(event: Event) -> Any:
    """The user's code of pumps."""
    flow = event["data"]["flow"]
    if flow == FAILS:
        raise ValueError(flow)
    if flow == SPLITS:
        return [event, {**event, "id": "second", "data": {**event["data"], "part": 1}}]
    event["data"]["double"] = 2 * flow
    return event


@dataclass(slots=True)
class Expected:
    """A reading: what must become of it. `refused` is how the reason of its dead letter begins; empty where
    it is to be stored.
    """

    device: str
    time: str
    types: set[str]
    data: Mapping[str, Any]
    refused: str = ""
    rivals: list[int] = field(default_factory=list[int])
    """Readings with the same id and time, but other data: one of them is stored."""

    @property
    def parts(self) -> Collection[int]:
        return (0, 1) if self.data.get("flow") == SPLITS else (0,)


@lru_cache(maxsize=4096)
def part_of(data: str) -> Part:
    """Which event a row's data is of."""
    read = json.loads(data)
    return read["n"], read.get("part", 0)


class Ledger:
    """Hears of all that happens. Raises `Violation`."""

    def __init__(self, *, events: bool) -> None:
        self.expected: dict[int, Expected] = {}
        self.bodies: dict[str, int] = {}
        """Messages that no reading can be read from."""
        self.types: dict[str, str] = dict(BEFORE)
        self.rows: dict[Part, Row] = {}
        self.keys: dict[tuple[str, str], set[Part]] = defaultdict(set)
        """Device and id of stored events."""
        self.traces: dict[str, Part] = {}
        self.letters: dict[int, list[tuple[str, str]]] = defaultdict(list)
        self.command_letters: dict[Firing, list[str]] = defaultdict(list)
        self.expired: set[Part] = set()
        """Events whose row or file a store has deleted by its age."""
        self.given_up: set[int] = set()
        """Readings in a message on its last delivery."""
        self.retyped: set[str] = set()
        self.fired: dict[Firing, float] = {}
        """When, by the clock of the checker."""
        self.flagged = not events
        """Whether the event system was ever off."""
        self.lost: set[Firing] = set()
        """Firings whose effects went with the event system."""
        self.started: dict[Firing, list[str]] = defaultdict(list)
        self.queued: dict[Firing, list[str]] = defaultdict(list)
        self.sent: dict[Firing, list[tuple[object, float, str]]] = defaultdict(list)
        self.excuses: Counter[tuple[str, Firing]] = Counter()
        """How often a process died between an effect and its record."""
        self.resent: list[tuple[float, str, bytes]] = []
        """Messages of which each reading is the same event when the device sends it again."""
        self.changed: set[Part] = set()
        """Events that came again from a device of another type, when the hot store had them no more."""
        self._ids: dict[int, tuple[Any, str]] = {}

    # What devices send.

    def publish(self, device: str, seed: int, now: float, *, signed: bool) -> BrokerMessage:
        chance = random.Random(seed)
        received = times.from_epoch(now)
        sent = times.from_epoch(now - 1) if signed else ""
        if chance.random() < 0.06:
            text = "{broken " + "x" * chance.choice((5, 3_000)) + str(seed)
            self.bodies[text] = 0
            return BrokerMessage(device, text.encode(), received, sent=sent)
        readings = [
            self._reading(device, chance, now, sent or received) for _ in range(chance.choice((1, 1, 2, 4)))
        ]
        several = len(readings) > 1 or chance.random() < 0.5
        body = json.dumps(readings if several else readings[0]).encode()
        if all(
            reading.get("time") == self.expected[reading.get("n") or reading["data"]["n"]].time
            for reading in readings
        ):
            self.resent.append((now, device, body))
        return BrokerMessage(device, body, received, sent=sent)

    def backfill(self, device: str, now: float, *, signed: bool) -> BrokerMessage:
        """A message with readings of many days, one of each."""
        readings: list[dict[str, Any]] = []
        for day in range(3, 3 + BACKFILLED):
            number = len(self.expected) + 1
            data: dict[str, Any] = {"n": number, "flow": 1, "level": 1, "temperature": COOL}
            at = times.from_epoch(round(now - day * DAY, 3))
            self.expected[number] = Expected(device, at, {self.types[device]}, data)
            readings.append({"id": number, "time": at, "data": data})
        sent = times.from_epoch(now - 1) if signed else ""
        return BrokerMessage(device, json.dumps(readings).encode(), times.from_epoch(now), sent=sent)

    def republish(self, which: int, now: float, *, signed: bool) -> BrokerMessage | None:
        """A message that its device sends again."""
        recent = [(device, body) for at, device, body in self.resent if now - at < 20 * DAY]
        if not recent:
            return None
        device, body = recent[which % len(recent)]
        sent = times.from_epoch(now - 1) if signed else ""
        for number in _numbers(json.loads(body)):
            self.expected[number].types.add(self.types.get(device, ""))
        return BrokerMessage(device, body, times.from_epoch(now), sent=sent)

    def collide(self, which: int, now: float, *, signed: bool) -> BrokerMessage | None:
        """A message with a reading that has the id and time of an earlier one, and other data."""
        since = times.from_epoch(now - 20 * DAY)
        some = [
            each for each, (_, at) in self._ids.items() if at > since and self.expected[each].device in BEFORE
        ]
        if not some:
            return None
        other, number = some[which % len(some)], len(self.expected) + 1
        device = self.expected[other].device
        data: dict[str, Any] = {"n": number, "flow": 1, "level": 1, "temperature": COOL}
        self.expected[number] = Expected(device, "", {self.types[device]}, data)
        reading: dict[str, Any] = {"data": data}
        self._make_rival(number, other, reading, since)
        sent = times.from_epoch(now - 1) if signed else ""
        return BrokerMessage(device, json.dumps(reading).encode(), times.from_epoch(now), sent=sent)

    def _reading(self, device: str, chance: random.Random, now: float, received: str) -> dict[str, Any]:
        number = len(self.expected) + 1
        type = self.types.get(device, "")
        data: dict[str, Any] = {"n": number}
        match type:
            case "pump":
                data["flow"] = chance.choice((1, 1, 5, SPLITS, FAILS))
            case "gauge":
                data["level"] = chance.choice((1, 2.5))
            case _:
                data["temperature"] = chance.choice((COOL, COOL, HOT + 1, HOT + 9))
        reading: dict[str, Any] = {"data": data} if chance.random() < 0.5 else dict(data)
        known = Expected(device, received, {type}, data)
        self.expected[number] = known
        form = chance.choice(("both", "both", "time", "id", "none"))
        if form in ("both", "id"):
            reading["id"] = chance.choice((number, 1, 2)) if form == "both" else number
        if form in ("both", "time"):
            away = chance.choice((0, 0, 0, -5, -40, -2_000, -DAY, -4 * DAY, 400 * DAY, -400 * DAY))
            at = round(now + away - chance.random() * 20, 3)
            reading["time"] = times.from_epoch(at)
            if -30 * DAY < away < 300:
                known.time = reading["time"]
            elif type == "gauge":
                known.refused = "The time is more than"
        rival = chance.choice((None,) * 7 + tuple(self.expected)[-3:])
        if form == "both" and known.time == reading["time"]:
            self._make_rival(number, rival, reading, times.from_epoch(now - 20 * DAY))
        if type == "":
            known.refused = "The device is not known to this twin."
        elif data.get("flow") == FAILS:
            known.refused = "The processor of pump failed: ValueError."
        return reading

    def _make_rival(self, number: int, other: int | None, reading: dict[str, Any], since: str) -> None:
        """Give a reading the id and time of another, where that one has both, from `since` on. Of one device,
        one of the two is refused.
        """
        mine = self.expected[number]
        if other in self._ids and self._ids[other][1] > since:
            reading["id"], reading["time"] = self._ids[other]
            mine.time = reading["time"]
            same = [each for each, its in self._ids.items() if its == self._ids[other]]
            group = [each for each in same if self.expected[each].device == mine.device] + [number]
            for each in group:
                self.expected[each].rivals = [rival for rival in group if rival != each]
        self._ids[number] = reading["id"], reading["time"]

    # What is stored.

    def stored(self, row: Row) -> None:
        """A row that was not there is in the hot store."""
        if row.device.startswith("~"):
            return
        part = part_of(row.data)
        known = self.expected[part[0]]
        if part in self.rows and self.rows[part].subject != row.subject:
            self.changed.add(part)
        if part in self.rows and self.rows[part].key != row.key:
            violated(f"reading {part} has two rows, {self.rows[part].key} and {row.key}")
        if row.device != known.device or part[1] not in known.parts:
            violated(f"reading {part} is stored as one of {row.device}")
        if known.refused and known.device not in self.retyped:
            violated(f"reading {part} is stored, and was to be refused: {known.refused}")
        if row.time != known.time:
            violated(f"reading {part} of {known.time} is stored as of {row.time}")
        if row.subject not in known.types:
            violated(f"reading {part} of a {known.types} is stored as one of a {row.subject}")
        self.rows.setdefault(part, row)
        self.traces.setdefault(row.traceparent, part)
        parts = self.keys[row.device, row.id]
        parts.add(part)
        if len(parts) > 1:
            numbers = {number for number, _ in parts}
            if len(numbers) < len(parts) or not numbers <= {part[0], *known.rivals}:
                violated(f"readings {sorted(parts)} have one identity, {row.id}")

    def retype(self, device: str, type: str) -> None:
        self.types[device] = type
        self.retyped.add(device)
        for known in self.expected.values():
            if known.device == device:
                known.types.add(type)

    # Dead letters.

    def letter(self, role: str, body: str) -> None:
        for each in dead_letters.decode(body):
            if not each.reason.strip():
                violated(f"{role} put a dead letter without a reason")
            if each.event is not None and each.event.get("type", "").startswith("twinspan.command"):
                data = each.event["data"]
                self.command_letters[self._firing(data["rule"], each.event)].append(each.reason)
                continue
            if each.event is not None:
                self.letters[each.event["data"]["n"]].append((role, each.reason))
                continue
            text = each.body.decode() if isinstance(each.body, bytes) else each.body or ""
            if text in self.bodies:
                self.bodies[text] += 1
                continue
            try:
                numbers = _numbers(json.loads(text))
            except (ValueError, KeyError, TypeError):
                violated(f"{role} put a dead letter whose body nobody sent: {text[:60]}")
            for number in numbers:
                self.letters[number].append((role, each.reason))

    def last_delivery(self, body: str) -> None:
        """A message is on its last delivery: what fails now is given up."""
        for event in json.loads(body):
            if "n" in event["data"]:
                self.given_up.add(event["data"]["n"])
            else:
                self.given_up.add(self._firing(event["data"]["rule"], event)[1][0])

    # Effects.

    def fires(self, rule: str, traceparent: str, now: float, *, taken: bool = False) -> None:
        """`taken`: a call takes over what another began, which may not have said that the rule fired."""
        part = self.traces.get(traceparent)
        if part is None:
            violated(f"{rule} fired on an event that is not stored")
        firing = (rule, part)
        if taken and firing in self.fired:
            return
        if firing in self.fired and not self.flagged:
            violated(f"{rule} fired twice on reading {part}")
        if rule == "fresh" and not taken and times.to_epoch(self.rows[part].time) < now - MAX_AGE_S - 1:
            violated(f"{rule} fired on reading {part}, which is old")
        self.fired[firing] = now

    def starts(self, name: str, payload: Mapping[str, Any]) -> Firing:
        return self._effect(self.started, payload["rule"], payload["event"], name)

    def queues(self, event: Event) -> Firing:
        return self._effect(self.queued, event["data"]["rule"], event, json.dumps(event, sort_keys=True))

    def commands(self, device: str, event: Event, instance: object, now: float, mono: float) -> None:
        """A device gets a command."""
        firing = self._firing(event["data"]["rule"], event)
        if firing not in self.fired or firing[0] != "overheating":
            violated(f"a command that no rule made: {event['data']}")
        expires = times.to_epoch(event["data"]["expires"])
        if expires <= now:
            violated(f"{device} gets a command that expired {now - expires:.0f} s ago")
        if expires > self.fired[firing] + EXPIRES_IN_S + 1 and not self.flagged:
            violated(f"a command is good for {expires - self.fired[firing]:.0f} s")
        text = json.dumps(event, sort_keys=True)
        for other, at, before in self.sent[firing]:
            if before != text and not self.flagged:
                violated("a repeated command is another one")
            if other is instance and mono - at < REMEMBERED_S:
                violated(f"one instance sent a command twice within {mono - at:.0f} s")
        self.sent[firing].append((instance, mono, text))

    def answer_lost(self, event: Event) -> None:
        """The sender of a command does not know that the broker has it."""
        firing = self._firing(event["data"]["rule"], event)
        *before, (_, at, text) = self.sent[firing]
        self.sent[firing] = [*before, (None, at, text)]

    def events_off(self) -> None:
        """The event system is deleted, with what is in it."""
        self.flagged = True
        self.lost |= self.fired.keys()

    def _effect(self, of: dict[Firing, list[str]], rule: str, event: Event, text: str) -> Firing:
        firing = self._firing(rule, event)
        if firing not in self.fired:
            violated(f"{rule} has an effect for reading {firing[1]}, on which it did not fire")
        if of[firing] and of[firing][0] != text and not self.flagged:
            violated(f"the repeated effect of {firing} is another one")
        of[firing].append(text)
        return firing

    def _firing(self, rule: str, event: Event) -> Firing:
        part = self.traces.get(event["traceparent"])
        if part is None:
            violated(f"{rule} has an effect for an event that is not stored")
        return rule, part

    # At the end.

    def check(self, kept: Collection[Part], platform_refuses: bool) -> None:
        """`kept` are the events in any tier. Everything has come to rest."""
        for text, count in self.bodies.items():
            if not count:
                violated(f"a message is neither stored nor dead-lettered: {text[:20]}")
        for number, known in self.expected.items():
            self._check_reading(number, known, kept)
        self._check_effects(platform_refuses)
        self._check_edges()

    def _check_reading(self, number: int, known: Expected, kept: Collection[Part]) -> None:
        reasons = [reason for _, reason in self.letters[number]]
        parts = known.parts if known.device not in self.retyped else (0,)
        there = [part for part in parts if (number, part) in kept or (number, part) in self.expired]
        if not reasons and len(there) < len(parts):
            was = "was stored, and is" if any((number, part) in self.rows for part in parts) else "is"
            violated(f"reading {number} {was} neither stored nor dead-lettered: {known}")
        may = known.device in self.retyped or number in self.given_up
        for reason in reasons:
            if known.refused and reason.startswith(known.refused):
                continue
            if reason == CONFLICT and any((each, 0) in self.rows for each in known.rivals):
                continue
            if not may:
                violated(f"reading {number} is dead-lettered: {reason}")
        if known.refused and there and not may:
            violated(f"reading {number} is stored, and was to be refused")
        # When it came again after the other had left the hot store, it was stored.
        late = 0 in there and len(self.keys[known.device, self.rows[number, 0].id]) > 1
        if 0 in there and CONFLICT in reasons and not may and not late:
            violated(f"reading {number} is stored and dead-lettered as a conflict")

    def _check_effects(self, platform_refuses: bool) -> None:
        for firing in self.fired.keys() - self.lost:
            rule, (number, _) = firing
            device = self.expected[number].device
            may = number in self.given_up or device in self.retyped
            letters = self.command_letters[firing]
            started, queued = len(self.started[firing]), len(self.queued[firing])
            if not started and not may:
                violated(f"{rule} fired on reading {number}, and the workflow was not started")
            if platform_refuses and started > 1:
                violated(f"{started} executions of one name")
            for what, count in (("workflow", started), ("command", queued)):
                if count > 1 + self.excuses[what, firing] and not self.flagged:
                    excuses = self.excuses[what, firing]
                    violated(f"{rule} did its {what} {count} times on reading {number}; deaths: {excuses}")
            if "command" not in EFFECTS[rule] or may:
                continue
            if not self.sent[firing] and not letters:
                violated(f"{rule} fired on reading {number}, and the device got no command")
            for reason in letters:
                if not reason.startswith("The command expired at"):
                    violated(f"a command is dead-lettered: {reason}")

    def _check_edges(self) -> None:
        """A rule fires at most once for each time that its condition became true, once where it ever did."""
        if self.flagged:
            return
        by_device: dict[str, list[tuple[str, Part]]] = defaultdict(list)
        for part, row in self.rows.items():
            if row.device.startswith("thermostat") and row.device not in self.retyped:
                by_device[row.device].append((row.key, part))
        for device, keyed in by_device.items():
            parts = [part for _, part in sorted(keyed)]
            # Of two with one key either may have come first, and made a condition true once more.
            unordered = len(keyed) - len({key for key, _ in keyed})
            for rule, bound in (("overheating", HOT), ("fresh", HOT + 5)):
                truths = [self.expected[number].data["temperature"] > bound for number, _ in parts]
                edges = sum(now and not before for before, now in zip([False, *truths], truths, strict=False))
                fired = sum((rule, part) in self.fired for part in parts)
                if fired > edges + unordered:
                    violated(f"{rule} fired {fired} times for {device}, and became true {edges} times")
                # The other row of its key may have come between its storing and its showing.
                refused = {
                    number for number, _ in parts if CONFLICT in (each for _, each in self.letters[number])
                }
                given_up = any(number in self.given_up | refused for number, _ in parts)
                if rule == "overheating" and edges and not fired and not given_up:
                    violated(f"{rule} never fired for {device}")


def _numbers(document: Any) -> Iterable[int]:
    """The numbers of the readings of a message."""
    readings = document if isinstance(document, list) else [document]
    return [(each["data"] if isinstance(each.get("data"), dict) else each)["n"] for each in readings]


assert set(BEFORE) < set(DEVICES)
