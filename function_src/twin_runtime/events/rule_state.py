"""When a rule fires: the state of a device's rules, and what an event changes in it. No clock, no store.

A rule fires on the event that makes its condition true, or keeps it true for as long as `for` says. It fires
again after the condition was false, or after `repeat`. `cooldown` is the shortest time between two firings.

Events are ordered by their key, `<time>#<id>`. A leaf of a condition keeps the key of the newest event that
it looked at, and an older event does not change it. So an event that is delivered again changes nothing, and
of events that arrive in another order the newest decides. The keys of a rule's firings rise.

The state of a device is one text. It holds the rules that are not at rest, and the firings in progress: for
each one which of its effects are done, and which call is at work on it. If that call dies, the next delivery
of the event takes the firing over after `LEASE_S`. The text is written only when the truth of a leaf changes
or a rule fires: a device at rest costs no write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from twin_runtime import jsontext, times
from twin_runtime.errors import Retry
from twin_runtime.ports import Event
from twin_runtime.roles import ROLES, Role
from twin_runtime.rules import Rule

LEASE_S = 2.0 * ROLES[Role.EVENT_CHECKER].timeout_s
"""How long a firing is left to the call that began it: twice the time after which a platform ends a call."""
MOST_FIRINGS = 20
"""Firings of a device that may be in progress at a time; further ones wait in the queue."""
WORKFLOW, COMMAND = "workflow", "command"
"""The effects of a firing."""
_STALE_S = 86_400.0
"""After this time a firing that nobody finished gives its place to a new one."""
_SKEW_S = 300.0
"""How far the clocks of two instances may be apart."""
_LONGEST_ID = 40
_VERSION = 1


class Unreadable(ValueError):
    """A text is not the state of a device's rules."""


class Newer(Retry):
    """A newer release wrote the state: its event checker reads it."""


def key(event: Event) -> str:
    """By what the events of a device are ordered: at most 80 characters."""
    id: str = event["id"]
    if len(id) > _LONGEST_ID:
        # As `cloudevents.hashed_id` makes it, without a JSON encoder: an id has nothing to escape.
        id = sha256(f'["{id}"]'.encode("ascii")).hexdigest()[:32]
    return f"{event['time']}#{id}"


def effects(rule: Rule) -> tuple[str, ...]:
    """What a firing of the rule does."""
    return (WORKFLOW,) * rule.workflow + (COMMAND,) * (rule.feedback is not None)


@dataclass(slots=True)
class Firing:
    """A firing in progress. `at` is when it was decided, in seconds; `begun` and `by` are the time and the
    call that works on it. `begun` is 0 where none does.
    """

    rule: str
    event: str
    at: float
    begun: float
    by: str
    done: list[str] = field(default_factory=list[str])

    def is_held(self, now: float) -> bool:
        """Whether a call may still be at work. Clocks differ, hence a beginning in the future."""
        return abs(now - self.begun) < LEASE_S


@dataclass(slots=True)
class _State:
    """Of one rule. A key is empty where there is none."""

    truths: list[bool]
    keys: list[str]
    since: str = ""
    """The event that made the condition true; empty while it is false."""
    fired: str = ""
    """The event of the newest firing."""
    at: float = 0.0
    """When that was, by the clock of the checker."""

    @classmethod
    def blank(cls, leaves: int) -> _State:
        return cls([False] * leaves, [""] * leaves)


@dataclass(slots=True)
class Look:
    """What `Device.look` found, by position of the event."""

    mine: list[tuple[Firing, Rule, list[int]]] = field(default_factory=list[tuple[Firing, Rule, list[int]]])
    """Firings whose effects this call is to do, each with its event, which may be there twice."""
    taken: list[Firing] = field(default_factory=list[Firing])
    """Those of `mine` that another call had begun."""
    busy: list[int] = field(default_factory=list[int])
    """Events with a firing that another call is at work on."""
    waiting: list[int] = field(default_factory=list[int])
    """Events that were not looked at, because too many firings are in progress."""
    dropped: list[str] = field(default_factory=list[str])
    """The rules that are gone, of firings that were in progress."""
    old: int = 0
    """How many times a rule did not look at an event because of its age."""


