"""Messages, in the form that the API's JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PREFIX = "CloudPubSubDeadLetterSource"


@dataclass(frozen=True, slots=True)
class Message:
    """`data` is base64; `published` is RFC 3339, the same on every delivery."""

    id: str
    data: str
    attributes: Mapping[str, str]
    published: str

    def document(self) -> dict[str, Any]:
        return {
            "data": self.data,
            **({"attributes": dict(self.attributes)} if self.attributes else {}),
            "messageId": self.id,
            "publishTime": self.published,
        }


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way to a subscriber, until `ack_id` is acknowledged or its deadline is over.

    `attempt` counts from 1; None on a subscription without a dead-letter policy.
    """

    ack_id: str
    message: Message
    attempt: int | None


def envelope(delivery: Delivery, subscription: str) -> dict[str, Any]:
    """The body of a push request."""
    message = delivery.message
    # Pub/Sub spells these two in both ways.
    both = {"message_id": message.id, "publish_time": message.published}
    attempt = {} if delivery.attempt is None else {"deliveryAttempt": delivery.attempt}
    return {**attempt, "message": {**message.document(), **both}, "subscription": subscription}


def dead(message: Message, *, subscription: str, attempts: int) -> dict[str, Any]:
    """What is published to the dead-letter topic: the message, and where it comes from."""
    _, project, _, name = subscription.split("/")
    source = {
        f"{_PREFIX}DeliveryCount": str(attempts),
        f"{_PREFIX}Subscription": name,
        f"{_PREFIX}SubscriptionProject": project,
        f"{_PREFIX}TopicPublishTime": message.published,
    }
    return {"data": message.data, "attributes": {**message.attributes, **source}}
