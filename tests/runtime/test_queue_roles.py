"""connector, processor, persister: messages answered for one by one, events dead-lettered one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from support.benches import Bench, FakeSender
from support.memory import MemoryQueue, MemoryStore
from support.samples import DOCUMENT, TIME, event, message
from twin_runtime import model
from twin_runtime.deadlines import NO_TIME
from twin_runtime.errors import ConfigurationError, Retry
from twin_runtime.functions.connector import Connector
from twin_runtime.functions.persister import Persister
from twin_runtime.functions.processor import USER_CODE_DELIVERIES, Processor
from twin_runtime.ports import CONFLICT, MAX_DELIVERIES, Event, Message, Unstored
from twin_runtime.wire.sender import Outcome


def ids(queue: MemoryQueue) -> list[str]:
    return [each["id"] for body in queue.bodies for each in json.loads(body)]


def connector(sender: FakeSender) -> tuple[Bench, Connector]:
    bench = Bench("connector")
    return bench, Connector(sender=sender, **bench.shared())  # type: ignore[arg-type]


def test_all_messages_of_a_call_go_out_together() -> None:
    sender = FakeSender()
    bench, role = connector(sender)
    messages = [message(event(f"e{n}"), event(f"f{n}"), id=f"m{n}") for n in range(10)]
    assert role.handle(messages) == []
    assert len(sender.calls) == 1
    assert len(sender.calls[0]) == 20
    line = bench.lines.named("handled")[0]
    assert (line["messages"], line["events"], line["failed"]) == (10, 20, 0)
    assert line["traceparent"] == event("e0")["traceparent"]


def test_outcomes_reach_the_message_that_they_are_about() -> None:
    bench, role = connector(
        FakeSender(
            later=Outcome("retry", "Down."),
            never=Outcome("refused", "No."),
            kept=Outcome("refused", "No.", kept=True),
        )
    )
    messages = [
        message(event("good"), event("later"), id="m1"),
        message(event("never"), event("good2"), id="m2"),
        message(event("kept"), id="m3"),
        message(event("good3"), id="m4"),
    ]
    assert role.handle(messages) == ["m1"]
    assert [(letter.reason, (letter.event or {})["id"]) for letter in bench.letters()] == [("No.", "never")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not JSON"),
        (b"{}", "not a JSON array"),
        ("\ud800", "not JSON"),
        (b"\xff", "not UTF-8"),
        ("[NaN]", "NaN"),
    ],
)
def test_poison_is_dead_lettered_at_once_and_alone(body: Any, reason: str) -> None:
    sender = FakeSender()
    bench, role = connector(sender)
    assert (
        role.handle([message(event("a"), id="m1"), Message("m2", body, 1), message(event("b"), id="m3")])
        == []
    )
    assert sender.calls == [["a", "b"]]
    (letter,) = bench.letters()
    assert reason in letter.reason
    assert bench.lines.named("dead_letter")[0]["reason"] == letter.reason


def test_a_bad_event_among_good_ones_is_dead_lettered_alone() -> None:
    bench, role = connector(FakeSender())
    bad = event("bad") | {"source": "/twins/factory/devices/stranger"}
    assert role.handle([message(event("a"), bad, 7, event("b"))]) == []
    assert [letter.event or letter.body for letter in bench.letters()] == [bad, "7"]


def test_dead_letters_of_a_message_that_comes_back_are_put_once() -> None:
    sender = FakeSender(a=Outcome("retry", "Down."))
    bench, role = connector(sender)
    assert role.handle([message(event("a"), 7)]) == ["m1"]
    assert bench.letters() == []
    sender.outcomes = {}
    assert role.handle([message(event("a"), 7, attempt=2)]) == []
    assert len(bench.letters()) == 1


def test_on_the_last_delivery_what_fails_is_dead_lettered_with_its_reason() -> None:
    bench, role = connector(FakeSender(a=Outcome("retry", "The receiver answered 401.")))
    for attempt in (1, MAX_DELIVERIES - 1, None):
        assert role.handle([message(event("a"), event("b"), attempt=attempt)]) == ["m1"]
    assert role.handle([message(event("a"), event("b"), attempt=MAX_DELIVERIES)]) == []
    (letter,) = bench.letters()
    assert (letter.reason, letter.event) == ("The receiver answered 401.", event("a"))


def test_a_message_whose_letter_cannot_be_put_comes_back() -> None:
    bench, role = connector(FakeSender())
    bench.dead.faults.ahead = [OSError("down")]
    assert role.handle([message(event("a"), id="m1"), Message("m2", "{", 1)]) == ["m2"]


def test_an_error_of_ours_fails_the_call_and_tells_no_detail() -> None:
    class Broken(FakeSender):
        def deliver(self, events: Sequence[Event], **_: object) -> list[Outcome]:
            raise RuntimeError("secret")

    bench, role = connector(Broken())
    assert role.handle([message(event("a"), id="m1"), message(id="m2")]) == ["m1"]
    assert "secret" not in "".join(bench.lines.lines)


def test_no_messages() -> None:
    assert connector(FakeSender())[1].handle([]) == []


PROCESSOR = """
calls = []

