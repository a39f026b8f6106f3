"""Deploys this release over what the release before left, with telemetry flowing: nothing is lost or doubled.

A deployment replaces the functions of the clouds side by side, in any order. Between any two of them the twin
does a round of all of its work.
"""

from __future__ import annotations

import json
import random
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from operations.restore.catalogues import Entry, State
from operations.restore.files import File, Range
from operations.restore.locations import Location
from operations.restore.reading import Reader
from releases import fixture
from releases.running import ARCHIVE_DAYS, AWS, AZURE, CODE, COLD_DAYS, GCP, ROLES, TWIN, Release, Twin
from twin_runtime import model, times
from twin_runtime.delivery import dead_letters
from twin_runtime.events import cloudevents
from twin_runtime.functions import event_checker
from twin_runtime.ports import Objects, Request, Row
from twin_runtime.storage import holds, known_devices, lifetimes
from twin_runtime.tiers import tier_files

MODEL = model.parse(TWIN)
DEVICES = tuple(MODEL.devices)
Identity = tuple[str, str]
Start = Callable[..., Twin]
WAY = (
    *("archive_writer", "archive_mover", "cold_writer", "cold_mover", "hot_reader", "event_feedback"),
    *("event_checker", "writer", "persister", "processor", "ingestion", "connector", "dispatcher"),
)
"""The receivers before their senders, the consumers before those who fill their queues."""


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Release, Release]]:
    """The release before, and this one."""
    folder = tmp_path_factory.mktemp("releases")
    with Release(fixture.unpack_functions(folder), folder) as before, Release(CODE, folder) as this:
        yield before, this


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    return fixture.read("state.json")


def orders(number: int) -> Iterator[tuple[str, ...]]:
    """Orders in which functions are replaced: from the end of the way, from its start, and others."""
    assert set(WAY) == set(ROLES)
    yield WAY
    yield WAY[::-1]
    for seed in range(number):
        mixed = list(WAY)
        random.Random(seed).shuffle(mixed)
        yield tuple(mixed)


def check_upgrade(
    releases: tuple[Release, Release], state: Any, folder: Path, order: tuple[str, ...]
) -> None:
    before, this = releases
    with Twin(folder, state["at"] + 60, fixture.restored(state["clouds"])) as twin:
        twin.sent = {(event["source"], event["id"]): event for event in state["sent"]}
        letters = len(twin.clouds[AWS].queue("dead").bodies)
        twin.deploy(before)
        for number, role in enumerate(order, 100):
            work(twin, number)
            twin.deploy(this, role)
            check_whereabouts(twin)
            check_reads(twin)
        work(twin, 200)
        twin.drain()
        check_effects(twin)
        settle(twin, this)
        assert len(twin.clouds[AWS].queue("dead").bodies) == letters + twin.unreadable
        assert not any(twin.clouds[cloud].queue("dead").bodies for cloud in (AZURE, GCP))


def work(twin: Twin, number: int) -> None:
    twin.round(number)
    twin.consume()
    twin.move()


def settle(twin: Twin, this: Release) -> None:
    """On the next day everything is where it belongs: movers wait for what writers of the release before may
    do, and do again what they have set aside.
    """
    twin.later(90_000)
    twin.deploy(this)
    for _ in range(3):
        twin.move()
    check_whereabouts(twin, moved=True)
    assert check_reads(twin), "not all is shown"
    check_silence(twin)


def check_whereabouts(twin: Twin, *, moved: bool = False) -> None:
    """Each event that was sent is in a queue or in a tier, as it was, and in one file at most. Where all is
    `moved`, each is in the tier of its age.
    """
    hot = {identity(row): row for row in events_of(twin)}
    filed = filed_in(twin)
    assert max(filed.values(), default=0) <= 1, "a row is in two files"
    queued = {
        (event["source"], event["id"])
        for cloud in twin.clouds.values()
        for address, queue in cloud.queues.items()
        if address in ("processing", "persisting")
        for body in queue.bodies
        for event in json.loads(body)
    }
    assert twin.sent.keys() <= hot.keys() | filed.keys() | queued
    if moved:
        assert not queued
        live = {
            key for key, event in twin.sent.items() if times.to_epoch(event["time"]) > twin.now() - 2 * 86_400
        }
        assert (hot.keys(), filed.keys()) == (live, twin.sent.keys() - live)
        cold = filed_in(twin, AZURE, "cold")
        old = times.from_epoch(twin.now() - (ARCHIVE_DAYS - 5) * 86_400)
        assert cold.keys() == {key for key in filed if twin.sent[key]["time"] > old}


