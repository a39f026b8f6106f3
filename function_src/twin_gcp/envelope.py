"""What Pub/Sub's push requests carry."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twin_runtime import times


class Malformed(ValueError):
    """The request is not a push of Pub/Sub; the text says why."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A pushed message. `published` is Pub/Sub's own time, the same on every delivery.

    `attempt` is None on a subscription without a dead-letter policy.
    """

    id: str
    data: bytes
    attributes: Mapping[str, str]
    published: str
    attempt: int | None


def parse(body: bytes) -> Envelope:
    """Read a push request's body; raises `Malformed`."""
    try:
        document = json.loads(body)
        message: Any = document["message"]
        attempt = document.get("deliveryAttempt")
        return Envelope(
            id=str(message.get("messageId", "")),
            data=base64.b64decode(message.get("data", ""), validate=True),
            attributes={str(name): str(value) for name, value in (message.get("attributes") or {}).items()},
            published=times.normalise(message.get("publishTime")),
            attempt=attempt if isinstance(attempt, int) and attempt > 0 else None,
        )
    except (KeyError, TypeError, AttributeError, binascii.Error, ValueError) as error:
        raise Malformed(f"not a push request of Pub/Sub ({type(error).__name__})") from error
