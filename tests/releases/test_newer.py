"""What a function does with a version that it does not know: the work comes again, until the function of the
newer release is there or the deliveries end.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.test_events import HOT, CheckerBench
from runtime.test_receivers import Bench as ReceiverBench
from runtime.test_receivers import answered
from support.benches import Bench, FakeSender
from support.memory import MemoryStore
from support.samples import TIME, TWIN, batch, command, event, message, signed
from support.tiers import Tiers, row
from twin_runtime import times
from twin_runtime.delivery import dead_letters
from twin_runtime.errors import Retry
from twin_runtime.events import cloudevents, rule_state
from twin_runtime.functions.connector import Connector
from twin_runtime.functions.persister import Persister
from twin_runtime.ports import MAX_DELIVERIES
from twin_runtime.storage import holds, notes, rows


def newer(id: str = "n1", made: Any = None) -> dict[str, Any]:
    """An event of the next version, in a form that nobody knows yet."""
    made = made or event(id)
    kind, _, version = made["type"].rpartition(".v")
    changed = {name: value for name, value in made.items() if name != "data"}
    return changed | {"type": f"{kind}.v{int(version) + 1}", "measurements": {"unit": "Cel"}}


@pytest.mark.parametrize(
    ("kind", "known", "is_newer"),
    [
        ("twinspan.telemetry.v2", cloudevents.TELEMETRY, True),
        ("twinspan.telemetry.v10", cloudevents.TELEMETRY, True),
        ("twinspan.command.v2", cloudevents.COMMAND, True),
        ("twinspan.command.v2", cloudevents.TELEMETRY, False),
        ("twinspan.telemetry.v0", cloudevents.TELEMETRY, False),
        ("twinspan.telemetry.v1", cloudevents.TELEMETRY, False),
        ("twinspan.telemetry.v2x", cloudevents.TELEMETRY, False),
        ("other.telemetry.v2", cloudevents.TELEMETRY, False),
        (["twinspan.telemetry.v2"], cloudevents.TELEMETRY, False),
        (None, cloudevents.TELEMETRY, False),
    ],
)
def test_which_types_are_of_a_newer_release(kind: Any, known: str, is_newer: bool) -> None:
    with pytest.raises(cloudevents.Invalid) as error:
        cloudevents.check(event() | {"type": kind}, TWIN, "twinspan.other.v1" if kind == known else known)
    assert isinstance(error.value, cloudevents.Newer) is is_newer


@pytest.mark.parametrize("reads_data", [True, False])
def test_a_newer_event_comes_again_while_the_others_of_its_message_go_on(reads_data: bool) -> None:
    bench, sender = Bench("role"), FakeSender()
    role = Connector(sender=sender, **bench.shared())  # type: ignore[arg-type]
    role.reads_data = reads_data
    for attempt in range(1, MAX_DELIVERIES):
        assert role.handle([message(event("e1"), newer(), attempt=attempt)]) == ["m1"]
    assert bench.letters() == []
    assert role.handle([message(event("e1"), newer(), attempt=MAX_DELIVERIES)]) == []
    (letter,) = bench.letters()
    assert (letter.event, "newer than twinspan.telemetry.v1" in letter.reason) == (newer(), True)
    assert sender.calls == [["e1"]] * MAX_DELIVERIES


def test_a_newer_event_is_not_forgotten_when_all_of_the_rest_fails() -> None:
    bench, store = Bench("persister"), MemoryStore()
    role = Persister(store=store, **bench.shared())

    def failing(*_: object) -> None:
        raise Retry("Down.")

    role.work = failing  # type: ignore[method-assign]
    last = message(event("e1"), newer(), {"no": "event"}, attempt=MAX_DELIVERIES)
    assert role.handle([last]) == []
    assert [(letter.event or {}).get("id") for letter in bench.letters()] == [None, "n1", "e1"]


def test_an_event_without_data_is_dead_lettered_alone() -> None:
    bench, store = Bench("persister"), MemoryStore()
    role = Persister(store=store, **bench.shared())
    bare = {name: value for name, value in event("bare").items() if name != "data"}
    assert role.handle([message(bare, id="m1"), message(event("e1"), id="m2")]) == []
    assert [letter.event for letter in bench.letters()] == [bare]
    assert [row.id for row in store.rows.values() if not row.device.startswith("~")] == ["e1"]


@pytest.mark.parametrize("kind", ["ingestion", "writer", "event_feedback"])
def test_a_receiver_asks_for_a_newer_event_again(kind: str) -> None:
    bench = ReceiverBench(kind)
    of_kind = newer("n1", command("n1") if kind == "event_feedback" else None)
    assert answered(bench.role.handle(signed(batch(of_kind))))[0] == 503
    assert "newer than" in "".join(bench.lines.lines)
    status, document = bench.send(bench.good[0], of_kind, {"no": "event"})
    assert (status, document["accepted"]) == (200, 1)
    assert [(each["index"], each.get("retry"), each.get("kept")) for each in document["rejected"]] == [
        (2, None, True),
        (1, True, None),
    ]
    assert (bench.durable(), len(bench.dead.bodies)) == (1, 1)


def test_a_row_of_a_newer_release_is_not_read_as_one_of_this() -> None:
    with pytest.raises(Retry, match="newer than"):
        rows.to_json(row()._replace(type="twinspan.telemetry.v2"), TWIN)


def test_a_mover_leaves_rows_of_a_newer_release_where_they_are() -> None:
    tiers = Tiers.empty()
    tiers.write(row(id="new")._replace(type="twinspan.telemetry.v2"))
    with pytest.raises(Retry, match="newer than"):
        tiers.mover().run(0, 1, budget=60)
    assert len(tiers.in_hot()) == 1
    assert not tiers.in_cold()


def test_a_note_of_a_newer_release_is_neither_read_nor_passed_over() -> None:
    store = MemoryStore()
    store.put([notes.note(holds.DEVICE, "h1", "{}")._replace(type="twinspan.note.v2")])
    with pytest.raises(Retry, match="newer than"):
        holds.read(store)
    with pytest.raises(Retry, match="newer than"):
        notes.find(store, holds.DEVICE, "h1")


def test_the_state_of_rules_of_a_newer_release_is_not_overwritten() -> None:
    bench = CheckerBench()
    text = json.dumps({"v": rule_state._VERSION + 1, "fired": {"overheating": TIME}})
    bench.states.put_if_absent("thermostat-1", text)
    other = event("b", HOT, device="thermostat-2", at=times.from_epoch(bench.now))
    assert not bench.show(event("a", HOT, at=times.from_epoch(bench.now)), other)
    assert bench.states.records["thermostat-1"].text == text
    assert [each["source"] for each in bench.sent()] == [other["source"]]
    assert bench.letters() == []


@pytest.mark.parametrize(
    ("version", "reason"),
    [(2, dead_letters.NEWER), (0, dead_letters.MOVED_BY_QUEUE), ("2", dead_letters.MOVED_BY_QUEUE)],
)
def test_a_dead_letter_of_a_newer_release_says_so(version: Any, reason: str) -> None:
    text = json.dumps({"dead_letter": version, "why": "No.", "event": event()})
    assert dead_letters.decode(text) == [dead_letters.DeadLetter(reason, body=text)]
