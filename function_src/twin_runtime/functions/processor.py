"""processor: the user's code on each event, by the type of its device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from twin_runtime.context import Context
from twin_runtime.delivery.batching import Outbox
from twin_runtime.delivery.consumer import NO_TIME, Consumer, Work, over
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import Retry
from twin_runtime.events.user_code import UserCode, UserError
from twin_runtime.log import Log, failure
from twin_runtime.model import Twin
from twin_runtime.ports import MAX_DELIVERIES, Event, Queue

USER_CODE_DELIVERIES = 3
"""An event on which the user's code fails is tried on this many deliveries of its message, then
dead-lettered.
"""


class Processor(Consumer):
    """The other events of a message go on when the user's code fails on one, or is too slow for all of them;
    they may go on again when it comes back.
    """

    def __init__(
        self,
        *,
        twin: Twin,
        queue: Queue,
        dead: DeadLetters,
        log: Log,
        root: Path,
        max_deliveries: int = MAX_DELIVERIES,
    ) -> None:
        super().__init__(twin=twin, dead=dead, log=log, max_deliveries=max_deliveries)
        self._outbox = Outbox(queue)
        self._code = UserCode(root)

    def work(self, works: Sequence[Work], deadline: float) -> None:
        made: list[tuple[Work, Event, Event]] = []
        texts: list[str | None] = []
        for work in works:
            for event, text in zip(work.events, work.texts, strict=True):
                if over(deadline):
                    work.fail(NO_TIME, event)
                    continue
                for result in self._process(work, event):
                    made.append((work, event, result))
                    texts.append(text if result is event else None)
        try:
            refused = self._outbox.send([result for _, _, result in made], texts)
        except Exception as error:
            reason = error.reason if isinstance(error, Retry) else f"The queue failed ({failure(error)})."
            for work, event in {id(event): (work, event) for work, event, _ in made}.values():
                work.fail(reason, event)
            return
        for position, reason in refused.items():
            work, _, result = made[position]
            work.refuse(reason, result)

    def _process(self, work: Work, event: Event) -> list[Event]:
        device_type = self.twin.device_types[event["subject"]]
        try:
            return self._code.process(device_type, event)
        except UserError as error:
            reason = f"The processor of {device_type.name} failed: {error.kind}."
            self.log.warning("processor_failed", reason=reason, traceparent=event["traceparent"])
            if (work.message.attempt or 0) >= USER_CODE_DELIVERIES:
                work.refuse(reason, event, detail=str(error))
            else:
                work.fail(reason, event)
            return []


def assemble(context: Context) -> Processor:
    queue = context.cloud.queue(context.settings["PERSISTING_QUEUE"])
    dead = context.dead_letters()
    return Processor(twin=context.twin, queue=queue, dead=dead, log=context.log, root=context.root)
