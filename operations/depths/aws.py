"""Counts of SQS: approximate, with messages that a consumer has received and not deleted yet."""

from __future__ import annotations

from typing import Any

from operations.dead_letters.locations import Location
from twin_aws.clients import calling, client

_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


class SqsDepths:
    """`Depths` of queues by URL."""

    def __init__(self, location: Location, client: Any) -> None:
        self._location = location
        self._client = client

    def letters(self) -> int:
        return self._count(self._location.letters)

    def waiting(self) -> int:
        return self._count(self._location.target)

    def _count(self, url: str) -> int:
        with calling("SQS"):
            answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))
        return sum(int(answer["Attributes"][name]) for name in _COUNTS)


def connect(location: Location, _reach: object) -> SqsDepths:
    return SqsDepths(location, client("sqs"))
