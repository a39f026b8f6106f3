"""Letters of every hop go back, each once; what cannot stays, with the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from operations.access import Access
from operations.dead_letters.letters import Letter, Received, Selection
from operations.dead_letters.locations import Location
from operations.dead_letters.sending import KEPT, SENT, WOULD_BE_SENT, Sender, Targets
from support.memory import MemoryQueue, MemoryStore
from support.samples import TIME, TWIN, Lines, command, event
from twin_runtime.delivery.dead_letters import DeadLetter, DeadLetters, encode
from twin_runtime.errors import Retry
from twin_runtime.functions.dispatcher import Dispatcher
from twin_runtime.functions.event_feedback import EventFeedback
from twin_runtime.functions.persister import Persister
from twin_runtime.functions.processor import Processor
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import BrokerMessage, Row, Unstored

from .memory import MemoryAccess, MemoryLocation, MemorySource

PROCESSING = Location("aws", "processing", "queue", "processing-dead", "processing")
PERSISTING = Location("aws", "persisting", "queue", "persisting-dead", "persisting")
EVENTS = Location("aws", "events", "queue", "events-dead", "events")
COMMANDS = Location("aws", "commands", "queue", "commands-dead", "commands")
DEVICES = Location("gcp", "commands", "devices", "commands-dead", "devices")
TELEMETRY = Location("aws", "telemetry", "dispatcher", "telemetry-dead", "processing")
WRITING = Location("gcp", "writing", "store", "writing-dead", "hot")
LOG = Log("test", Lines())
NO = "The store failed."


class Run:
    """The command's inside, over memory."""

    def __init__(self, *others: Location, twin: Twin = TWIN) -> None:
        self.twin = twin
        self.access = MemoryAccess()
        self.others = others
        self.told: list[tuple[str | None, str, str]] = []

    def location(self, location: Location) -> MemoryLocation:
        return self.access.reach.location(location.letters)

    def send(self, location: Location, selection: Selection | None = None, **options: Any) -> list[tuple]:
        """What was told of each letter: its event's id, what became of it, why."""
        self.told = []

        def report(letter: Letter, outcome: str, why: str) -> None:
            self.told.append((letter.event_id, outcome, why))

        targets = Targets(cast(Access, self.access), self.twin, [location, *self.others])
        self.sender = Sender(targets, selection or Selection(), report, **options)
        with MemorySource(self.location(location)) as source:
            self.sender.run(location, source)
        return self.told

    def queue(self, location: Location) -> MemoryQueue:
        return self.access.reach.queue(location.target)

    def events(self, location: Location) -> list[dict]:
        return [each for body in self.queue(location).bodies for each in json.loads(body)]


@pytest.fixture
def run() -> Run:
    return Run()


def letter(reason: str = NO, *, at: str = TIME, role: str = "persister", **content: Any) -> str:
    return encode(DeadLetter(reason, **content), role=role, time=at, max_bytes=262_144)


def dispatched(body: bytes, received: str = TIME, device: str = "thermostat-1") -> list[dict]:
    """What the dispatcher makes of a message."""
    queue = MemoryQueue()
    message = BrokerMessage(device, body, received)
    Dispatcher(twin=TWIN, queue=queue, dead=DeadLetters(MemoryQueue(), LOG), log=LOG).handle([message])
    return [each for text in queue.bodies for each in json.loads(text)]


@pytest.mark.parametrize("location", [PROCESSING, PERSISTING, EVENTS], ids=lambda location: location.hop)
def test_an_event_goes_into_the_queue_before_the_hop(run: Run, location: Location) -> None:
    exact = event(data={"f": 1e-300, "i": 10**40, "u": "é"})
    run.location(location).add(letter(event=exact))
    assert run.send(location) == [("e1", SENT, "")]
    assert run.events(location) == [exact]
    assert run.location(location).messages == {}


def test_many_letters_take_few_messages(run: Run) -> None:
    for number in range(7):
        run.location(PERSISTING).add(letter(event=event(f"e{number}")))
    run.send(PERSISTING)
    assert len(run.events(PERSISTING)) == 7
    assert len(run.queue(PERSISTING).bodies) == 3  # a page each


