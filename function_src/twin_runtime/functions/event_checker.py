"""event_checker: the rules on each stored event; a fired rule sends a command to the device, starts the
workflow, or both.

The record of a device in the state store decides what fires (`rule_state`). A call reads the records of its
events' devices at once, and for each device:

1. writes the record with the firings that it is about to do; of two calls one wins, the other looks again,
2. does the effects, and records after each one that it is done,
3. leaves what failed to the next delivery of the event.

A call that ends between an effect and its record has done it without a trace: the next delivery of the event
does it again, with the same name or id.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from twin_runtime import deadlines, times
from twin_runtime.context import Context
from twin_runtime.deadlines import NO_TIME, Deadline, over
from twin_runtime.delivery.batching import Outbox
from twin_runtime.delivery.consumer import Consumer, Work
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters
from twin_runtime.errors import ConfigurationError, Refused
from twin_runtime.events import cloudevents, rule_state
from twin_runtime.events.rule_state import COMMAND, WORKFLOW, Firing
from twin_runtime.log import Log, reason_of
from twin_runtime.model import Twin
from twin_runtime.ports import MAX_DELIVERIES, Event, Queue, Record, StateStore, Workflow
from twin_runtime.rules import Feedback, Rule

if TYPE_CHECKING:
    # Loads an HTTP client: for the remote variant alone.
    from twin_runtime.wire.sender import Sender

COMMANDS_PER_REQUEST = 50
"""The receiver hands commands over one by one, and answers when all of them are."""
BUSY = "Another delivery of the event is at work on what the rule fires."
FULL = "Too many firings of the device's rules are in progress."
CONTENDED = "Other calls are writing the state of the device's rules."
_ATTEMPTS = 5
"""How often a record is read again that another call has written meanwhile, or whose store failed."""
_PAUSE_S = 0.1
"""Seconds before the second attempt; each further one waits twice as long."""


class _Item(NamedTuple):
    """One event of a device, with the message that it is from."""

    work: Work
    event: Event


class _Known(NamedTuple):
    """A device, the rules about it, and their metrics."""

    device: str
    rules: tuple[Rule, ...]
    metrics: frozenset[str]


@dataclass(slots=True)
class _Held:
    """A firing that this call is at work on."""

    firing: Firing
    rule: Rule
    items: list[_Item]
    done: set[str] = field(default_factory=set[str])
    failed: bool = False

    @property
    def event(self) -> Event:
        return self.items[0].event

    def lacks(self, effect: str) -> bool:
        """Whether the effect is still to be done."""
        return (
            effect in rule_state.effects(self.rule)
            and effect not in self.done
            and effect not in self.firing.done
        )

    def fail(self, reason: str) -> None:
        """Leave what is not done to the next delivery."""
        self.failed = True
        for item in self.items:
            item.work.fail(reason, item.event)


@dataclass(slots=True)
class _Device:
    """What a call has of one device. `record` is the newest that the call knows, None for none."""

    id: str
    rules: Sequence[Rule]
    items: list[_Item]
    record: Record | None = None
    held: list[_Held] = field(default_factory=list[_Held])

    def fail(self, reason: str) -> None:
        for item in self.items:
            item.work.fail(reason, item.event)


class EventChecker(Consumer):
    """`commands` (local feedback) or `sender` (remote), exactly one."""

    def __init__(
        self,
        *,
        twin: Twin,
        workflow: Workflow,
        states: StateStore,
        dead: DeadLetters,
        log: Log,
        commands: Queue | None = None,
        sender: Sender | None = None,
        max_deliveries: int = MAX_DELIVERIES,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(twin=twin, dead=dead, log=log, max_deliveries=max_deliveries)
        if (commands is None) == (sender is None):
            raise ConfigurationError("The event checker needs a queue of commands or a sender, and not both.")
        # One a message: a device that is away brings back its own command alone.
        self._commands = Outbox(commands, max_events=1) if commands is not None else None
        self._sender = sender
        self._workflow = workflow
        self._states = states
        self._clock = clock
        self._sleep = sleep
        self._known: dict[tuple[str, str], _Known] = {}

    def work(self, works: Sequence[Work], deadline: Deadline) -> None:
        devices = self._devices(works)
        if not devices:
            return
        try:
            records = self._states.read(list(devices))
        except Exception as error:
            for device in devices.values():
                device.fail(reason_of(error, "The state store"))
            return
        call = secrets.token_hex(6)
        half = (time.monotonic() + deadline) / 2  # the commands take their time as well
        old = 0
        for device in devices.values():
            if over(half):
                device.fail(NO_TIME)
                continue
            device.record = records.get(device.id)
            old += self._begin(device, call, half)
            self._start(device, call, half, deadline)
        self._send(devices.values(), call, deadline)
        for device in devices.values():
            failed = [held for held in device.held if held.failed]
            if not over(deadline.hand_over):  # else their lease ends by itself
                self._settle(device, failed, call, deadline, release=True)
        if old:
            self.log.info("too_old", looks=old)

    def _devices(self, works: Sequence[Work]) -> dict[str, _Device]:
        """The devices with events that have a metric of a rule about them."""
        found: dict[str, _Device] = {}
        if not self.twin.rules:
            return found
        for work in works:
            for event in work.events:
                origin = event["source"], event["subject"]
                id, rules, metrics = self._known.get(origin) or self._know(origin, event)
                if metrics.isdisjoint(event["data"]):
                    continue
                device = found.get(id)
                if device is None:
                    device = found[id] = _Device(id, rules, [])
                device.items.append(_Item(work, event))
        return found

    def _know(self, origin: tuple[str, str], event: Event) -> _Known:
        """Of an event's source and subject."""
        id = cloudevents.device_of(event, self.twin)
        rules = tuple(rule for rule in self.twin.rules if rule.about(id, event["subject"]))
        metrics = frozenset(leaf.metric for rule in rules for leaf in rule.leaves)
        known = self._known[origin] = _Known(id, rules, metrics)
        return known

    def _begin(self, device: _Device, call: str, half: float) -> int:
        """Look at the events, and record what fires before it is done. Returns how many looks were too
        late. After `half`, in `time.monotonic` seconds, nothing is tried again.
        """
        events = [item.event for item in device.items]
        reason, taken = CONTENDED, list[rule_state.Firing]()
        for attempt in range(_ATTEMPTS):
            try:
                if attempt:
                    deadlines.check(half)
                    self._again(device, attempt)
                state = self._state(device)
                now = round(self._clock(), 3)
                look = state.look(events, now, call)
                taken += look.taken  # also by a write whose answer was lost
                if not state.changed or self._write(device, state.text(now)):
                    break
            except rule_state.Newer as error:
                device.fail(error.reason)
                return 0
            except Exception as error:
                reason = reason_of(error, "The state store")
        else:
            device.fail(reason)
            return 0
        for firing, rule, positions in look.mine:
            device.held.append(_Held(firing, rule, [device.items[each] for each in positions]))
            name = "firing_taken_over" if firing in taken else "rule_fired"
            trace = events[positions[0]]["traceparent"]
            self.log.info(name, rule=rule.name, device=device.id, traceparent=trace)
        for name in look.dropped:
            self.log.warning("firing_dropped", rule=name, device=device.id)
        for positions, why in ((look.busy, BUSY), (look.waiting, FULL)):
            for item in (device.items[each] for each in positions):
                item.work.fail(why, item.event)
        return look.old

    def _start(self, device: _Device, call: str, half: float, deadline: float) -> None:
        """Start the executions of a device's firings, until `half`."""
        for held in device.held:
            if not held.lacks(WORKFLOW):
                continue
            if over(half):
                held.fail(NO_TIME)
                continue
            event, rule = held.event, held.rule
            payload = {"twin": self.twin.name, "rule": rule.name, "device": device.id, "event": event}
            try:
                self._workflow.start(execution_name(rule, event), payload)
                held.done.add(WORKFLOW)
            except Refused as error:
                self._refuse(held, WORKFLOW, error.reason, event)
            except Exception as error:
                held.fail(reason_of(error, "The workflow"))
            self._settle(device, [held], call, deadline)

    def _send(self, devices: Iterable[_Device], call: str, deadline: Deadline) -> None:
        """Send the commands of all firings."""
        due = [
            (device, held, command(self.twin, held.rule, held.rule.feedback, held.event, held.firing.at))
            for device in devices
            for held in device.held
            if held.rule.feedback is not None and held.lacks(COMMAND)
        ]
        if self._commands is not None:
            # One by one: of several in one call nobody knows which were sent when it fails.
            for device, held, made in due:
                if over(deadline):
                    held.fail(NO_TIME)
                    continue
                self._queue(held, made, self._commands, deadline)
                self._settle(device, [held], call, deadline)
        elif self._sender is not None and due:
            outcomes = self._sender.deliver([made for _, _, made in due], deadline=deadline)
            for (device, held, made), outcome in zip(due, outcomes, strict=True):
                if outcome.state == "retry":
                    held.fail(outcome.reason)
                elif outcome.state == "refused" and not outcome.kept:
                    self._refuse(held, COMMAND, outcome.reason, made)
                else:
                    held.done.add(COMMAND)
                self._settle(device, [held], call, deadline)

    def _queue(self, held: _Held, made: Event, commands: Outbox, deadline: Deadline) -> None:
        """Put a command into the queue."""
        try:
            refused = commands.send([made], deadline=deadline.hand_over)
            if refused:
                self._refuse(held, COMMAND, refused[0], made)
            else:
                held.done.add(COMMAND)
        except Exception as error:
            held.fail(reason_of(error, "The queue of commands"))

    def _refuse(self, held: _Held, effect: str, reason: str, event: Event) -> None:
        """Put the dead letter of an effect that never will be done: then nothing is left to do of it.

        Not by `Work.refuse`, which waits until nothing of the message fails: the record would come before the
        letter.
        """
        try:
            self._dead.put([DeadLetter(reason, event=event)])
            held.done.add(effect)
        except Exception as error:
            held.fail(reason_of(error, "The dead-letter queue"))

    def _settle(
        self, device: _Device, firings: Sequence[_Held], call: str, deadline: float, *, release: bool = False
    ) -> None:
        """Record which effects of firings are done. With `release`, leave the others to the next delivery.

        Never raises, and never fails an event: to bring it back would do again what was done.
        """
        if not any(held.done or release for held in firings):
            return
        reason = CONTENDED
        for attempt in range(_ATTEMPTS):
            try:
                if attempt:
                    if over(deadline):
                        break
                    self._again(device, attempt)
                state = self._state(device)
                for held in firings:
                    state.settle(held.rule.name, held.firing.event, held.done, call=call, release=release)
                if not state.changed or self._write(device, state.text(self._clock())):
                    return
            except Exception as error:
                reason = reason_of(error, "The state store")
        self.log.error("effects_not_recorded", device=device.id, reason=reason)

    def _state(self, device: _Device) -> rule_state.Device:
        """The state of a device's rules; without a past where its record is not readable."""
        text = device.record.text if device.record else None
        try:
            return rule_state.Device(device.rules, text)
        except rule_state.Unreadable as error:
            self.log.error("state_unreadable", device=device.id, reason=str(error))
            return rule_state.Device(device.rules)

    def _again(self, device: _Device, attempt: int) -> None:
        """Read the record of a device again."""
        self._sleep(_PAUSE_S * 2 ** (attempt - 1) * (0.5 + secrets.randbelow(1_000) / 1_000))
        device.record = self._states.read([device.id]).get(device.id)

    def _write(self, device: _Device, text: str) -> bool:
        """Write the record that this call knows; False where another call has written it meanwhile."""
        there = device.record
        if there is None:
            version = self._states.put_if_absent(device.id, text)
        else:
            version = self._states.replace(device.id, text, version=there.version)
        if version is None:
            return False
        device.record = Record(text, version)
        return True


