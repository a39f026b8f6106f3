"""Sends to SQS queues."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from twin_aws.clients import calling
from twin_runtime import deadlines
from twin_runtime.errors import Retry
from twin_runtime.ports import MAX_BATCH_BYTES

MAX_BODY_BYTES = 256 * 1024
"""What the queues are made for (their `max_message_size`), and what one call carries in all."""
MAX_ENTRIES = 10
_TRIES = 4
_FIRST_DELAY_S = 0.1


class SqsQueue:
    """`ports.Queue` at a queue URL."""

    def __init__(self, url: str, client: Any, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url = url
        self._client = client
        self._sleep = sleep

    @property
    def max_body_bytes(self) -> int:
        return MAX_BODY_BYTES

    @property
    def batch_bytes(self) -> int:
        return MAX_BATCH_BYTES

    def send(self, bodies: Sequence[str], *, deadline: float = math.inf) -> None:
        for group in _groups(bodies):
            self._send(group, deadline)

    def _send(self, bodies: Sequence[str], deadline: float) -> None:
        """One call, and again for the entries that it refused."""
        pending = {str(number): body for number, body in enumerate(bodies)}
        code = ""
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(_FIRST_DELAY_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311  (jitter)
            deadlines.check(deadline)
            entries = [{"Id": number, "MessageBody": body} for number, body in pending.items()]
            with calling("SQS"):
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            failed = {entry["Id"]: entry.get("Code", "Unknown") for entry in answer.get("Failed", ())}
            pending = {number: body for number, body in pending.items() if number in failed}
            if not pending:
                return
            code = next(iter(failed.values()))
        raise Retry(f"SQS did not take {len(pending)} of {len(bodies)} messages ({code}).")


def _groups(bodies: Sequence[str]) -> Iterator[list[str]]:
    """As few calls as entries and bytes allow."""
    group: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if group and (len(group) == MAX_ENTRIES or size + length > MAX_BODY_BYTES):
            yield group
            group, size = [], 0
        group.append(body)
        size += length
    if group:
        yield group
