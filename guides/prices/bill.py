"""What a cloud bills for the things that a twin has: one class per cloud, with the same methods."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from guides.prices.items import Item
from guides.prices.table import GB, PriceError, Table
from guides.prices.usage import MILLION, Usage
from twin_runtime.roles import ROLES, Batching, Cloud, Role

Trigger = Literal["broker", "queue", "http", "clock"]
RECORDS = 3
"""Writes to a device's record for a firing: the rule fires, its effects are done, it is no longer true."""
GATHERS = (Role.DISPATCHER, *(role for role in Role if ROLES[role].batching is Batching.TOGETHER))
"""The roles that put concurrent messages together, where the platform hands them over one by one."""


def ceil(number: Decimal) -> Decimal:
    """Rounded up, as bills are.

    >>> ceil(Decimal("0.01"))
    Decimal('1')
    """
    return number.to_integral_value(ROUND_CEILING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a function does for a million events.

    `calls` are those that the platform counts and `together` the events that are worked on at a time. `waits`
    and `far` are the answers that it waits for each time, one after the other: of its own cloud's services
    and of other clouds. `cpu` names the measurement, if it is not the role's. `events` are those that reach
    the function.
    """

    role: Role
    trigger: Trigger
    calls: Decimal
    together: Decimal
    waits: Decimal = Decimal(0)
    far: Decimal = Decimal(0)
    cpu: str = ""
    events: Decimal = MILLION


class Bill(ABC):
    """`storage` has the prices of files."""

    cloud: Cloud

    def __init__(self, prices: Table, storage: Table, usage: Usage) -> None:
        self._prices = prices
        self._storage = storage
        self.usage = usage

    def item(self, part: str, tier: str, item: str, quantity: Decimal) -> Item:
        """One entry; raises `PriceError` where the table lacks the price."""
        price = self._prices.find(self.cloud, tier, item)
        if price is None:
            raise PriceError(
                f"events.toml has no price of {self.cloud}.{tier}.{item}, which {part} is billed for."
            )
        return Item(cloud=self.cloud, part=str(part), quantity=quantity, price=price)

    def files(self, part: str, tier: str, item: str, quantity: Decimal) -> Item:
        """As `item`, of the prices of files."""
        price = self._storage.find(self.cloud, tier, item)
        if price is None:
            raise PriceError(
                f"storage.toml has no price of {self.cloud}.{tier}.{item}, which {part} is billed for."
            )
        return Item(cloud=self.cloud, part=str(part), quantity=quantity, price=price)

    @abstractmethod
    def broker(self, part: str, messages: Decimal, size: Decimal) -> Iterator[Item]:
        """Devices' messages of `size` bytes, taken and handed to the dispatcher."""

    @abstractmethod
    def command(self, part: str, commands: Decimal) -> Iterator[Item]:
        """Commands, handed to devices."""

    @abstractmethod
    def queue(self, part: str, messages: Decimal, size: Decimal, calls: Decimal) -> Iterator[Item]:
        """Messages of `size` bytes, sent, handed over in so many calls, deleted."""

    @abstractmethod
    def work(self, part: str, work: Work) -> Iterator[Item]:
        """Calls of a function and their time, with its log."""

    @abstractmethod
    def written(self, part: str, rows: Decimal) -> Iterator[Item]:
        """Rows, written to the hot store."""

    @abstractmethod
    def read(self, part: str, rows: Decimal) -> Iterator[Item]:
        """Rows, read from the hot store in pages."""

    @abstractmethod
    def gone(self, part: str, rows: Decimal, *, moved: bool) -> Iterator[Item]:
        """Rows that leave the hot store: deleted by a mover, or expired."""

    @abstractmethod
    def workflow(self, part: str, runs: Decimal) -> Iterator[Item]:
        """Runs of Twinspan's own workflow in which somebody acknowledges, each started once."""

    @abstractmethod
    def state(self, part: str, reads: Decimal, writes: Decimal) -> Iterator[Item]:
        """Records of the event checker's state store, read and written one by one."""

    def sent(self, part: str, size: Decimal) -> Iterator[Item]:
        """Bytes that leave the cloud."""
        yield self.item(part, "transfer", "out", size)

    def received(self, part: str, requests: Decimal) -> Iterator[Item]:
        """Requests to a receiver, beside its function."""
        return iter(())

    def logged(self, part: str, calls: Decimal) -> Item:
        """What calls leave in the log."""
        return self.item(part, "logs", "ingestion", calls * self.usage.log_bytes[self.cloud])

    def store_calls(self, rows: Decimal) -> Decimal:
        """Answers that writing rows waits for, one after the other."""
        figures = self.usage.stores[self.cloud.value]
        return ceil(rows / (figures["rows"] * figures["together"]))

    def consumer_calls(self, message: Decimal, together: Decimal) -> Decimal:
        """Calls of a queue's consumer per million events: for each message, unless the platform hands over
        batches."""
        return MILLION / message

    def duration(self, work: Work) -> Decimal:
        """Seconds that a function works on what it takes at a time."""
        wait = self.usage.wait_s
        spent = self._computing(work) + work.waits * wait["service"] + work.far * wait["link"]
        return spent + (wait["gather"] if self.gathers(work) else 0)

    def gathers(self, work: Work) -> bool:
        """Whether calls of the role wait for each other."""
        return False

    def memory_mb(self, role: Role) -> Decimal:
        return self.usage.instances[self.cloud].memory_mb(ROLES[role].memory_mb)

    def instance_seconds(self, work: Work) -> Decimal:
        """Time in which instances have a call under way, where calls share them: each call's own time, but no
        more than the instances that are needed work all the time."""
        instances = self.usage.instances[self.cloud]
        duration, whole = self.duration(work), self.usage.seconds
        computing = self._computing(work) * work.events / work.together
        busy = work.calls * duration / instances.together[self._kind(work)]
        needed = max(ceil(busy / whole), ceil(computing / whole), Decimal(1))
        return min(work.calls * max(duration, instances.least_s), whole * needed)

    def _computing(self, work: Work) -> Decimal:
        cores = self.usage.instances[self.cloud].cores(self.memory_mb(work.role))
        return self.usage.cpu_s(self.cloud, work.cpu or work.role.value, work.together) / cores

    def _kind(self, work: Work) -> str:
        if ROLES[work.role].batching is Batching.ALONE or work.trigger == "clock":
            return "alone"
        return "http" if work.trigger == "http" else "gather" if self.gathers(work) else "queue"


def gigabytes(memory_mb: Decimal) -> Decimal:
    """What bills call a GB of memory."""
    return memory_mb * 2**20 / GB
