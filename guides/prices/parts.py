"""The parts of a twin that events go through until they are stored, each with what its cloud bills for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from guides.prices.bill import RECORDS, Bill, Work
from guides.prices.carry import Carried
from guides.prices.items import Item
from guides.prices.usage import MILLION, Usage
from twin_runtime.roles import Cloud, Layer, Role
from twinspan.topology import Topology

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Twin:
    """What every part is reckoned with. `events`: the event system is on."""

    topology: Topology
    events: bool
    usage: Usage
    bills: Mapping[Cloud, Bill]
    carried: Carried

    def bill(self, layer: Layer) -> Bill:
        """Of the cloud that holds a layer."""
        return self.bills[self.topology.layers[layer]]

    def message_bytes(self, events: Decimal) -> Decimal:
        """Bytes of a queue's message with so many events."""
        return self.usage.bytes["event"] * events

    def remote(self, link: str) -> bool:
        """Whether the twin has the link, and it leaves a cloud."""
        return any(each.name == link and each.remote for each in self.topology.links)


def acquisition(twin: Twin) -> Iterator[Item]:
    """L1: broker and dispatcher; and the telemetry link, if there is one."""
    bill, carried = twin.bill(Layer.ACQUISITION), twin.carried
    messages = MILLION / carried.device
    yield from bill.broker("broker", messages, twin.usage.bytes["reading"] * carried.device)
    together = max(carried.dispatched, carried.device)
    work = Work(role=Role.DISPATCHER, trigger="broker", calls=messages, together=together, waits=ONE)
    yield from bill.work(Role.DISPATCHER, work)
    if not twin.remote("telemetry"):
        return
    calls = bill.consumer_calls(carried.dispatched, carried.linked)
    yield from queue(twin, bill, "connector_queue", carried.dispatched, calls)
    work = Work(role=Role.CONNECTOR, trigger="queue", calls=calls, together=carried.linked, far=ONE)
    yield from bill.work(Role.CONNECTOR, work)
    yield from link(twin, "telemetry", carried.linked)
    receiver = twin.bill(Layer.PROCESSING)
    yield from received(receiver, Role.INGESTION, MILLION / carried.linked, carried.linked, waits=ONE)


def processing(twin: Twin) -> Iterator[Item]:
    """L2: processor and persister with their queues."""
    bill, carried = twin.bill(Layer.PROCESSING), twin.carried
    calls = bill.consumer_calls(carried.processing, carried.persisting)
    yield from queue(twin, bill, "processing_queue", carried.processing, calls)
    work = Work(role=Role.PROCESSOR, trigger="queue", calls=calls, together=carried.persisting, waits=ONE)
    yield from bill.work(Role.PROCESSOR, work)
    calls = bill.consumer_calls(carried.persisting, carried.stored)
    yield from queue(twin, bill, "persisting_queue", carried.persisting, calls)
    remote = twin.remote("write")
    shown = ONE if twin.events else Decimal(0)
    work = Work(
        role=Role.PERSISTER,
        trigger="queue",
        calls=calls,
        together=carried.stored,
        waits=shown if remote else shown + bill.store_calls(carried.stored),
        far=ONE if remote else Decimal(0),
        cpu="persister_remote" if remote else "persister_local",
    )
    yield from bill.work(Role.PERSISTER, work)


def storage(twin: Twin) -> Iterator[Item]:
    """L3 hot: the store, and the write link and the writer, if they are there."""
    bill, stored = twin.bill(Layer.HOT_STORAGE), twin.carried.stored
    if twin.remote("write"):
        yield from link(twin, "write", stored)
        waits = bill.store_calls(stored)
        yield from received(bill, Role.WRITER, MILLION / stored, stored, waits=waits)
    yield from bill.written("hot_store", MILLION)
    yield from bill.gone("hot_store", MILLION, moved=Layer.COLD_STORAGE in twin.topology.layers)


def event_system(twin: Twin) -> Iterator[Item]:
    """The event checker with its queue on every event; commands and workflows for the rules that fire."""
    if not twin.events:
        return
    l1, l2, carried = twin.bill(Layer.ACQUISITION), twin.bill(Layer.PROCESSING), twin.carried
    calls = l2.consumer_calls(carried.stored, carried.stored)
    yield from queue(twin, l2, "events_queue", carried.stored, calls)
    work = Work(role=Role.EVENT_CHECKER, trigger="queue", calls=calls, together=carried.stored, waits=ONE)
    yield from l2.work(Role.EVENT_CHECKER, work)
    fires, size = twin.usage.fires, twin.usage.bytes["command"]
    # A batch reads the record of each of its devices once: as many as devices sent messages.
    yield from l2.state(Role.EVENT_CHECKER, MILLION / carried.device, fires * RECORDS)
    yield from l2.workflow("workflow", fires)
    if twin.remote("feedback"):
        yield l2.item("link_feedback", "transfer", "out", fires * (twin.usage.bytes["head"] + size))
        yield l1.item("link_feedback", "transfer", "out", fires * twin.usage.bytes["answer"])
        yield from received(l1, Role.EVENT_FEEDBACK, fires, ONE, waits=ONE, events=fires)
    else:
        yield from l1.queue("commands_queue", fires, size, fires)
        work = Work(
            role=Role.EVENT_FEEDBACK, trigger="queue", calls=fires, together=ONE, waits=ONE, events=fires
        )
        yield from l1.work(Role.EVENT_FEEDBACK, work)
    yield from l1.command(Role.EVENT_FEEDBACK, fires)


def queue(twin: Twin, bill: Bill, part: str, events: Decimal, calls: Decimal) -> Iterator[Item]:
    """A queue whose messages have so many events."""
    yield from bill.queue(part, MILLION / events, twin.message_bytes(events), calls)


def received(
    bill: Bill, role: Role, requests: Decimal, together: Decimal, *, waits: Decimal, events: Decimal = MILLION
) -> Iterator[Item]:
    """A receiver: its endpoint and its function."""
    yield from bill.received(role, requests)
    yield from bill.work(
        role,
        Work(role=role, trigger="http", calls=requests, together=together, waits=waits, events=events),
    )


def link(twin: Twin, name: str, events: Decimal) -> Iterator[Item]:
    """A link's bytes: requests on the sender's bill, answers on the receiver's."""
    ends = twin.topology.link(name)
    assert ends.sender_cloud is not None
    requests = MILLION / events
    sender, receiver = twin.bills[ends.sender_cloud], twin.bills[ends.receiver_cloud]
    yield from sender.sent(f"link_{name}", requests * twin.usage.request_bytes(events))
    yield from receiver.sent(f"link_{name}", requests * twin.usage.bytes["answer"])