def events_of(twin: Twin) -> list[Row]:
    return [row for row in twin.clouds[GCP].store("hot").rows.values() if not row.device.startswith("~")]


def filed_in(twin: Twin, *tier: str) -> Counter[Identity]:
    """How often each event is in a file, of a tier or of all; each is as it was sent."""
    found: Counter[Identity] = Counter()
    for cloud, address in [tier] if tier else [(AZURE, "cold"), (GCP, "archive")]:
        objects = twin.clouds[cloud].objects(address)
        for name in fixture.names(objects, tier_files.EVENTS):
            for row in tier_files.unpack(objects.get(name), name, MODEL):
                found[identity(row)] += 1
                assert {"data": json.loads(row.data), "received": row.received} == {
                    each: twin.sent[identity(row)][each] for each in ("data", "received")
                }
    return found


def identity(row: Row) -> Identity:
    return cloudevents.source(MODEL.name, row.device), row.id


def check_reads(twin: Twin) -> bool:
    """hot_reader shows each event that is stored, and not in the archive, once and as it was sent; or it says
    that it cannot tell, or what it leaves out. Returns whether everything is shown.
    """
    whole = True
    stored = {identity(row) for row in events_of(twin)} | filed_in(twin, AZURE, "cold").keys()
    for device in DEVICES:
        source = cloudevents.source(MODEL.name, device)
        # Older ones are the archive's, and are shown only while they are in the hot store.
        start = times.from_epoch(twin.now() - 2 * COLD_DAYS * 86_400)
        wanted = [twin.sent[key] for key in stored if key[0] == source and twin.sent[key]["time"] >= start]
        told = twin.read(device, tier="all", **{"from": start})
        whole = whole and told is not None and not told[1]
        if told is None:
            continue
        shown, unread = told
        expected = [
            event
            for event in sorted(wanted, key=lambda event: (event["time"], event["id"]))
            if event in shown or not any(each["from"] <= event["time"] < each["to"] for each in unread)
        ]
        assert shown == expected
    return whole


def check_effects(twin: Twin) -> None:
    """Each firing of the rule sent its command once, and started one execution, by one call."""
    (rule,) = MODEL.rules
    hot = [event for event in twin.sent.values() if event["data"].get("temperature", 0) > 80]
    commands = Counter(command["data"]["event_id"] for _, command in twin.clouds[AWS].broker("devices").sent)
    assert commands == Counter(event["id"] for event in hot)
    workflow = twin.clouds[AZURE].workflow("workflow")
    assert workflow.started.keys() == {event_checker.execution_name(rule, event) for event in hot}
    assert workflow.calls == len(hot)


def check_silence(twin: Twin) -> None:
    """Nothing was wrong in the eyes of the functions but what should be."""
    wrong = [
        line for function in twin.functions.values() for line in function.logs if line["level"] != "info"
    ]
    assert {line["reason"] for line in wrong} <= {"The reading has no measurement."}


@pytest.mark.parametrize("order", list(orders(4)), ids=["receivers first", "senders first", *"1234"])
def test_functions_are_replaced_one_by_one(
    releases: tuple[Release, Release], state: Any, tmp_path: Path, order: tuple[str, ...]
) -> None:
    check_upgrade(releases, state, tmp_path, order)


@pytest.mark.slow
def test_functions_are_replaced_in_many_orders(
    releases: tuple[Release, Release], state: Any, tmp_path: Path
) -> None:
    for order in orders(60):
        check_upgrade(releases, state, tmp_path, order)


def killed() -> list[Any]:
    return [
        pytest.param(role, number, id=f"{role}-{number}")
        for role, states in fixture.read("killed.json.xz").items()
        for number in range(len(states))
    ]


