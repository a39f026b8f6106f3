"""What is billed by the month, whether events come or not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from guides.prices import usage
from guides.prices.azure import METERED, UNIT_DAY
from guides.prices.bill import ceil
from guides.prices.items import table
from guides.prices.table import Price, PriceError, Table
from twin_runtime.roles import MOVERS, READERS, ROLES, SCHEDULES, Cloud, Layer, Role, Trigger
from twinspan import alarms
from twinspan.topology import Topology

MINUTES = Decimal(365 * 24 * 60) / 12
"""Of a month."""
POLLS = {Cloud.AWS: Decimal(5 * 3), Cloud.AZURE: Decimal(12)}
"""Requests a minute to a queue that is empty: of Lambda's five pollers, each of which waits 20 seconds, and
of the Functions host, which asks every 5 seconds. Pub/Sub pushes.
"""
RUN_S = Decimal(1)
"""How long a run by the clock takes that finds little to do."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What is billed by the month. `quantity` is in single units of the price; `text` says what they are."""

    cloud: Cloud
    part: str
    price: Price
    quantity: Decimal
    text: str

    @property
    def service(self) -> str:
        """What is billed, in the cloud's own names."""
        return self.price.service

    @property
    def usd(self) -> Decimal:
        """USD a month."""
        return self.quantity * self.price.each


@dataclass(frozen=True, slots=True)
class _Twin:
    topology: Topology
    events: bool
    prices: Table
    figures: usage.Usage

    def roles(self, cloud: Cloud) -> tuple[Role, ...]:
        here = (role for role, where in self.topology.roles.items() if where is cloud)
        return tuple(role for role in here if self.events or not ROLES[role].optional)

    def scheduled(self, cloud: Cloud) -> tuple[Role, ...]:
        return tuple(role for role in self.roles(cloud) if role in SCHEDULES)

    def movers(self, cloud: Cloud) -> tuple[Role, ...]:
        return tuple(role for role in self.roles(cloud) if role in MOVERS)

    def queues(self, cloud: Cloud) -> int:
        """Queues that a function of the cloud consumes."""
        return len([role for role in self.roles(cloud) if self._trigger(role) is Trigger.QUEUE])

    def letters(self, cloud: Cloud) -> int:
        """Places of dead letters, each with an alarm: of every queue, and of what is called without one."""
        own = [role for role in self.roles(cloud) if ROLES[role].dead_letters]
        return self.queues(cloud) + len([role for role in own if self._trigger(role) is not Trigger.QUEUE])

    def readers(self, cloud: Cloud) -> int:
        """Functions that clients call, each with an alarm on its refusals."""
        return len([role for role in self.roles(cloud) if role in READERS])

    def _trigger(self, role: Role) -> Trigger:
        spec = ROLES[role]
        links = (link for link in self.topology.links if link.name == spec.remote_link)
        return spec.trigger_of(remote=any(link.remote for link in links))

    def secrets(self, cloud: Cloud) -> int:
        """Ends of links with a secret."""
        return len(
            [link for link in self.topology.link_secrets_in(cloud) if self.events or not link.optional]
        )

    def has(self, layer: Layer, cloud: Cloud) -> bool:
        return self.topology.layers.get(layer) is cloud

    def fixed(self, cloud: Cloud, part: str, item: str, quantity: Decimal | int, text: str) -> Fixed:
        price = self.prices.find(cloud, "month", item)
        if price is None:
            raise PriceError(f"events.toml has no price of {cloud}.month.{item}, which {part} is billed for.")
        return Fixed(cloud, part, price, Decimal(quantity), text)

    def like_events(
        self, cloud: Cloud, part: str, tier: str, item: str, quantity: Decimal, text: str
    ) -> Fixed:
        """Of a price that events are billed by too."""
        price = self.prices.find(cloud, tier, item)
        if price is None:
            raise PriceError(
                f"events.toml has no price of {cloud}.{tier}.{item}, which {part} is billed for."
            )
        return Fixed(cloud, part, price, quantity, text)


def fixed(
    topology: Topology, events: bool, assumed: str = "", prices: Table | None = None
) -> tuple[Fixed, ...]:
    """What is billed by the month, cloud by cloud. Raises `table.PriceError` where a price is missing."""
    twin = _Twin(topology, events, prices or table(), usage.read(assumed or usage.names()[0]))
    makers: dict[Cloud, Callable[[_Twin], Iterator[Fixed]]] = {
        Cloud.AWS: _aws,
        Cloud.AZURE: _azure,
        Cloud.GCP: _gcp,
    }
    return tuple(each for cloud in topology.clouds for each in makers[cloud](twin) if each.quantity)