class Device:
    """The state of the rules that are about one device. `changed` says whether it must be written."""

    def __init__(self, rules: Sequence[Rule], text: str | None = None) -> None:
        """Raises `Unreadable`, or `Newer`."""
        self._rules = {rule.name: rule for rule in rules}
        self._states: dict[str, _State] = {}
        self._firings: list[Firing] = []
        self.changed = False
        if text is not None:
            try:
                self._read(jsontext.loads(text, max_bytes=len(text)))
            except (jsontext.Malformed, AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
                raise Unreadable("It is not the state of a device's rules.") from error

    def look(self, events: Sequence[Event], now: float, call: str) -> Look:
        """Look at events in the order of their keys. `call` names the call that will do the effects."""
        found = Look()
        oldest = {
            age: times.from_epoch(max(now - age, 0)) for age in {r.max_age for r in self._rules.values()}
        }
        awake = self._awake(events, oldest)
        # Where all rules stay at rest, the order of the events is of no account.
        keys = sorted((key(event), position) for position, event in enumerate(events)) if awake else ()
        for at, position in keys:
            if found.waiting:
                found.waiting.append(position)
                continue
            event = events[position]
            for rule in awake:
                if event["time"] < oldest[rule.max_age]:
                    found.old += 1
                elif self._fires(rule, event["data"], at, now):
                    if len(self._firings) >= MOST_FIRINGS and not self._make_room(now):
                        found.waiting.append(position)
                        break
                    self._note(rule, at, now)
                    self._firings.append(Firing(rule.name, event["id"], now, now, call))
        self._hand_out(found, events, now, call)
        return found

    def settle(self, rule: str, event: str, done: Iterable[str], *, call: str, release: bool) -> None:
        """Record the effects of a firing that are done. With `release`, let the next delivery do the rest
        now. A firing without an effect left is forgotten.
        """
        for firing in self._firings:
            if (firing.rule, firing.event) != (rule, event):
                continue
            new = [effect for effect in done if effect not in firing.done]
            firing.done += new
            if release and firing.by == call and firing.begun:
                firing.begun = 0.0
                self.changed = True
            self.changed |= bool(new)
        self._firings = [firing for firing in self._firings if not self._is_over(firing)]

    def text(self, now: float) -> str:
        """The state as a store keeps it: without what no event can change that is young enough."""
        rules = {
            name: entry
            for name, state in self._states.items()
            if (entry := _entry(self._rules[name], state, now)) is not None
        }
        firings = [[each.rule, each.event, each.at, each.begun, each.by, each.done] for each in self._firings]
        return jsontext.dumps({"v": _VERSION, "rules": rules, "firings": firings})

    def _awake(self, events: Sequence[Event], oldest: Mapping[float, str]) -> list[Rule]:
        """The rules that an event may concern: all but those at rest of which no event makes a leaf true."""
        first = min(event["time"] for event in events)
        datas = [event["data"] for event in events]
        return [
            rule
            for rule in self._rules.values()
            if rule.name in self._states
            or first < oldest[rule.max_age]
            or any(
                any(map(leaf.begins, [data[leaf.metric] for data in datas if leaf.metric in data]))
                for leaf in rule.leaves
            )
        ]

    def _fires(self, rule: Rule, data: Mapping[str, Any], at: str, now: float) -> bool:
        """Take an event into the state of a rule; whether the rule fires on it now."""
        state = self._states.get(rule.name)
        if state is None:
            if not any(leaf.metric in data and leaf.begins(data[leaf.metric]) for leaf in rule.leaves):
                return False
            state = self._states[rule.name] = _State.blank(len(rule.leaves))
        seen = turned = False
        for index, leaf in enumerate(rule.leaves):
            if leaf.metric not in data or at < state.keys[index]:
                continue
            seen = True
            was = state.truths[index]
            truth = (leaf.stays if was else leaf.begins)(data[leaf.metric])
            state.keys[index] = at
            if truth is not was:
                state.truths[index] = truth
                turned = True
        if turned:
            self.changed = True
            if not rule.condition(state.truths):
                state.since = ""
            elif not state.since:
                state.since = at
        if not seen or not state.since or at < state.since:
            return False
        if state.fired < state.since:
            due = not rule.lasting or _between(state.since, at) >= rule.lasting
        else:
            due = rule.repeat is not None and _between(state.fired, at) >= rule.repeat > 0
        return due and abs(now - state.at) >= rule.cooldown

    def _make_room(self, now: float) -> bool:
        """Forget the oldest firing, if its event must be in the dead letters by now."""
        stale = abs(now - self._firings[0].at) >= _STALE_S
        if stale:
            del self._firings[0]
        return stale

    def _note(self, rule: Rule, at: str, now: float) -> None:
        state = self._states[rule.name]
        state.fired, state.at = at, now
        self.changed = True

    def _hand_out(self, found: Look, events: Sequence[Event], now: float, call: str) -> None:
        """Say of each firing whose event is here who does its effects."""
        if not self._firings:
            return
        where: dict[str, list[int]] = {}
        for position, event in enumerate(events):
            where.setdefault(event["id"], []).append(position)
        for firing in list(self._firings):
            positions = where.get(firing.event)
            if positions is None:
                continue
            rule = self._rules.get(firing.rule)
            if rule is None:  # twin.yaml has it no longer
                self._firings.remove(firing)
                found.dropped.append(firing.rule)
                self.changed = True
                continue
            if firing.by != call and firing.is_held(now):
                found.busy += positions
                continue
            if firing.by != call:
                firing.begun, firing.by = now, call
                found.taken.append(firing)
                self.changed = True
            found.mine.append((firing, rule, positions))

    def _is_over(self, firing: Firing) -> bool:
        rule = self._rules.get(firing.rule)
        return rule is not None and set(effects(rule)) <= set(firing.done)

    def _read(self, document: Any) -> None:
        if isinstance(document["v"], int) and document["v"] > _VERSION:
            raise Newer(
                "The state of the device's rules is of a newer release; a deployment may be under way."
            )
        if document["v"] != _VERSION:
            raise ValueError("a state of another version")
        for name, entry in document["rules"].items():
            rule = self._rules.get(name)
            if rule is None:
                continue
            state = self._states[name] = _State.blank(len(rule.leaves))
            state.fired, state.at = str(entry["fired"]), float(entry["at"])
            if entry["of"] == rule.digest:  # the truth of another condition's leaves says nothing
                state.since = str(entry["since"])
                for index, truth, at in entry["leaves"]:
                    state.truths[index], state.keys[index] = truth is True, str(at)
        for rule, event, at, begun, by, done in document["firings"]:
            self._firings.append(Firing(str(rule), str(event), float(at), float(begun), str(by), list(done)))


def _entry(rule: Rule, state: _State, now: float) -> dict[str, Any] | None:
    """A rule's state as it is kept; None where the rule is at rest: no event that is young enough to be
    looked at is older than what the state knows, and no cooldown runs.
    """
    oldest = times.from_epoch(max(now - rule.max_age - _SKEW_S, 0))
    leaves = [
        [index, truth, at]
        for index, (truth, at) in enumerate(zip(state.truths, state.keys, strict=True))
        if at and (truth or at >= oldest)
    ]
    if not leaves and state.fired < oldest and abs(now - state.at) >= rule.cooldown + _SKEW_S:
        return None
    return {
        "of": rule.digest,
        "leaves": leaves,
        "since": state.since,
        "fired": state.fired,
        "at": state.at,
    }


def _between(earlier: str, later: str) -> float:
    """Seconds from one key's time to another's."""
    return times.to_epoch(later[:27]) - times.to_epoch(earlier[:27])