def test_a_message_that_the_queue_moved_goes_back_whole(run: Run) -> None:
    run.location(PROCESSING).add(json.dumps([event("e1"), event("e2", device="pump-1")]))
    assert [told[1] for told in run.send(PROCESSING)] == [SENT, SENT]
    assert [each["id"] for each in run.events(PROCESSING)] == ["e1", "e2"]
    assert run.location(PROCESSING).messages == {}


def test_one_device_of_a_message_with_several(run: Run) -> None:
    run.location(PROCESSING).add(json.dumps([event("e1"), event("e2", device="pump-1")]), at=1_700_000_123.0)
    assert run.send(PROCESSING, Selection(device="pump-1")) == [("e2", SENT, "")]
    assert [each["id"] for each in run.events(PROCESSING)] == ["e2"]
    (left,) = run.location(PROCESSING).bodies
    assert json.loads(left)["event"]["id"] == "e1"
    assert json.loads(left)["time"] == "2023-11-14T22:15:23.000000Z", "its age stays"
    assert run.send(PROCESSING) == [("e1", SENT, "")]
    assert run.location(PROCESSING).messages == {}


def test_selected_by_time_and_reason(run: Run) -> None:
    for day in (1, 2, 3):
        at = f"2024-03-0{day}T00:00:00.000000Z"
        run.location(PERSISTING).add(letter(f"Reason {day}.", event=event(f"e{day}"), at=at))
    second = 1_709_337_600.0  # 2024-03-02
    assert run.send(PERSISTING, Selection(since=second, until=second + 1)) == [("e2", SENT, "")]
    assert run.send(PERSISTING, Selection(reason="reason 3")) == [("e3", SENT, "")]
    assert len(run.location(PERSISTING).bodies) == 1


def test_a_limit_and_a_dry_run(run: Run) -> None:
    for number in range(8):
        run.location(PERSISTING).add(letter(event=event(f"e{number}")))
    assert {told[1] for told in run.send(PERSISTING, dry_run=True)} == {WOULD_BE_SENT}
    assert len(run.location(PERSISTING).bodies) == 8
    assert run.events(PERSISTING) == []
    assert len(run.send(PERSISTING, limit=4)) == 4
    assert len(run.location(PERSISTING).bodies) == 4


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"event": event() | {"source": "/twins/factory/devices/gone"}}, "not known to this twin"),
        ({"event": event() | {"source": "/twins/other/devices/thermostat-1"}}, "not a device of this twin"),
        ({"event": event() | {"id": 5}}, "id must be a string"),
        ({"body": "{"}, "cannot be parsed: It is not JSON"),
        ({"body": b"\xff"}, "cannot be parsed: The text is not UTF-8"),
        ({"body": "[]"}, "contains no event"),
    ],
)
def test_what_the_hop_would_refuse_again_stays(run: Run, content: dict[str, Any], why: str) -> None:
    body = letter(**content)
    run.location(PROCESSING).add(body)
    ((_, outcome, reason),) = run.send(PROCESSING)
    assert outcome == KEPT
    assert why in reason
    assert run.location(PROCESSING).bodies == [body]
    assert run.queue(PROCESSING).bodies == []


def test_a_body_that_is_understood_by_now_goes(run: Run) -> None:
    run.location(PROCESSING).add(letter(body=json.dumps([event("e1"), event("e2")])))
    assert [told[1] for told in run.send(PROCESSING)] == [SENT]
    assert [each["id"] for each in run.events(PROCESSING)] == ["e1", "e2"]


def test_a_queue_that_takes_nothing_keeps_every_letter(run: Run) -> None:
    for number in range(5):
        run.location(PERSISTING).add(letter(event=event(f"e{number}")))
    run.queue(PERSISTING).faults.ahead = [Retry("SQS answered 500.")]
    assert run.send(PERSISTING) == [(f"e{n}", KEPT, "SQS answered 500.") for n in range(3)]
    assert run.sender.stopped == "SQS answered 500."
    assert len(run.location(PERSISTING).bodies) == 5


