"""event_feedback: commands to devices; from the `commands` queue where feedback is local, over HTTPS where it
is remote.

The package has the twin's rules. A command that none of them makes is not sent, whoever put it into the queue
or signed it. One that has expired goes to the dead letters.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from twin_runtime import rules, times
from twin_runtime.context import Context
from twin_runtime.deadlines import NO_TIME, UNBOUNDED, Budget, Deadline, over
from twin_runtime.delivery.consumer import Consumer, Work
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import Refused, Retry
from twin_runtime.events import cloudevents
from twin_runtime.log import Log, failure
from twin_runtime.model import Twin
from twin_runtime.ports import MAX_DELIVERIES, Broker, Event
from twin_runtime.values import ValueType
from twin_runtime.wire.receiver import Receiver
from twin_runtime.wire.secret_cache import CachedSecret

FIELDS = frozenset(("command", "value", "rule", "event_id", "expires"))
"""What the data of a command has."""
_REMEMBERED = 10_000
_REMEMBER_SECONDS = 900.0


def check(command: Event, twin: Twin, now: float) -> str:
    """The device of a command that may be sent `now`. Raises `Refused`, or `Retry` where no rule makes the
    command: a deployment may be under way, in which the event checker has newer rules.
    """
    device = cloudevents.device_of(command, twin)
    if device in twin.revoked:
        raise Refused("The device is revoked.")
    data, device_type = command["data"], twin.devices[device]
    if data.keys() != FIELDS:
        raise Refused(f"The data of a command has exactly the fields {', '.join(sorted(FIELDS))}.")
    declared = ValueType(twin.device_types[device_type].commands[command["subject"]]["type"])
    if not declared.admits(data["value"]):
        raise Refused(f"The value of the command is not of the type {declared}.")
    if _expired(data["expires"], now):
        raise Refused(f"The command expired at {data['expires']}, and was not sent.")
    for rule in twin.rules:
        if rule.name == data["rule"] and rule.about(device, device_type):
            made = rule.feedback
            if made and made.command == command["subject"] and rules.same(data["value"], made.value):
                return device
    raise Retry("No rule here makes this command for the device; a deployment may be under way.")


def _expired(expires: object, now: float) -> bool:
    """Raises `Refused` where it is not a time."""
    try:
        fixed = times.normalise(expires)
    except ValueError:
        fixed = None
    if fixed is None or fixed != expires:
        raise Refused("The command does not say when it expires, in UTC with six fractional digits.")
    return times.from_epoch(now) >= fixed


class Commands:
    """Sends commands to devices. One that this process has sent in the last quarter of an hour is not sent
    again.

    Delivery is at least once all the same: a device tells a repetition by the command's id.
    """

    def __init__(
        self,
        broker: Broker,
        twin: Twin,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._twin = twin
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._sent: OrderedDict[tuple[str, str], float] = OrderedDict()

    def send(self, command: Event) -> None:
        """Durable with the broker on return; raises `Refused` or `Retry`."""
        device = check(command, self._twin, self._now())
        identity = (command["source"], command["id"])
        with self._lock:
            if self._clock() - self._sent.get(identity, float("-inf")) < _REMEMBER_SECONDS:
                return
        try:
            self._broker.send(device, command)
        except (Refused, Retry):
            raise
        except Exception as error:
            raise Retry(f"The broker failed ({failure(error)}).") from error
        with self._lock:
            self._sent[identity] = self._clock()
            self._sent.move_to_end(identity)
            while len(self._sent) > _REMEMBERED:
                self._sent.popitem(last=False)


class EventFeedback(Consumer):
    """The queue-triggered variant."""

    kind = cloudevents.COMMAND

    def __init__(
        self,
        *,
        twin: Twin,
        broker: Broker,
        dead: DeadLetters,
        log: Log,
        max_deliveries: int = MAX_DELIVERIES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(twin=twin, dead=dead, log=log, max_deliveries=max_deliveries)
        self._commands = Commands(broker, twin, now=clock)

    def work(self, works: Sequence[Work], deadline: Deadline) -> None:
        for work in works:
            for event in work.events:
                if over(deadline):
                    work.fail(NO_TIME, event)
                    continue
                try:
                    self._commands.send(event)
                except Refused as error:
                    work.refuse(error.reason, event)
                except Retry as error:
                    work.fail(error.reason, event)


class FeedbackReceiver(Receiver):
    """The HTTPS variant. A device that is away, or a lack of time, brings back its own commands alone."""

    kind = cloudevents.COMMAND

    def __init__(
        self,
        *,
        twin: Twin,
        broker: Broker,
        dead: DeadLetters,
        log: Log,
        link: CachedSecret,
        api_keys: CachedSecret | None = None,
        budget: Budget = UNBOUNDED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            twin=twin, dead=dead, log=log, link=link, api_keys=api_keys, budget=budget, clock=clock
        )
        self._commands = Commands(broker, twin, now=clock)

    def accept(
        self, events: Sequence[Event], texts: Sequence[str], deadline: Deadline
    ) -> Mapping[int, str | Retry]:
        undone: dict[int, str | Retry] = {}
        for position, event in enumerate(events):
            try:
                if over(deadline):
                    raise Retry(NO_TIME)
                self._commands.send(event)
            except Refused as error:
                undone[position] = error.reason
            except Retry as error:
                undone[position] = error
        return undone


def assemble(context: Context) -> EventFeedback | FeedbackReceiver:
    """The queue consumer of a local feedback link, or the HTTPS receiver of a remote one."""
    broker = context.cloud.broker(context.settings["BROKER"])
    dead = context.dead_letters()
    if not context.settings.remote:
        return EventFeedback(twin=context.twin, broker=broker, dead=dead, log=context.log)
    return FeedbackReceiver(
        twin=context.twin,
        broker=broker,
        dead=dead,
        log=context.log,
        link=context.secret("LINK_SECRET"),
        api_keys=context.api_keys(),
        budget=context.limits.budget(),
    )
