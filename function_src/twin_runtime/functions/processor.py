"""processor: the user's code on each event, by the type of its device."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from twin_runtime import jsontext
from twin_runtime.context import Context
from twin_runtime.deadlines import NO_TIME, Deadline
from twin_runtime.delivery.batching import Outbox
from twin_runtime.delivery.consumer import Consumer, Work
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import Retry
from twin_runtime.events.user_call import Call, Failure
from twin_runtime.events.user_code import LIMIT_S, UserCode, call_of
from twin_runtime.log import Log, reason_of
from twin_runtime.model import Twin
from twin_runtime.ports import MAX_DELIVERIES, Event, Queue
from twin_runtime.roles import ROLES, Role

USER_CODE_DELIVERIES = 3
"""An event on which the user's code fails is tried on this many deliveries of its message, then
dead-lettered.
"""
_VERDICTS = 10_000


class Processor(Consumer):
    """The other events of a message go on when the user's code fails on one, or is too slow for all of them;
    they may go on again when it comes back.

    A call that gets stuck is not repeated: its event is dead-lettered with its message, which comes back only
    for other events.
    """

    reads_data = False

    def __init__(
        self,
        *,
        twin: Twin,
        queue: Queue,
        dead: DeadLetters,
        log: Log,
        root: Path,
        max_deliveries: int = MAX_DELIVERIES,
        limit_s: float = LIMIT_S,
    ) -> None:
        super().__init__(twin=twin, dead=dead, log=log, max_deliveries=max_deliveries)
        self._outbox = Outbox(queue)
        # Half of the function's memory: the rest is for the function itself.
        memory = ROLES[Role.PROCESSOR].memory_mb // 2
        self.code = UserCode(root, log=log, limit_s=limit_s, memory_mb=memory)
        self._verdicts: OrderedDict[tuple[str, str], Failure] = OrderedDict()

    def work(self, works: Sequence[Work], deadline: Deadline) -> None:
        owners = [
            (work, event, text) for work in works for event, text in zip(work.events, work.texts, strict=True)
        ]
        results = self._results(owners, deadline)
        made = [
            (work, event, text)
            for (work, event, _), texts in zip(owners, results, strict=True)
            for text in texts
        ]
        try:
            refused = self._outbox.send_texts([text for _, _, text in made], deadline=deadline.hand_over)
        except Exception as error:
            reason = reason_of(error, "The queue")
            for work, event in {id(event): (work, event) for work, event, _ in made}.values():
                work.fail(reason, event)
            return
        for position, reason in refused.items():
            work, _, text = made[position]
            work.refuse(reason, jsontext.loads(text, max_bytes=len(text)))

    def _results(self, owners: Sequence[tuple[Work, Event, str]], deadline: float) -> list[Sequence[str]]:
        """The JSON of what follows from each event: itself, where its type has no processor."""
        results: list[Sequence[str]] = [()] * len(owners)
        calls: list[Call] = []
        places: list[int] = []
        types = self.twin.device_types
        for place, (work, event, text) in enumerate(owners):
            device_type = types[event["subject"]]
            if device_type.processor is None:
                results[place] = (text,)
            elif self._verdicts and (verdict := self._verdicts.get((event["source"], event["id"]))):
                self._failed(work, event, verdict)
            else:
                places.append(place)
                calls.append(call_of(device_type, event) if "data" in event else (device_type, event, text))
        if not calls:
            return results
        try:
            outcomes = self.code.process_all(calls, deadline=deadline)
        except Retry as error:
            for place in places:
                work, event, _ = owners[place]
                work.fail(error.reason, event)
            return results
        for place, made in zip(places, outcomes, strict=True):
            if isinstance(made, list):
                results[place] = made
                continue
            work, event, _ = owners[place]
            if made is None:
                work.fail(NO_TIME, event)
            else:
                self._failed(work, event, made)
        return results

    def _failed(self, work: Work, event: Event, failed: Failure) -> None:
        reason = f"The processor of {event['subject']} failed: {failed.kind}."
        self.log.warning("processor_failed", reason=reason, traceparent=event["traceparent"])
        if failed.final:
            self._verdicts[event["source"], event["id"]] = failed
            if len(self._verdicts) > _VERDICTS:
                self._verdicts.popitem(last=False)
        if failed.final or (work.message.attempt or 0) >= USER_CODE_DELIVERIES:
            work.refuse(reason, event, detail=failed.detail)
        else:
            work.fail(reason, event)


def assemble(context: Context) -> Processor:
    queue = context.cloud.queue(context.settings["PERSISTING_QUEUE"])
    dead = context.dead_letters()
    return Processor(twin=context.twin, queue=queue, dead=dead, log=context.log, root=context.root)
