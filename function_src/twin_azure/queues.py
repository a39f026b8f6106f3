"""Storage queues. A message is base64, as the host's trigger expects (`messageEncoding` in host.json)."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from twin_runtime import deadlines
from twin_runtime.deadlines import Service
from twin_runtime.errors import Retry

from .bodies import MAX_BODY_BYTES, Bodies, split
from .bounds import of_storage
from .failures import translated

MAX_MESSAGE_BYTES = 65_536 // 4 * 3
"""Of a body that is a message: 64 KiB as it is stored, that is in base64."""
FOR_EVER = -1
_ONCE = {"retry_total": 0}
_DEAD = "-poison"


class StorageQueue:
    """`twin_runtime.ports.Queue` at `<URL of the queue>?bodies=<URL of the container>`. Thread-safe, as the
    client is.

    A body that is too long for a message goes into the container. It stays there where the message is then
    not sent, until the container's rule deletes it: a message whose answer was lost may be in the queue.
    Sending to a dead-letter queue logs the queue's name: its alarm looks for it in the logs.
    """

    max_body_bytes = MAX_BODY_BYTES
    batch_bytes = MAX_MESSAGE_BYTES

    def __init__(self, address: str, credential: Any) -> None:
        url, container = split(address)
        self._bodies = Bodies(container, credential)
        self._client = QueueClient.from_queue_url(
            url,
            credential=credential,
            message_encode_policy=TextBase64EncodePolicy(),
            **of_storage(Service.QUEUE),
        )

    def send(self, bodies: Sequence[str], *, deadline: float = math.inf) -> None:
        if any(len(body) > MAX_BODY_BYTES for body in bodies):
            raise Retry(f"A body is longer than {MAX_BODY_BYTES} bytes.")
        # The service takes one message per call; the SDK tries a failed call again, and waits in between.
        for body in bodies:
            deadlines.check(deadline)
            message, tries = body, {}
            if len(body) > MAX_MESSAGE_BYTES:
                message, tries = self._bodies.put(body), _ONCE
            with translated("The queue"):
                self._client.send_message(message, time_to_live=FOR_EVER, **tries)
        name = self._client.queue_name
        if bodies and name.endswith(_DEAD):
            logging.getLogger("twinspan").error("%d dead letters went into the queue %s.", len(bodies), name)
