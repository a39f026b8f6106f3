"""What Google Cloud bills."""

from collections.abc import Iterator
from decimal import Decimal

from guides.prices.bill import GATHERS, Bill, Work, gigabytes
from guides.prices.items import Item
from twin_runtime.roles import Cloud, Role

LEAST = Decimal(1_000)
"""Pub/Sub bills these bytes at least for each request, and a pushed message is one."""
INTERNAL, EXTERNAL = 3, 1
"""Steps of the workflow: offer, notify and acknowledged; and wait, which waits for a callback."""


class Gcp(Bill):
    """Pub/Sub, Cloud Run functions, Firestore, Workflows."""

    cloud = Cloud.GCP

    def broker(self, part: str, messages: Decimal, size: Decimal) -> Iterator[Item]:
        yield self._messages(part, messages, size)

    def command(self, part: str, commands: Decimal) -> Iterator[Item]:
        # Every device's subscription filters, and what it filters out is billed as delivered.
        yield self._messages(part, commands, self.usage.bytes["command"], deliveries=self.usage.devices)

    def queue(self, part: str, messages: Decimal, size: Decimal, calls: Decimal) -> Iterator[Item]:
        yield self._messages(part, messages, size)

    def work(self, part: str, work: Work) -> Iterator[Item]:
        time = self.instance_seconds(work)
        yield self.item(part, "function", "request", work.calls)
        yield self.item(part, "function", "cpu", time)
        yield self.item(part, "function", "memory", time * gigabytes(self.memory_mb(work.role)))
        yield self.logged(part, work.calls)

    def written(self, part: str, rows: Decimal) -> Iterator[Item]:
        yield self.item(part, "store", "write", rows)

    def read(self, part: str, rows: Decimal) -> Iterator[Item]:
        yield self.item(part, "store", "read", rows)

    def gone(self, part: str, rows: Decimal, *, moved: bool) -> Iterator[Item]:
        yield self.item(part, "store", "delete" if moved else "expiry", rows)

    def workflow(self, part: str, runs: Decimal) -> Iterator[Item]:
        yield self.item(part, "workflow", "internal", runs * INTERNAL)
        yield self.item(part, "workflow", "external", runs * EXTERNAL)

    def state(self, part: str, reads: Decimal, writes: Decimal) -> Iterator[Item]:
        yield self.item(part, "store", "read", reads)
        yield self.item(part, "store", "write", writes)

    def gathers(self, work: Work) -> bool:
        return work.role in GATHERS and work.role is not Role.DISPATCHER and work.trigger != "http"

    def _messages(
        self, part: str, messages: Decimal, size: Decimal, deliveries: Decimal = Decimal(1)
    ) -> Item:
        billed = messages * max(size, LEAST) * (1 + deliveries)
        return self.item(part, "broker", "throughput", billed)
