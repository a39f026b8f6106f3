"""event_checker: the rules on each stored event; a fired rule sends a command to the device, starts the
workflow, or both.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from twin_runtime.context import Context
from twin_runtime.delivery.batching import Outbox
from twin_runtime.delivery.consumer import NO_TIME, Consumer, Work, over
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import ConfigurationError, Refused, Retry
from twin_runtime.events import cloudevents
from twin_runtime.log import Log, failure
from twin_runtime.model import Twin
from twin_runtime.ports import MAX_DELIVERIES, Event, Queue, Workflow
from twin_runtime.rules import Feedback, Rule

if TYPE_CHECKING:
    # Loads an HTTP client: for the remote variant alone.
    from twin_runtime.wire.sender import Sender

COMMANDS_PER_REQUEST = 50
"""The receiver hands commands over one by one, and answers when all of them are."""


class EventChecker(Consumer):
    """`commands` (local feedback) or `sender` (remote), exactly one.

    Ids of commands and names of executions follow from rule and event: checking an event again repeats
    nothing.
    """

    def __init__(
        self,
        *,
        twin: Twin,
        workflow: Workflow,
        dead: DeadLetters,
        log: Log,
        commands: Queue | None = None,
        sender: Sender | None = None,
        max_deliveries: int = MAX_DELIVERIES,
    ) -> None:
        super().__init__(twin=twin, dead=dead, log=log, max_deliveries=max_deliveries)
        if (commands is None) == (sender is None):
            raise ConfigurationError("The event checker needs a queue of commands or a sender, and not both.")
        # One a message: a device that is away brings back its own command alone.
        self._commands = Outbox(commands, max_events=1) if commands is not None else None
        self._sender = sender
        self._workflow = workflow

    def work(self, works: Sequence[Work], deadline: float) -> None:
        fired = [
            (work, event, rule, cloudevents.device_of(event, self.twin))
            for work in works
            for event in work.events
            for rule in self._fired(event)
        ]
        commands: list[tuple[Work, Event, Event]] = []
        half = (time.monotonic() + deadline) / 2  # the commands take their time as well
        for work, event, rule, device in fired:
            if over(half):
                work.fail(NO_TIME, event)
                continue
            self.log.info("rule_fired", rule=rule.name, device=device, traceparent=event["traceparent"])
            if rule.workflow:
                self._start(work, event, rule, device)
            if rule.feedback is not None:
                commands.append((work, event, command(self.twin, rule, rule.feedback, event, device)))
        if commands:
            self._send(commands, deadline)

    def _fired(self, event: Event) -> list[Rule]:
        if not self.twin.rules:
            return []
        device = cloudevents.device_of(event, self.twin)
        return [rule for rule in self.twin.rules if rule.fires(device, event["subject"], event["data"])]

    def _start(self, work: Work, event: Event, rule: Rule, device: str) -> None:
        payload = {"twin": self.twin.name, "rule": rule.name, "device": device, "event": event}
        try:
            self._workflow.start(execution_name(rule, event), payload)
        except Refused as error:
            work.refuse(error.reason, event)
        except Exception as error:
            reason = error.reason if isinstance(error, Retry) else f"The workflow failed ({failure(error)})."
            work.fail(reason, event)

    def _send(self, commands: Sequence[tuple[Work, Event, Event]], deadline: float) -> None:
        events = [each for _, _, each in commands]
        if self._commands is not None:
            for position, reason in self._commands.send(events).items():
                commands[position][0].refuse(reason, events[position])
        elif self._sender is not None:
            outcomes = self._sender.deliver(events, deadline=deadline)
            for (work, event, made), outcome in zip(commands, outcomes, strict=True):
                if outcome.state == "retry":
                    work.fail(outcome.reason, event)
                elif outcome.state == "refused" and not outcome.kept:
                    work.refuse(outcome.reason, made)


def command(twin: Twin, rule: Rule, feedback: Feedback, event: Event, device: str) -> Event:
    """The command event of a fired rule. Its time is the event's, so that a repetition is the same event."""
    return cloudevents.make(
        cloudevents.COMMAND,
        twin=twin.name,
        device=device,
        subject=feedback.command,
        data={
            "command": feedback.command,
            "value": feedback.value,
            "rule": rule.name,
            "event_id": event["id"],
        },
        time=event["time"],
        id=cloudevents.hashed_id(rule.name, device, event["id"]),
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
        workflow=_workflow(context),
        dead=context.dead_letters(),
        log=context.log,
    )


def _workflow(context: Context) -> Workflow:
    """The workflow, which starts once per name: by the platform itself, or by an idempotency store."""
    workflow = context.cloud.workflow(context.settings["WORKFLOW"])
    if not context.settings["IDEMPOTENCY_STORE"]:
        return workflow
    from twin_runtime.delivery.idempotency import IdempotentWorkflow

    store = context.cloud.idempotency_store(context.settings["IDEMPOTENCY_STORE"])
    return IdempotentWorkflow(workflow, store, log=context.log)
