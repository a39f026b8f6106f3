"""Dead letters in an SQS queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from operations.dead_letters.letters import Received
from operations.dead_letters.locations import Location
from operations.dead_letters.sources.leases import LeasedSource
from twin_aws.clients import calling, client
from twin_aws.sqs import SqsQueue
from twin_runtime.deadlines import LEASE_S
from twin_runtime.errors import Retry

_AT_ONCE = 10
_GONE = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight")
_ATTRIBUTES = ["SentTimestamp", "ApproximateReceiveCount"]


class SqsSource(LeasedSource):
    """`Source` at a queue's URL.

    Each receive waits for a second (long polling) and so asks all of SQS's machines: one empty answer is the
    end.
    """

    patience = 1

    def __init__(self, url: str, client: Any, *, wait_s: int = 1) -> None:
        super().__init__()
        self._url = url
        self._client = client
        self._wait_s = wait_s

    def _receive(self) -> list[Received]:
        with calling("SQS"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_AT_ONCE,
                VisibilityTimeout=LEASE_S,
                WaitTimeSeconds=self._wait_s,
                MessageSystemAttributeNames=_ATTRIBUTES,
            )
        return [
            Received(
                id=message["MessageId"],
                body=message["Body"].encode("utf-8", "surrogatepass"),
                at=int(message["Attributes"]["SentTimestamp"]) / 1000,
                handle=message["ReceiptHandle"],
                attributes={},
                reads=int(message["Attributes"]["ApproximateReceiveCount"]),
            )
            for message in answer.get("Messages", ())
        ]

    def _delete(self, messages: Sequence[Received]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": message.handle} for n, message in enumerate(messages)]
        with calling("SQS"):
            answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        _check(answer, ())

    def _release(self, handles: Sequence[Any]) -> None:
        for start in range(0, len(handles), _AT_ONCE):
            entries = [
                {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for n, handle in enumerate(handles[start : start + _AT_ONCE])
            ]
            with calling("SQS"):
                answer = self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            _check(answer, _GONE)

    def _queue(self) -> SqsQueue:
        return SqsQueue(self._url, self._client)


def _check(answer: Any, allowed: Sequence[str]) -> None:
    codes = [entry.get("Code", "Unknown").rpartition(".")[2] for entry in answer.get("Failed", ())]
    for code in codes:
        if code not in allowed:
            raise Retry(f"SQS answered {code}.")


def connect(location: Location, _reach: object) -> SqsSource:
    return SqsSource(location.letters, client("sqs"))
