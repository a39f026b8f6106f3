"""What a million events cost in a twin, part by part: requests, compute, messages, writes and data transfer.

What a part costs depends on the clouds of a few layers alone (`DEPENDS_ON`), so a table of parts answers for
every combination. Prices are those of `events.toml` and, for files, of `storage.toml`; what is counted is
said in `usage.toml`. What is billed by the month is in `standing`.

>>> everywhere = {layer: Cloud.AWS for layer in Layer}
>>> 0.5 < total(items(Topology(everywhere), events=True)) < 10
True
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from guides.prices import older, parts, usage
from guides.prices.aws import Aws
from guides.prices.azure import Azure
from guides.prices.bill import Bill
from guides.prices.carry import carried
from guides.prices.gcp import Gcp
from guides.prices.idle import Free, free
from guides.prices.items import Item, by_cloud, by_part, table, total
from guides.prices.standing import Fixed, fixed
from guides.prices.storage import table as storage_table
from guides.prices.table import Table
from twin_runtime.roles import Cloud, Layer
from twinspan.topology import Topology

__all__ = [
    "DEPENDS_ON",
    "SETS",
    "Fixed",
    "Free",
    "Item",
    "by_cloud",
    "by_part",
    "cheapest",
    "fixed",
    "free",
    "items",
    "sentences",
    "table",
    "total",
]

SETS = usage.names()
"""The sets of assumptions, the default first."""
_L1, _L2, _HOT = Layer.ACQUISITION, Layer.PROCESSING, Layer.HOT_STORAGE
_COLD, _ARCHIVE, _L4 = Layer.COLD_STORAGE, Layer.ARCHIVE_STORAGE, Layer.TWIN_MANAGEMENT
DEPENDS_ON: Mapping[str, tuple[Layer, ...]] = MappingProxyType(
    {
        "broker": (_L1,),
        "dispatcher": (_L1,),
        **dict.fromkeys(("connector_queue", "connector", "link_telemetry", "ingestion"), (_L1, _L2)),
        **dict.fromkeys(("processing_queue", "processor", "persisting_queue"), (_L1, _L2)),
        **dict.fromkeys(("persister", "link_write", "writer"), (_L1, _L2, _HOT)),
        **dict.fromkeys(("events_queue", "event_checker", "workflow"), (_L1, _L2)),
        **dict.fromkeys(("commands_queue", "link_feedback", "event_feedback"), (_L1, _L2)),
        **dict.fromkeys(
            ("hot_store", "cold_mover", "link_cold", "cold_writer", "cold_bucket"), (_HOT, _COLD)
        ),
        **dict.fromkeys(
            ("archive_mover", "link_archive", "archive_writer", "archive_bucket"), (_COLD, _ARCHIVE)
        ),
        **dict.fromkeys(("twin_sync", "twin_graph", "link_twin"), (_HOT, _L4)),
    }
)
"""Every part that has items in some twin, and the layers whose clouds (or absence) settle, with the events
flag, whether a twin has it and what it costs.
"""
_BILLS: Mapping[Cloud, type[Bill]] = {Cloud.AWS: Aws, Cloud.AZURE: Azure, Cloud.GCP: Gcp}


def items(
    topology: Topology, events: bool, assumed: str = SETS[0], prices: Table | None = None
) -> tuple[Item, ...]:
    """Every item of a twin, in the order of the data. `events`: the event system is on. `assumed` is one of
    `SETS`. Raises `table.PriceError` where a price is missing.
    """
    figures = usage.read(assumed)
    bills = {cloud: bill(prices or table(), storage_table(), figures) for cloud, bill in _BILLS.items()}
    twin = parts.Twin(topology, events, figures, bills, carried(topology, figures))
    return (
        *parts.acquisition(twin),
        *parts.processing(twin),
        *parts.event_system(twin),
        *parts.storage(twin),
        *older.tiers(twin),
        *older.graph(twin),
    )


def sentences(assumed: str = SETS[0]) -> tuple[str, ...]:
    """What the figures of a set rest on, and how old the prices are."""
    dates = [price.date for price in (*table().prices, *storage_table().prices)]
    return (
        *usage.read(assumed).sentences,
        f"Prices of {min(dates)} to {max(dates)}; each says where it was read, in prices/events.toml and "
        "prices/storage.toml.",
    )


def cheapest(topology: Topology, events: bool, assumed: str = SETS[0]) -> tuple[Cloud, Decimal]:
    """The one cloud in which the same layers cost least, and what they cost there."""
    alone = {
        cloud: total(
            items(Topology(dict.fromkeys(topology.layers, cloud), topology.read_api), events, assumed)
        )
        for cloud in Cloud
    }
    return min(alone.items(), key=lambda each: each[1])