def _aws(twin: _Twin) -> Iterator[Fixed]:
    cloud, devices = Cloud.AWS, twin.figures.devices
    if twin.has(Layer.ACQUISITION, cloud):
        minutes = devices * MINUTES
        yield twin.fixed(cloud, "broker", "connection", minutes, f"{devices} devices that stay connected")
    if twin.has(Layer.TWIN_MANAGEMENT, cloud):
        yield twin.fixed(cloud, "twin_graph", "entity", devices, f"{devices} devices, an entity each")
    if twin.has(Layer.VISUALIZATION, cloud):
        yield twin.fixed(cloud, "grafana", "editor", 1, "each person who may edit, and looked in that month")
    count = twin.queues(cloud)
    polls = count * POLLS[cloud] * MINUTES
    yield twin.like_events(cloud, "queues", "queue", "request", polls, f"{count} queues, asked while empty")
    count = twin.secrets(cloud)
    yield twin.fixed(cloud, "secrets", "secret", count, _counted(count, "secret"))
    # The alarm of a schedule looks at three metrics, that of a mover at two.
    movers = len(twin.movers(cloud))
    count = twin.letters(cloud) + 3 * len(twin.scheduled(cloud)) + 2 * movers + twin.readers(cloud)
    yield twin.fixed(cloud, "alarms", "alarm", count, _counted(count, "metric") + " with an alarm")
    count = movers * (len(alarms.MEASURED) + 1)
    yield twin.fixed(cloud, "alarms", "metric", count, _counted(count, "metric") + " of movers")
    yield from _runs(twin, cloud, {"request": Decimal(0), "time": Decimal(1)})


def _azure(twin: _Twin) -> Iterator[Fixed]:
    cloud = Cloud.AZURE
    if twin.has(Layer.ACQUISITION, cloud):
        text = (
            f"one unit, which the stack makes; {twin.figures.rate} events a second would need {_units(twin)}"
        )
        yield twin.like_events(cloud, "broker", "broker", "unit", Decimal(1), text)
    if twin.has(Layer.VISUALIZATION, cloud):
        yield twin.fixed(cloud, "grafana", "grafana", MINUTES / 60, "one instance, hour by hour")
        yield twin.fixed(cloud, "grafana", "user", 1, "each person who looked in that month")
    count = twin.queues(cloud)
    polls = count * POLLS[cloud] * MINUTES
    yield twin.like_events(cloud, "queues", "queue", "operation", polls, f"{count} queues, asked while empty")
    readers = _secret_readers(twin, cloud)
    text = f"{_counted(readers, 'function')} reading a secret each minute"
    yield twin.fixed(cloud, "secrets", "vault", readers * MINUTES, text)
    count = twin.letters(cloud) + len(twin.scheduled(cloud)) + len(twin.movers(cloud)) + twin.readers(cloud)
    yield twin.fixed(cloud, "alarms", "log_alarm", count, f"{count} alarms on logs, every 5 minutes")
    yield from _runs(twin, cloud, {"request": Decimal(0), "time": Decimal(1)})


def _gcp(twin: _Twin) -> Iterator[Fixed]:
    cloud = Cloud.GCP
    readers = _secret_readers(twin, cloud)
    text = f"{_counted(readers, 'function')} reading a secret each minute"
    yield twin.fixed(cloud, "secrets", "access", readers * MINUTES, text)
    count = twin.secrets(cloud) + len(twin.topology.receivers_in(cloud))
    count += 1 if twin.has(Layer.ACQUISITION, cloud) else 0
    count += 1 if twin.has(Layer.VISUALIZATION, cloud) else 0
    yield twin.fixed(cloud, "secrets", "secret", count, _counted(count, "secret"))
    jobs = sum(SCHEDULES[role].partitions for role in twin.scheduled(cloud))
    yield twin.fixed(cloud, "schedules", "job", jobs, _counted(jobs, "job"))
    yield from _runs(twin, cloud, {"request": Decimal(0), "cpu": Decimal(0), "memory": Decimal(1)})


def _runs(twin: _Twin, cloud: Cloud, billed: dict[str, Decimal]) -> Iterator[Fixed]:
    """Runs by the clock: those that find something to do cost more, which is counted per event."""
    for role in twin.scheduled(cloud):
        schedule = SCHEDULES[role]
        runs = MINUTES / schedule.every_minutes * schedule.partitions
        memory = twin.figures.instances[cloud].memory_mb(ROLES[role].memory_mb) / 1024
        text = f"{runs:,.0f} runs a month, of a second each if there is little to do"
        for item, by_memory in billed.items():
            quantity = runs if item == "request" else runs * RUN_S * (memory if by_memory else 1)
            yield twin.like_events(cloud, role.value, "function", item, quantity, text)


def _units(twin: _Twin) -> Decimal:
    """Units of IoT Hub that take a day's messages."""
    each = ceil(twin.figures.bytes["reading"] * twin.figures.events_per_message / METERED)
    messages = twin.figures.rate * 86_400 / twin.figures.events_per_message
    return ceil(messages * each / UNIT_DAY)


def _secret_readers(twin: _Twin, cloud: Cloud) -> int:
    """Functions that read a secret while they work: a link's, or that of the API keys."""
    receivers = twin.topology.receivers_in(cloud)
    return len([r for r in twin.roles(cloud) if r in receivers or twin.topology.link_of(r) is not None])


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")
