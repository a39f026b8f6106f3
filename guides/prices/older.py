"""What comes after the hot store: movers and files; and the twin graph that follows the events."""

from collections.abc import Iterator
from decimal import Decimal

from guides.prices.azure import Azure
from guides.prices.bill import Bill, Work
from guides.prices.items import Item
from guides.prices.parts import ONE, Twin, received
from guides.prices.usage import MILLION
from twin_runtime.roles import SCHEDULES, Cloud, Layer, Role

NOTES = Decimal(8)
"""Answers that a mover waits for with each file: notes of how far it is, the file, what is then stored, the
index of the cold tier.
"""
CHANGES_S = Decimal(5)
"""How often the Functions host asks Cosmos DB for changes."""


def tiers(twin: Twin) -> Iterator[Item]:
    """Movers, writers and files of the cold and the archive tier."""
    layers = twin.topology.layers
    if Layer.COLD_STORAGE not in layers:
        return
    hot, cold = twin.bill(Layer.HOT_STORAGE), twin.bill(Layer.COLD_STORAGE)
    yield from hot.read("cold_mover", MILLION)
    yield from _moved(twin, hot, Role.COLD_MOVER, _deletions(twin, hot))
    if twin.remote("cold"):
        yield from _over(twin, "cold", Role.COLD_WRITER, hot, cold)
    # A note and the index are written with each file: they cost about half as much, and are put at its price.
    yield cold.files("cold_bucket", "cold", "put", _files(twin) * twin.usage.stores["file_puts"])
    if Layer.ARCHIVE_STORAGE not in layers:
        return
    archive = twin.bill(Layer.ARCHIVE_STORAGE)
    if not twin.remote("archive"):
        yield cold.files("archive_bucket", "archive", "transition", _files(twin))
        return
    yield cold.item("archive_mover", "cold", "retrieval", MILLION * twin.usage.bytes["file_row"])
    yield from _moved(twin, cold, Role.ARCHIVE_MOVER, Decimal(0))
    yield from _over(twin, "archive", Role.ARCHIVE_WRITER, cold, archive)
    yield archive.files("archive_bucket", "archive", "put", _files(twin))


def graph(twin: Twin) -> Iterator[Item]:
    """L4: the values that twin_sync sets. TwinMaker asks for them itself, when somebody looks."""
    layers = twin.topology.layers
    if layers.get(Layer.TWIN_MANAGEMENT) in (None, Cloud.AWS):
        return
    l4, hot, usage = twin.bill(Layer.TWIN_MANAGEMENT), twin.bill(Layer.HOT_STORAGE), twin.usage
    if isinstance(l4, Azure) and l4 is hot:
        # Each new row is handed over, and each device is updated as often as the host asks.
        calls = usage.seconds / CHANGES_S
        updates = min(MILLION, usage.devices * calls)
        yield from hot.read(Role.TWIN_SYNC, MILLION)
        work = Work(
            role=Role.TWIN_SYNC,
            trigger="clock",
            calls=calls,
            together=MILLION / calls,
            waits=usage.devices / 2,
        )
        yield from l4.work(Role.TWIN_SYNC, work)
        yield from l4.twins("twin_graph", updates)
        return
    runs = usage.seconds / 60 / SCHEDULES[Role.TWIN_SYNC].every_minutes
    updates = min(MILLION, usage.devices * runs)
    yield from hot.read(Role.TWIN_SYNC, updates)
    if isinstance(l4, Azure):
        yield from l4.twins("twin_graph", updates)
    else:
        yield from l4.written("twin_graph", updates)
    if twin.remote("twin"):
        yield from l4.sent("link_twin", runs * usage.bytes["head"])
        yield from hot.sent("link_twin", updates * usage.bytes["event"] + runs * usage.bytes["answer"])
        yield from hot.received("link_twin", runs)


def _files(twin: Twin) -> Decimal:
    return MILLION / twin.usage.bytes["file_rows"]


def _deletions(twin: Twin, bill: Bill) -> Decimal:
    """Answers that deleting a file's rows waits for, one after the other."""
    if bill.cloud is Cloud.AWS:
        return Decimal(0)  # its rows expire
    stores = twin.usage.stores
    return twin.usage.bytes["file_rows"] / (
        stores[bill.cloud.value]["rows"] * stores["deleting"][bill.cloud.value]
    )


def _moved(twin: Twin, bill: Bill, role: Role, deletions: Decimal) -> Iterator[Item]:
    """A mover's work. It moves many files in a run: the calls are those of the clock."""
    rows = twin.usage.bytes["file_rows"]
    far = ONE if twin.remote(role.value.removesuffix("_mover")) else Decimal(0)
    work = Work(
        role=role, trigger="clock", calls=_files(twin), together=rows, waits=NOTES + deletions, far=far
    )
    yield from bill.work(role, work)


def _over(twin: Twin, name: str, writer: Role, sender: Bill, receiver: Bill) -> Iterator[Item]:
    """Files over a link, each in one request, as they are far below the largest part."""
    usage, files = twin.usage, _files(twin)
    size = MILLION * usage.bytes["file_row"] + files * (usage.bytes["head"] + usage.bytes["body"])
    yield from sender.sent(f"link_{name}", size)
    yield from receiver.sent(f"link_{name}", files * usage.bytes["answer"])
    yield from received(receiver, writer, files, usage.bytes["file_rows"], waits=NOTES)