def process(event):
    calls.append(event)
    data = event["data"]
    kind = data.get("do")
    if kind == "raise":
        raise ValueError("cannot divide " + str(data))
    if kind == "worse":
        class Worse(Exception):
            def __str__(self):
                raise RuntimeError
        raise Worse
    if kind == "exit":
        raise SystemExit(3)
    if kind == "drop":
        return None
    if kind == "eval":
        return eval(data["code"])
    event["data"]["seen"] = True
    return event
"""


class ProcessorBench(Bench):
    def __init__(self, root: Path, code: str = PROCESSOR) -> None:
        super().__init__("processor")
        (root / "processors").mkdir(exist_ok=True)
        (root / "processors" / "thermostat.py").write_text(code)
        types = {**DOCUMENT["device_types"]}
        types["thermostat"] = {**types["thermostat"], "processor": "processors/thermostat.py"}
        self.out = MemoryQueue()
        self.twin = model.parse(DOCUMENT | {"device_types": types})
        self.role = Processor(queue=self.out, root=root, **self.shared(self.twin))

    def events(self) -> list[Event]:
        return [each for body in self.out.bodies for each in json.loads(body)]


@pytest.fixture
def bench(tmp_path: Path) -> ProcessorBench:
    return ProcessorBench(tmp_path)


def test_the_users_code_by_device_type(bench: ProcessorBench) -> None:
    pump = event("p", {"flow": 1}, device="pump-1")
    assert bench.role.handle([message(event("a"), pump)]) == []
    a, p = bench.events()
    assert a["data"] == {"temperature": 21.5, "seen": True}
    assert a == event("a") | {"data": a["data"]}
    assert p == pump


def evaluated(bench: ProcessorBench, code: str, attempt: int = USER_CODE_DELIVERIES) -> list[Event]:
    bench.out.bodies.clear()
    assert bench.role.handle([message(event("a", {"do": "eval", "code": code}), attempt=attempt)]) == []
    return bench.events()


def test_none_one_or_several(bench: ProcessorBench) -> None:
    assert evaluated(bench, "None") == []
    assert evaluated(bench, "[]") == []
    assert [each["data"] for each in evaluated(bench, "{'data': {'n': 1}}")] == [{"n": 1}]
    assert evaluated(bench, "{'data': {'n': 1}}")[0]["id"] == "a"
    several = evaluated(
        bench, "[{**event, 'data': {'n': 1}}, event, {'data': {'n': 2}}, {'data': {}, 'id': 'mine'}]"
    )
    assert several[0]["id"] == "a"
    assert len({each["id"] for each in several}) == 4
    assert {each["traceparent"] for each in several} == {event("a")["traceparent"]}
    assert {each["source"] for each in several} == {event("a")["source"]}
    again = evaluated(
        bench, "[{**event, 'data': {'n': 1}}, event, {'data': {'n': 2}}, {'data': {}, 'id': 'mine'}]"
    )
    assert [each["id"] for each in several] == [each["id"] for each in again]


def test_a_derived_event_may_have_its_own_time(bench: ProcessorBench) -> None:
    (made,) = evaluated(bench, "{'data': {}, 'time': '2024-02-01T01:00:00+01:00'}")
    assert (made["time"], made["received"]) == ("2024-02-01T00:00:00.000000Z", TIME)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("{**event, 'source': '/twins/factory/devices/thermostat-2'}", "must not change source"),
        ("{**event, 'type': 'x'}", "must not change type"),
        ("{**event, 'subject': 'pump'}", "must not change subject"),
        ("{**event, 'traceparent': 'x'}", "must not change traceparent"),
        ("{**event, 'received': '2024-02-29T00:00:00.000000Z'}", "must not change received"),
        ("{**event, 'clock': 'ahead'}", "the unknown attribute 'clock'"),
        ("{**event, 'device': 'x'}", "unknown attribute 'device'"),
        ("{**event, 1: 'x'}", "unknown attribute '1'"),
        ("{}", "without data"),
        ("{'data': [1]}", "without data"),
        ("{'data': {'x': float('nan')}}", "JSON"),
        ("{'data': {'x': float('inf')}}", "JSON"),
        ("{'data': {'x': {1, 2}}}", "JSON"),
        ("{'data': {1: 2, '1': 3}}", "same key twice"),
        ("{'data': {}, 'time': 'noon'}", "RFC 3339"),
        ("{'data': {}, 'time': '9999-12-31T00:00:00Z'}", "more than 5 minutes after"),
        ("{'data': {}, 'time': '2024-01-30T11:59:59.999999Z'}", "more than 30 days before"),
        ("{'data': {'x': eval('[' * 31 + ']' * 31)}}", "nested deeper than 31"),
        ("5", "not int"),
        ("True", "not bool"),
        ("(event, event)", "not tuple"),
        ("['x']", "not str"),
        ("[event] * 1001", "more than 1000"),
    ],
)
def test_what_it_must_not_return(bench: ProcessorBench, code: str, reason: str) -> None:
    assert evaluated(bench, code) == []
    (letter,) = bench.letters()
    assert letter.reason.startswith("The processor of thermostat failed: ")
    assert reason in (letter.detail or "")
    assert letter.event is not None
    assert letter.event["id"] == "a"


@pytest.mark.parametrize(
    ("do", "kind"), [("raise", "ValueError"), ("exit", "SystemExit"), ("worse", "Worse")]
)
def test_an_exception_is_tried_again_and_then_dead_lettered(
    bench: ProcessorBench, do: str, kind: str
) -> None:
    events = [event("a", {"do": do, "private": 77}), event("b")]
    for attempt in range(1, USER_CODE_DELIVERIES):
        assert bench.role.handle([message(*events, attempt=attempt), message(event("c"), id="m2")]) == ["m1"]
        assert bench.letters() == []
    assert ids(bench.out) == ["b", "c"] * (USER_CODE_DELIVERIES - 1)
    assert bench.role.handle([message(*events, attempt=USER_CODE_DELIVERIES)]) == []
    (letter,) = bench.letters()
    assert letter.event == events[0]
    assert letter.reason == f"The processor of thermostat failed: {kind}."
    assert kind in (letter.detail or "")
    assert "77" not in "".join(bench.lines.lines)


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("import nothing_there", "nothing_there"),
        ("process = 5", "no function process"),
        ("def process(", "SyntaxError"),
    ],
)
def test_code_that_does_not_load_harms_its_own_type_only(tmp_path: Path, code: str, detail: str) -> None:
    bench = ProcessorBench(tmp_path, code)
    pump = event("p", device="pump-1")
    assert bench.role.handle([message(event("a"), pump, attempt=USER_CODE_DELIVERIES)]) == []
    assert ids(bench.out) == ["p"]
    assert detail in (bench.letters()[0].detail or "")


def test_loaded_once(tmp_path: Path) -> None:
    bench = ProcessorBench(
        tmp_path,
        "from pathlib import Path\np = Path(__file__).with_suffix('.n')\n"
        "p.write_text(p.read_text() + 'x' if p.exists() else 'x')\ndef process(event): return event\n",
    )
    for _ in range(3):
        bench.role.handle([message(event("a"), event("b"))])
    assert (tmp_path / "processors" / "thermostat.n").read_text() == "x"


def test_code_outside_the_package_is_not_run(tmp_path: Path) -> None:
    bench = ProcessorBench(tmp_path)
    (tmp_path / "outside.py").write_text("def process(event): return event")
    types = {**DOCUMENT["device_types"], "thermostat": {"processor": "../outside.py"}}
    role = Processor(
        queue=bench.out,
        root=tmp_path / "processors",
        **bench.shared(model.parse(DOCUMENT | {"device_types": types, "rules": []})),
    )
    role.handle([message(event("a"), attempt=USER_CODE_DELIVERIES)])
    assert ids(bench.out) == []
    assert "outside the package" in (bench.letters()[0].detail or "")


STUCK = """
import time