def command(twin: Twin, rule: Rule, feedback: Feedback, event: Event, at: float) -> Event:
    """The command event of a rule that fired `at` a time. It is the same whenever it is made: its time is the
    event's, and it expires by the recorded time of the firing.
    """
    data: Mapping[str, object] = {
        "command": feedback.command,
        "value": feedback.value,
        "rule": rule.name,
        "event_id": event["id"],
        "expires": times.from_epoch(at + feedback.expires_in),
    }
    return cloudevents.make(
        cloudevents.COMMAND,
        twin=twin.name,
        device=cloudevents.device_of(event, twin),
        subject=feedback.command,
        data=data,
        time=event["time"],
        id=cloudevents.hashed_id(rule.name, event["source"], event["id"]),
        traceparent=event["traceparent"],
    )


def execution_name(rule: Rule, event: Event) -> str:
    """The name of a workflow execution: at most 73 of A-Z a-z 0-9 - _."""
    readable = re.sub(r"[^A-Za-z0-9_-]", "-", rule.name)[:40]
    return f"{readable}-{cloudevents.hashed_id(rule.name, event['source'], event['id'])}"


def assemble(context: Context) -> EventChecker:
    sender = commands = None
    if context.settings.remote:
        from twin_runtime.wire.sender import Policy, Sender

        policy = Policy(max_events=COMMANDS_PER_REQUEST)
        sender = Sender(context.secret("LINK_SECRET"), log=context.log, policy=policy)
    else:
        commands = context.cloud.queue(context.settings["COMMANDS_QUEUE"])
    return EventChecker(
        twin=context.twin,
        commands=commands,
        sender=sender,
        workflow=context.cloud.workflow(context.settings["WORKFLOW"]),
        states=context.cloud.state_store(context.settings["STATE_STORE"]),
        dead=context.dead_letters(),
        log=context.log,
    )