@pytest.mark.parametrize(("role", "number"), killed())
def test_what_a_killed_function_left_is_ended(
    releases: tuple[Release, Release], state: Any, tmp_path: Path, role: str, number: int
) -> None:
    found = fixture.read("killed.json.xz")[role][number]
    # A claim of a mover lasts for the time of its run, a firing for two minutes, its command for five.
    later = 250 if role == "event_checker" else 3_600
    with Twin(tmp_path, state["at"] + later, fixture.restored(found)) as twin:
        twin.sent = {(event["source"], event["id"]): event for event in state["sent"]}
        twin.deploy(releases[1])
        if role == "event_checker":
            twin.drain()
            check_killed_effects(twin)
        else:
            twin.move()
            check_whereabouts(twin)
        twin.drain()
        settle(twin, releases[1])


def check_killed_effects(twin: Twin) -> None:
    """No effect is missing. One that was on its way may come again, under the same name or id."""
    (rule,) = MODEL.rules
    hot = [event for event in twin.sent.values() if event["data"].get("temperature", 0) > 80]
    workflow = twin.clouds[AZURE].workflow("workflow")
    assert workflow.started.keys() == {event_checker.execution_name(rule, event) for event in hot}
    assert len(hot) <= workflow.calls <= len(hot) + 1
    commands = Counter(command["id"] for _, command in twin.clouds[AWS].broker("devices").sent)
    assert commands.keys() == {cloudevents.hashed_id(rule.name, each["source"], each["id"]) for each in hot}
    assert commands.total() <= len(hot) + 1


def test_every_receiver_takes_the_requests_of_the_release_before(
    releases: tuple[Release, Release], state: Any, tmp_path: Path
) -> None:
    recorded = fixture.read("requests.json")
    assert {each["role"] for each in recorded} == {
        *("ingestion", "writer", "event_feedback", "cold_writer", "archive_writer", "hot_reader")
    }
    with Twin(tmp_path, state["at"], fixture.restored(state["clouds"])) as twin:
        twin.deploy(releases[1])
        twin.move()  # the files that are there are indexed
        for each in recorded:
            body = b64decode(each.get("body", ""))
            method = "GET" if "query" in each else "POST"
            request = Request(method, each["headers"], body, each.get("query", {}))
            response = twin.functions[each["role"]]("handle", request)
            assert response.status == 200, (each["role"], response.body)
            document = json.loads(response.body)
            assert not document.get("rejected")
            assert document.keys() & {"accepted", "events", "sha256"}


def test_restore_reads_files_of_the_release_before(state: Any) -> None:
    clouds = fixture.restored(state["clouds"])
    source = cloudevents.source(MODEL.name, "thermostat-1")
    sent = {event["id"]: event for event in state["sent"] if event["source"] == source}

    class Reach:
        def objects(self, _: str) -> Objects:
            return clouds[AZURE].objects("cold")

    wanted = Range("thermostat-1", "thermostat", times.EARLIEST, times.LATEST)
    names = list(fixture.names(clouds[AZURE].objects("cold"), f"{tier_files.EVENTS}type=thermostat/"))
    files = [
        File(Location("cold", AZURE, "cold"), Entry(name, 0, False, State.READY), tier_files.parse_name(name))
        for name in names
    ]
    found = list(Reader(lambda _: Reach(), MODEL, wanted).rows(files))  # type: ignore[arg-type, return-value]
    assert found
    assert [json.loads(row.data) for row in found] == [sent[row.id]["data"] for row in found]


def test_dead_letters_of_the_release_before_are_read(state: Any) -> None:
    bodies = state["clouds"][AWS]["queues"]["dead"]
    letters: list[dead_letters.DeadLetter] = [each for body in bodies for each in dead_letters.decode(body)]
    kinds = {(letter.role, letter.event is not None, letter.body is not None) for letter in letters}
    assert kinds == {
        ("dispatcher", False, True),
        ("connector", False, True),
        ("connector", True, False),
        (None, True, False),
    }
    assert all(letter.time for letter in letters if letter.role)


def test_notes_of_the_release_before_are_read(state: Any) -> None:
    store = fixture.restored(state["clouds"])[GCP].store("hot")
    assert known_devices.known(store, MODEL) == dict(MODEL.devices)
    assert [days for days, _ in lifetimes.noted(store, lifetimes.EARLIER)] == [MODEL.expire_days]
    assert holds.read(store) == []