def process(event):
    if event["data"].get("do") == "stuck":
        with open(__file__ + ".calls", "a") as file:
            file.write(event["id"])
        time.sleep(60)
    if event["data"].get("do") == "slow":
        time.sleep(0.4)
    if event["data"].get("do") == "raise":
        raise ValueError
    return event
"""


def stuck_bench(folder: Path, limit_s: float) -> ProcessorBench:
    bench = ProcessorBench(folder, STUCK)
    bench.role = Processor(queue=bench.out, root=folder, limit_s=limit_s, **bench.shared(bench.twin))
    return bench


def test_a_call_that_gets_stuck_is_dead_lettered_at_once_and_alone(tmp_path: Path) -> None:
    bench = stuck_bench(tmp_path, 0.5)
    events = [event("a"), event("b", {"do": "stuck"}), event("c")]
    assert bench.role.handle([message(*events), message(event("d"), id="m2")]) == []
    assert ids(bench.out) == ["a", "c", "d"]
    (letter,) = bench.letters()
    assert letter.event == events[1]
    assert letter.reason == "The processor of thermostat failed: a call took longer than 0.5 s."
    assert "processors/thermostat.py, line 8, in process: time.sleep(60)" in (letter.detail or "")


def test_a_call_that_got_stuck_is_not_repeated_for_the_others_of_its_message(tmp_path: Path) -> None:
    bench = stuck_bench(tmp_path, 0.5)
    events = [event("a", {"do": "raise"}), event("b", {"do": "stuck"})]
    for attempt in range(1, USER_CODE_DELIVERIES):
        assert bench.role.handle([message(*events, attempt=attempt)]) == ["m1"]
        assert bench.letters() == []
    assert bench.role.handle([message(*events, attempt=USER_CODE_DELIVERIES)]) == []
    assert sorted((letter.event or {})["id"] for letter in bench.letters()) == ["a", "b"]
    assert (tmp_path / "processors" / "thermostat.py.calls").read_text() == "b"


def test_slow_code_keeps_what_was_done_in_time(tmp_path: Path) -> None:
    bench = stuck_bench(tmp_path, 10)
    bench.role.handle([message(event("first"))])
    bench.out.bodies.clear()
    messages = [message(event(f"{m}a", {"do": "slow"}), event(f"{m}b"), id=m) for m in ("m1", "m2", "m3")]
    assert bench.role.handle(messages, budget=0.6) == ["m2", "m3"]
    assert ids(bench.out) == ["m1a", "m1b"]
    assert bench.lines.named("handled")[-1]["reason"] == NO_TIME


def test_types_without_code_start_no_process_and_pass_as_they_came(tmp_path: Path) -> None:
    bench = ProcessorBench(tmp_path)
    body = json.dumps([event("p", {"flow": 1, "t": "a\\"}, device="pump-1")], separators=(",", ":"))
    nested = json.dumps([event("q", {"flow": [1]}, device="pump-1")])
    assert bench.role.handle([Message("m1", body, 1), Message("m2", nested.encode(), 1)]) == []
    assert bench.role.code.pid is None
    assert bench.out.bodies[0][: len(body) - 1] == body[:-1]
    assert ids(bench.out) == ["p", "q"]


def test_a_process_that_does_not_start_fails_only_events_with_code(
    bench: ProcessorBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    pump = message(event("p", {"flow": 1}, device="pump-1"), id="m2")
    assert bench.role.handle([message(event("a"), attempt=USER_CODE_DELIVERIES), pump]) == ["m1"]
    assert ids(bench.out) == ["p"]
    assert "did not start" in bench.lines.named("handled")[0]["reason"]


def test_a_dead_letter_of_unread_data_has_it(tmp_path: Path) -> None:
    bench = ProcessorBench(tmp_path)
    good = json.dumps([event("a", {"do": "raise", "n": 1})], separators=(",", ":"))
    twice = good.replace('"n":1', '"n":1,"n":2')
    for body in (good, twice):
        assert bench.role.handle([Message("m1", body, USER_CODE_DELIVERIES)]) == []
    letters = bench.letters()
    assert letters[0].event == json.loads(good)[0]
    assert letters[1].body == twice


def test_an_event_without_data_is_refused_and_the_others_go_on() -> None:
    sender = FakeSender()
    bench, role = connector(sender)
    without = {name: value for name, value in event("a").items() if name != "data"}
    assert role.handle([message(without, event("b"))]) == []
    (letter,) = bench.letters()
    assert (letter.event, letter.reason) == (without, "The event lacks data.")
    assert sender.calls == [["b"]]


def test_what_the_next_queue_cannot_take(bench: ProcessorBench) -> None:
    bench.out._max_body_bytes = 2_000
    assert bench.role.handle([message(event("a", {"t": "x" * 3000}), event("b"))]) == []
    assert ids(bench.out) == ["b"]
    assert "larger than the queue takes" in bench.letters()[0].reason


def test_the_next_queue_is_down(bench: ProcessorBench) -> None:
    bench.out.faults.ahead = [Retry("down")]
    dropped = event("d", {"do": "drop"})
    assert bench.role.handle([message(event("a"), id="m1"), message(dropped, id="m2")]) == ["m1"]


class PersisterBench(Bench):
    def __init__(self, events: bool = True, sender: FakeSender | None = None) -> None:
        super().__init__("persister")
        self.store = MemoryStore()
        self.events = MemoryQueue()
        self.role = Persister(
            store=None if sender else self.store,
            sender=sender,  # type: ignore[arg-type]
            events=self.events if events else None,
            clock=lambda: 1_000.0,
            **self.shared(),
        )


def test_stored_then_shown_to_the_event_checker() -> None:
    bench = PersisterBench()
    assert bench.role.handle([message(event("a"), event("b")), message(event("a"), id="m2")]) == []
    assert sorted(row.id for row in bench.store.of_devices) == ["a", "b"]
    row = bench.store.rows["thermostat-1", "2024-02-29T12:00:00.000000Z#a"]
    assert (row.data, row.type, row.traceparent) == (
        '{"temperature":21.5}',
        "twinspan.telemetry.v1",
        event("a")["traceparent"],
    )
    assert row.expires == 1_000 + 30 * 86_400
    assert ids(bench.events) == ["a", "b", "a"]


def test_another_event_of_the_same_identity_is_a_dead_letter_and_not_shown() -> None:
    bench = PersisterBench()
    bench.role.handle([message(event("a"))])
    other = event("a", {"temperature": 90.0})
    for _ in range(2):  # a redelivery is refused again, and what it brought along is stored
        bench.events.bodies.clear()
        assert bench.role.handle([message(other, event("b"), event("a"))]) == []
        assert ids(bench.events) == ["b", "a"]
    assert [(letter.reason, letter.event) for letter in bench.letters()] == [(CONFLICT, other)] * 2
    assert sorted((row.id, row.data) for row in bench.store.of_devices) == [
        ("a", '{"temperature":21.5}'),
        ("b", '{"temperature":21.5}'),
    ]


def test_of_two_events_of_one_identity_in_a_batch_the_first_is_stored() -> None:
    bench = PersisterBench()
    other = event("a", {"temperature": 90.0})
    assert bench.role.handle([message(event("a"), id="m1"), message(other, event("a"), id="m2")]) == []
    assert ids(bench.events) == ["a", "a"]
    assert [letter.event for letter in bench.letters()] == [other]


def test_a_conflict_waits_for_the_rest_of_its_message() -> None:
    bench = PersisterBench()
    bench.role.handle([message(event("a"))])
    bench.store.unstored = [[Unstored(1, "Busy.")], *[[Unstored(0, "Busy.")]] * 3]
    other = message(event("a", {"temperature": 90.0}), event("b"))
    assert bench.role.handle([other]) == ["m1"]
    assert bench.letters() == []
    assert bench.role.handle([other]) == []
    assert [letter.reason for letter in bench.letters()] == [CONFLICT]


def test_events_off() -> None:
    bench = PersisterBench(events=False)
    assert bench.role.handle([message(event("a"))]) == []
    assert len(bench.store.of_devices) == 1
    assert bench.events.bodies == []


def test_nothing_is_shown_that_is_not_stored() -> None:
    bench = PersisterBench()
    bench.store.faults.ahead = [OSError("down")] * 4
    assert bench.role.handle([message(event("a"))]) == ["m1"]
    assert bench.events.bodies == []


def test_only_the_messages_whose_rows_failed_come_back() -> None:
    bench = PersisterBench()
    bench.store.unstored = [
        [],  # the call that writes notes
        [Unstored(0, "Busy."), Unstored(2, "Too large.", permanent=True)],
        *[[Unstored(0, "Busy.")]] * 3,
    ]
    messages = [message(event("a"), id="m1"), message(event("b"), id="m2"), message(event("c"), id="m3")]
    assert bench.role.handle(messages) == ["m1"]
    assert ids(bench.events) == ["b"]
    assert [letter.reason for letter in bench.letters()] == ["Too large."]


def test_a_store_that_stumbles_is_tried_again() -> None:
    bench = PersisterBench()
    bench.store.faults.ahead = [OSError("down"), Retry("busy")]
    assert bench.role.handle([message(event("a"))]) == []


def test_the_events_queue_is_down_after_storing() -> None:
    bench = PersisterBench()
    bench.events.faults.ahead = [OSError("down")]
    assert bench.role.handle([message(event("a"))]) == ["m1"]
    assert bench.role.handle([message(event("a"), attempt=2)]) == []
    assert len(bench.store.of_devices) == 1
    assert ids(bench.events) == ["a"]


def test_a_remote_write_shows_only_what_was_delivered() -> None:
    sender = FakeSender(
        b=Outcome("retry", "Down."), c=Outcome("refused", "No."), d=Outcome("refused", "No.", kept=True)
    )
    bench = PersisterBench(sender=sender)
    messages = [message(event(id), id=id) for id in "abcd"]
    assert bench.role.handle(messages) == ["b"]
    assert ids(bench.events) == ["a"]
    assert sender.calls == [["a", "b", "c", "d"]]
    assert len(bench.letters()) == 1


def test_a_persister_has_one_way_to_store() -> None:
    with pytest.raises(ConfigurationError):
        Persister(**Bench().shared())
    with pytest.raises(ConfigurationError):
        Persister(store=MemoryStore(), sender=FakeSender(), **Bench().shared())  # type: ignore[arg-type]