def test_killed_between_sending_and_deleting_it_is_stored_once(run: Run, tmp_path: Path) -> None:
    location = run.location(PERSISTING)
    for number in range(3):
        location.add(letter(event=event(f"e{number}")))
    location.fail_delete = True
    with pytest.raises(KeyboardInterrupt):
        run.send(PERSISTING)
    assert len(location.bodies) == 3, "visible again at once"
    location.fail_delete = False
    run.send(PERSISTING)
    assert location.messages == {}
    assert len(run.events(PERSISTING)) == 6
    assert len(persisted(run)) == 3


def persisted(run: Run) -> list[Row]:
    """The rows after the persister has taken its queue."""
    store = MemoryStore()
    persister = Persister(twin=TWIN, dead=DeadLetters(MemoryQueue(), LOG), log=LOG, store=store)
    assert persister.handle(run.queue(PERSISTING).take()) == []
    return store.of_devices


def test_from_the_dispatcher_to_the_store_twice_is_once(run: Run, tmp_path: Path) -> None:
    """A reading without an id and a time: its id follows from what the broker said of it."""
    (tmp_path / "twin.json").write_text("{}", encoding="utf-8")
    body = b'[{"temperature": 21.5}, {"temperature": 21.5}]'
    for _ in range(2):
        run.location(TELEMETRY).add(
            letter("Was refused.", role="dispatcher", body=body, device="thermostat-1", received=TIME)
        )
    assert [told[1] for told in run.send(TELEMETRY)] == [SENT, SENT]
    assert run.events(TELEMETRY) == dispatched(body) * 2
    processor = Processor(
        twin=TWIN,
        queue=run.queue(PERSISTING),
        dead=DeadLetters(MemoryQueue(), LOG),
        log=LOG,
        root=tmp_path,
    )
    assert processor.handle(run.queue(TELEMETRY).take()) == []
    assert len(persisted(run)) == 2


def test_a_dispatchers_letter_of_a_device_that_is_still_unknown_stays(run: Run) -> None:
    for device in ("stranger", None):
        run.location(TELEMETRY).add(
            letter("Why.", role="dispatcher", body='{"temperature": 1}', device=device, received=TIME)
        )
    told = run.send(TELEMETRY)
    assert [each[1] for each in told] == [KEPT, KEPT]
    assert "not known" in told[0][2]
    assert "not authenticated as a device" in told[1][2]
    assert len(run.location(TELEMETRY).bodies) == 2


def test_of_an_array_the_good_readings_go_and_the_letter_stays(run: Run) -> None:
    body = '[{"temperature": 1}, {}]'
    run.location(TELEMETRY).add(
        letter("Why.", role="dispatcher", body=body, device="thermostat-1", received=TIME)
    )
    ((_, outcome, why),) = run.send(TELEMETRY)
    assert outcome == KEPT
    assert "1 reading cannot be sent: The reading has no measurement." in why
    assert len(run.events(TELEMETRY)) == 1
    assert len(run.location(TELEMETRY).bodies) == 1


def test_an_event_that_was_too_large_for_the_dispatchers_queue(run: Run) -> None:
    run.location(TELEMETRY).add(letter("Too large.", role="dispatcher", event=event()))
    assert run.send(TELEMETRY) == [("e1", SENT, "")]
    assert run.events(TELEMETRY) == [event()]


def test_a_writers_letter_is_stored_as_the_writer_does(run: Run) -> None:
    for _ in range(2):
        run.location(WRITING).add(letter(role="writer", event=event()))
        assert run.send(WRITING) == [("e1", SENT, "")]
    (row,) = run.access.reach.store("hot").of_devices
    assert row.device == "thermostat-1"


def test_a_row_that_the_store_never_takes_stays(run: Run) -> None:
    run.location(WRITING).add(letter(role="writer", event=event("e1")))
    run.location(WRITING).add(letter(role="writer", event=event("e2")))
    run.access.reach.store("hot").unstored = [
        [],  # the call that writes notes
        [Unstored(0, "Too large.", permanent=True)],
    ]
    assert run.send(WRITING) == [("e1", KEPT, "Too large."), ("e2", SENT, "")]
    assert len(run.location(WRITING).bodies) == 1


