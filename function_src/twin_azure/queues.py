"""Storage queues. A message is base64, as the host's trigger expects (`messageEncoding` in host.json)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from .failures import translated

MAX_MESSAGE_BYTES = 65_536
"""Of a message as it is stored, that is in base64."""
FOR_EVER = -1
# The SDK's own bounds (60 s for an answer, 57 s of pauses) are longer than a function may run, and a function
# that does not end in time takes its whole process with it.
_BOUNDS: dict[str, Any] = {
    "connection_timeout": 3,
    "read_timeout": 7,
    "retry_total": 1,
    "initial_backoff": 1,
    "random_jitter_range": 1,
}
_DEAD = "-poison"


class StorageQueue:
    """`twin_runtime.ports.Queue`. Thread-safe, as the client is.

    Sending to a dead-letter queue logs the queue's name: its alarm looks for it in the logs.
    """

    max_body_bytes = MAX_MESSAGE_BYTES // 4 * 3

    def __init__(self, url: str, credential: Any) -> None:
        self._client = QueueClient.from_queue_url(
            url, credential=credential, message_encode_policy=TextBase64EncodePolicy(), **_BOUNDS
        )

    def send(self, bodies: Sequence[str]) -> None:
        # The service takes one message per call; the SDK tries a failed call again, and waits in between.
        with translated("The queue"):
            for body in bodies:
                self._client.send_message(body, time_to_live=FOR_EVER)
        name = self._client.queue_name
        if bodies and name.endswith(_DEAD):
            logging.getLogger("twinspan").error("%d dead letters went into the queue %s.", len(bodies), name)
