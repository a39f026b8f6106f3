"""What Azure bills."""

from collections.abc import Iterator
from decimal import Decimal

from guides.prices.bill import GATHERS, Bill, Work, ceil, gigabytes
from guides.prices.items import Item
from twin_runtime.roles import Cloud

METERED = 4 * 1024
"""IoT Hub counts a message again for each of these bytes."""
UNIT_DAY = 400_000
UNIT_MONTH = UNIT_DAY * Decimal(365) / 12
"""Messages that a unit of the tier S1 takes in a day, and in a month if each day uses it up."""
CHUNK = 64 * 1024
"""Event Grid and storage queues count an operation again for each of these bytes."""
PER_MESSAGE = 3
"""Operations on a queue: put, get, delete. A get takes several messages where they have piled up."""
ACTIONS = 2
"""Of the workflow: its trigger, notify."""


class Azure(Bill):
    """IoT Hub, Event Grid, Functions, storage queues, Cosmos DB, Logic Apps."""

    cloud = Cloud.AZURE

    def broker(self, part: str, messages: Decimal, size: Decimal) -> Iterator[Item]:
        yield self._hub(part, messages * ceil(size / METERED))
        # Published, then delivered.
        yield self.item(part, "broker", "operation", messages * 2 * ceil(size / CHUNK))

    def command(self, part: str, commands: Decimal) -> Iterator[Item]:
        # A direct method's request and its answer.
        yield self._hub(part, commands * 2)

    def queue(self, part: str, messages: Decimal, size: Decimal, calls: Decimal) -> Iterator[Item]:
        yield self.item(part, "queue", "operation", messages * PER_MESSAGE)

    def work(self, part: str, work: Work) -> Iterator[Item]:
        time = self.instance_seconds(work)
        yield self.item(part, "function", "request", work.calls)
        yield self.item(part, "function", "time", time * gigabytes(self.memory_mb(work.role)))
        yield self.logged(part, work.calls)

    def written(self, part: str, rows: Decimal) -> Iterator[Item]:
        yield self._units(part, rows * self.usage.stores["ru_write"])

    def read(self, part: str, rows: Decimal) -> Iterator[Item]:
        yield self._units(part, rows * self.usage.stores["ru_read"])

    def gone(self, part: str, rows: Decimal, *, moved: bool) -> Iterator[Item]:
        yield from self.written(part, rows)

    def workflow(self, part: str, runs: Decimal) -> Iterator[Item]:
        yield self.item(part, "workflow", "action", runs * ACTIONS)

    def state(self, part: str, reads: Decimal, writes: Decimal) -> Iterator[Item]:
        yield self.item(part, "state", "operation", reads + writes)

    def gathers(self, work: Work) -> bool:
        return work.role in GATHERS and work.trigger != "http"

    def twins(self, part: str, updates: Decimal) -> Iterator[Item]:
        """Updates of twins."""
        yield self.item(part, "graph", "operation", updates)

    def _hub(self, part: str, metered: Decimal) -> Item:
        return self.item(part, "broker", "unit", metered / UNIT_MONTH)

    def _units(self, part: str, units: Decimal) -> Item:
        return self.item(part, "store", "unit", units)