def test_a_command_is_a_message_of_its_own(run: Run) -> None:
    for id in ("c1", "c2"):
        run.location(COMMANDS).add(letter(role="event_feedback", event=command(id)))
    run.send(COMMANDS)
    assert len(run.queue(COMMANDS).bodies) == 2
    broker = run.access.reach.broker("hub")
    feedback = EventFeedback(twin=TWIN, broker=broker, dead=DeadLetters(MemoryQueue(), LOG), log=LOG)
    assert feedback.handle(run.queue(COMMANDS).take()) == []
    assert [each["id"] for _, each in broker.sent] == ["c1", "c2"]


def test_where_no_queue_is_before_the_devices_the_broker_takes_commands(run: Run) -> None:
    broker = run.access.reach.broker("devices")
    broker.away = {"thermostat-2"}
    run.location(DEVICES).add(letter(event=command("c1")))
    run.location(DEVICES).add(letter(event=command("c2", device="thermostat-2")))
    run.location(DEVICES).add(letter(event=event()))
    assert run.send(DEVICES) == [
        ("e1", KEPT, "The type is not twinspan.command.v1."),
        ("c1", SENT, ""),
        ("c2", KEPT, "The device is away."),
    ]
    assert [device for device, _ in broker.sent] == ["thermostat-1"]


def test_a_command_for_a_device_that_was_revoked_since_is_kept() -> None:
    run = Run(twin=replace(TWIN, revoked=frozenset({"thermostat-1"})))
    run.location(DEVICES).add(letter(event=command("c1")))
    assert run.send(DEVICES) == [("c1", KEPT, "The device is revoked.")]
    assert run.access.reach.broker("devices").sent == []


def test_a_command_that_has_expired_is_kept() -> None:
    run = Run()
    run.location(DEVICES).add(letter(event=command(expires=TIME)))
    assert run.send(DEVICES) == [("c1", KEPT, f"The command expired at {TIME}, and was not sent.")]
    assert run.access.reach.broker("devices").sent == []


@pytest.mark.parametrize("to", [COMMANDS, DEVICES], ids=lambda location: location.kind)
def test_a_command_among_the_event_checkers_letters_goes_on_to_the_device(to: Location) -> None:
    run = Run(to)
    run.location(EVENTS).add(letter(role="event_checker", event=command()))
    run.location(EVENTS).add(letter(role="event_checker", event=event()))
    assert sorted(run.send(EVENTS)) == [("c1", SENT, ""), ("e1", SENT, "")]
    assert run.events(EVENTS) == [event()]
    sent = (
        run.events(COMMANDS)
        if to is COMMANDS
        else [each for _, each in run.access.reach.broker("devices").sent]
    )
    assert sent == [command()]


def test_a_command_without_a_way_to_the_devices_stays(run: Run) -> None:
    run.location(EVENTS).add(letter(role="event_checker", event=command()))
    ((_, outcome, why),) = run.send(EVENTS)
    assert outcome == KEPT
    assert "the hop commands" in why


def test_more_letters_than_a_page_are_each_taken_once(run: Run) -> None:
    for number in range(500):
        refused = number % 3 == 0
        run.location(PERSISTING).add(letter(event=event(f"e{number}") | ({"id": 1} if refused else {})))
    told = run.send(PERSISTING)
    assert len(told) == 500
    assert len(run.location(PERSISTING).bodies) == 167
    assert len({each["id"] for each in run.events(PERSISTING)}) == 333


@pytest.mark.parametrize("lease", [4, 9, 50])
def test_a_run_that_outlasts_its_leases_meets_every_letter_once(lease: int) -> None:
    """The location shows a message again after `lease` receives."""
    dead = MemoryLocation()
    for number in range(30):
        dead.add(f"[{number}]")

    class Slow(MemorySource):
        receives = 0
        leased: dict[str, int] = {}

        def _receive(self) -> list[Received]:
            self.receives += 1
            dead.hidden -= {id for id, since in self.leased.items() if self.receives - since > lease}
            received = super()._receive()
            self.leased |= {message.id: self.receives for message in received}
            return received

    with Slow(dead) as source:
        met = [message.body for page in source.pages() for message in page]
    assert sorted(met) == sorted(set(met))
    assert len(met) == 30 or lease < 10
    assert len(dead.bodies) == 30
