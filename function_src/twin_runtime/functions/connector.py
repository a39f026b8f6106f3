"""connector: takes the processor's place at the `processing` queue and sends its events to the remote
ingestion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twin_runtime.context import Context
from twin_runtime.deadlines import Deadline
from twin_runtime.delivery.consumer import Consumer, Work
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import MAX_DELIVERIES

if TYPE_CHECKING:
    # Loads an HTTP client: for the remote variant alone.
    from twin_runtime.wire.sender import Sender


class Connector(Consumer):
    """All messages of a call go out in as few requests as the bounds allow."""

    reads_data = False

    def __init__(
        self, *, twin: Twin, sender: Sender, dead: DeadLetters, log: Log, max_deliveries: int = MAX_DELIVERIES
    ) -> None:
        super().__init__(twin=twin, dead=dead, log=log, max_deliveries=max_deliveries)
        self._sender = sender

    def work(self, works: Sequence[Work], deadline: Deadline) -> None:
        deliver(self._sender, works, deadline)


def deliver(sender: Sender, works: Sequence[Work], deadline: float) -> None:
    """Send the events of all `works` over a remote link, and note on each what became of them."""
    owners = [(work, event) for work in works for event in work.events]
    texts = [text for work in works for text in work.texts]
    outcomes = sender.deliver([event for _, event in owners], deadline=deadline, texts=texts)
    for (work, event), outcome in zip(owners, outcomes, strict=True):
        if outcome.state == "delivered":
            continue
        if outcome.state == "retry":
            work.fail(outcome.reason, event)
        elif outcome.state == "refused" and outcome.kept:
            work.drop(event)
        elif outcome.state == "refused":
            work.refuse(outcome.reason, event)


def assemble(context: Context) -> Connector:
    from twin_runtime.wire.sender import Sender

    sender = Sender(context.secret("LINK_SECRET"), log=context.log)
    return Connector(twin=context.twin, sender=sender, dead=context.dead_letters(), log=context.log)
