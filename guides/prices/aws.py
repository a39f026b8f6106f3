"""What AWS bills."""

from collections.abc import Iterator
from decimal import Decimal

from guides.prices.bill import Bill, Work, ceil, gigabytes
from guides.prices.items import Item
from guides.prices.usage import MILLION
from twin_runtime.roles import Cloud

METERED = 5 * 1024
"""IoT Core counts a message, a rule and an action again for each of these bytes."""
CHUNK = 64 * 1024
"""SQS counts a request again for each of these bytes."""
RECEIVED, DELETED = 5, 10
"""Messages in one of Lambda's requests to take some (ten could be, and seldom are), and to delete them."""
WRITTEN, READ = 1024, 4096
"""Bytes of a row that a write request unit is for, and of rows that a read request unit is for; half a unit
is enough for reads that are not strongly consistent.
"""
STEPS = 2
"""Of the workflow: notify, acknowledged."""


class Aws(Bill):
    """IoT Core, Lambda, SQS, API Gateway, DynamoDB, Step Functions."""

    cloud = Cloud.AWS

    def broker(self, part: str, messages: Decimal, size: Decimal) -> Iterator[Item]:
        metered = messages * ceil(size / METERED)
        for item in ("message", "rule", "action"):
            yield self.item(part, "broker", item, metered)

    def command(self, part: str, commands: Decimal) -> Iterator[Item]:
        # Published once, delivered once.
        yield self.item(part, "broker", "message", commands * 2)

    def queue(self, part: str, messages: Decimal, size: Decimal, calls: Decimal) -> Iterator[Item]:
        chunks = messages * ceil(size / CHUNK)
        each = messages / calls
        received = max(calls * ceil(each / RECEIVED), messages * size / CHUNK)
        yield self.item(part, "queue", "request", chunks + received + calls * ceil(each / DELETED))

    def work(self, part: str, work: Work) -> Iterator[Item]:
        time = work.calls * max(self.duration(work), self.usage.instances[self.cloud].least_s)
        yield self.item(part, "function", "request", work.calls)
        yield self.item(part, "function", "time", time * gigabytes(self.memory_mb(work.role)))
        yield self.logged(part, work.calls)

    def received(self, part: str, requests: Decimal) -> Iterator[Item]:
        yield self.item(part, "receiver", "request", requests)

    def written(self, part: str, rows: Decimal) -> Iterator[Item]:
        yield self.item(part, "store", "write", rows * ceil(self.usage.row_bytes[self.cloud] / WRITTEN))

    def read(self, part: str, rows: Decimal) -> Iterator[Item]:
        yield self.item(part, "store", "read", rows * self.usage.row_bytes[self.cloud] / READ / 2)

    def gone(self, part: str, rows: Decimal, *, moved: bool) -> Iterator[Item]:
        # Rows expire, which costs nothing: the mover only allows it.
        yield from ()

    def workflow(self, part: str, runs: Decimal) -> Iterator[Item]:
        yield self.item(part, "workflow", "step", runs * STEPS)
        yield self.item(part, "workflow", "notice", runs)

    def state(self, part: str, reads: Decimal, writes: Decimal) -> Iterator[Item]:
        # A record fits a unit of either; its reads are strongly consistent.
        yield self.item(part, "store", "read", reads)
        yield self.item(part, "store", "write", writes)

    def consumer_calls(self, message: Decimal, together: Decimal) -> Decimal:
        return MILLION / together
