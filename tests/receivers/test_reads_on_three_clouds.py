"""hot_reader over DynamoDB, Cosmos DB and Firestore: the same query has the same answer, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from receivers import stores
from receivers.links import public
from receivers.requests import check_refusal, request
from support.deployed import Deployed, Functions
from support.platforms import Platform, Reply, Wire
from support.samples import API_KEY, batch, event
from twin_runtime import times
from twin_runtime.ports import Event
from twin_runtime.roles import Cloud

pytestmark = pytest.mark.servers

DEVICE, OTHER, EMPTY = "thermostat-1", "thermostat-2", "pump-1"
BASE = 1_709_208_000
IDS = ("0", "9", "A", "Z", "a", "a+", "a-", "a.", "a0", "a:", "a=", "a@", "aA", "a_", "aa", "a~")
"""In the order of their characters, which every store has to keep."""
VALUES: list[Any] = [
    *(
        28,
        28.5,
        28.0,
        1e-300,
        1e300,
        -0.0,
        10**40,
        -(10**18),
        True,
        None,
        "",
        'é\u2028\ud83d"\\\x00</script>',
    ),
    *({"a": [1, [2.5, None], {}]}, [], {}, "x" * 30_000),
]
EVENTS: list[Event] = [
    *(
        event(f"e{n:02}", {"n": n, "x": value}, at=times.from_epoch(BASE + n))
        for n, value in enumerate(VALUES)
    ),
    *(event(id, {"n": id}, at=times.from_epoch(BASE + 100)) for id in IDS),
    event("first", at="0001-01-01T00:00:00.000000Z"),
    event("last", at="9999-12-31T23:59:59.999998Z"),
    event("micro", at=times.from_epoch(BASE + 200.000001)),
]
OTHERS = [event(f"o{n}", {"n": n}, OTHER, times.from_epoch(BASE + n)) for n in range(3)]


def at(second: float) -> str:
    return times.from_epoch(BASE + second)


@dataclass
class Readers:
    """The function of each cloud as API clients reach it."""

    platforms: Mapping[str, Platform]
    paths: Mapping[str, str]

    def ask(self, query: str | Mapping[str, Any], key: str | None = API_KEY, method: str = "GET") -> Reply:
        """The answer of all three; they are the same in status, body and headers."""
        text = query if isinstance(query, str) else urlencode(query, doseq=True)
        headers = () if key is None else (("x-api-key", key),)
        replies = {
            cloud: platform(Wire(method, f"{self.paths[cloud]}?{text}", headers))
            for cloud, platform in self.platforms.items()
        }
        kept = ("content-type", "cache-control", "x-content-type-options")
        told = {
            cloud: (reply.status, reply.body, [reply.headers.get(name) for name in kept])
            for cloud, reply in replies.items()
        }
        assert told["aws"] == told["azure"] == told["gcp"]
        return replies["aws"]

    def get(self, **query: Any) -> Any:
        reply = self.ask({"device": DEVICE} | query)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def ids(self, **query: Any) -> list[str]:
        return [each["id"] for each in self.get(**query)["events"]]


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    patch = pytest.MonkeyPatch()
    made: dict[str, Deployed] = {}
    with ExitStack() as stack:
        stack.callback(patch.undo)
        functions = stack.enter_context(Functions(tmp_path_factory.mktemp("functions")))
        for cloud in Cloud:
            memory = stores.StoredIn(cloud, stack.enter_context(stores.STORES[cloud](patch.setenv)))
            write(functions.load(cloud, "writer", memory=memory))
            made[cloud] = functions.load(cloud, "hot_reader", memory=memory)
        platforms = {cloud: public(function) for cloud, function in made.items()}
        yield Readers(platforms, {cloud: function.path for cloud, function in made.items()})


def write(writer: Deployed) -> None:
    """In no order, and some twice, by the writer of the cloud."""
    writer.admit()
    mixed = [*EVENTS[::2], *OTHERS, *EVENTS[::-1]]
    reply = writer.platform()(request(writer, batch(*mixed)))
    assert json.loads(reply.body) == {"accepted": len(mixed), "rejected": []}


def expected(low: str = at(-(10**9)), high: str = at(10**10)) -> list[str]:
    found = [each for each in EVENTS if low <= each["time"] < high]
    return [each["id"] for each in sorted(found, key=lambda each: (each["time"], each["id"]))]


ALL = expected("0001", "9999-12-31T23:59:59.999999Z")


def test_everything_in_order_and_as_it_was_sent(readers: Readers) -> None:
    document = readers.get()
    assert document["cursor"] is None
    by_id = {each["id"]: each for each in EVENTS}
    assert json.dumps(document["events"]) == json.dumps([by_id[id] for id in ALL])
    assert readers.ids(order="desc") == ALL[::-1]
    assert [each["id"] for each in readers.get(device=OTHER)["events"]] == ["o0", "o1", "o2"]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    ("low", "high"),
    [
        (at(3), at(7)),
        (at(3), at(3)),
        (at(3.5), at(4)),
        (at(100), at(100.000001)),
        (at(99.999999), at(100)),
        (at(200), at(200.000001)),
        (at(200.000001), at(200.000002)),
        (at(300), at(400)),
        (at(-1_000), at(0)),
        ("0001-01-01T00:00:00.000000Z", at(1)),
        (at(200), "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_range(readers: Readers, low: str, high: str, order: str) -> None:
    wanted = expected(low, high)
    found = readers.ids(**{"from": low, "to": high, "order": order})
    assert found == (wanted if order == "asc" else wanted[::-1])
    assert readers.ids(**{"from": low, "order": order}) == [
        each
        for each in ALL[:: 1 if order == "asc" else -1]
        if each in expected(low, "9999-12-31T23:59:59.999999Z")
    ]


def test_times_in_any_offset(readers: Readers) -> None:
    wanted = expected(at(3), at(7))
    for low, high in [
        ("2024-02-29T12:00:03Z", "2024-02-29T12:00:07Z"),
        ("2024-02-29T13:00:03+01:00", "2024-02-29T07:00:07.0-05:00"),
    ]:
        assert readers.ids(**{"from": low, "to": high}) == wanted
    plain = f"device={DEVICE}&from=2024-02-29T13:00:03+01:00&to=2024-02-29T13:00:07%2B01:00"
    assert [each["id"] for each in json.loads(readers.ask(plain).body)["events"]] == wanted


def test_the_latest(readers: Readers) -> None:
    """Of those whose time can be: an earlier release stored the year 9999 for a device with a wrong clock."""
    plausible = [id for id in ALL if id != "last"]
    assert readers.ids(latest="true") == plausible[-1:]
    assert readers.ids(latest="true", limit=4) == plausible[:-5:-1]
    assert readers.ids(latest="false", limit=1) == ALL[:1]
    assert readers.get(latest="true", device=EMPTY) == {"device": EMPTY, "events": [], "cursor": None}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 5, len(EVENTS) - 1, len(EVENTS)])
@pytest.mark.parametrize("bounds", [{}, {"from": at(2), "to": at(200)}], ids=["open", "bounded"])
def test_pages_meet_every_event_once(
    readers: Readers, order: str, limit: int, bounds: dict[str, str]
) -> None:
    wanted = expected(bounds["from"], bounds["to"]) if bounds else ALL
    found: list[str] = []
    query: dict[str, Any] = {"order": order, "limit": limit, **bounds}
    for _ in range(len(EVENTS) + 1):
        document = readers.get(**query)
        found += [each["id"] for each in document["events"]]
        if document["cursor"] is None:
            break
        assert len(document["events"]) == limit
        query["cursor"] = document["cursor"]
    assert found == (wanted if order == "asc" else wanted[::-1])


def test_a_cursor_outside_the_range(readers: Readers) -> None:
    cursor = readers.get(limit=20)["cursor"]
    assert readers.ids(cursor=cursor, **{"from": at(2), "to": at(5)}) == []
    assert readers.ids(cursor=cursor, **{"from": at(200)}) == expected(at(200), "9999-12-31T23:59:59.999999Z")
    cursor = readers.get(limit=20, order="desc")["cursor"]
    assert readers.ids(cursor=cursor, order="desc", **{"from": at(200)}) == []
    assert readers.ids(cursor=cursor, order="desc", **{"to": at(5)}) == expected("0001", at(5))[::-1]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("device=", 400),
        ("device=stranger", 404),
        ("device=Thermostat-1", 404),
        (f"device={DEVICE}%00", 404),
        (f"device={DEVICE}&device={OTHER}", 400),
        (f"device={DEVICE}&x=1", 400),
        (f"device={DEVICE}&", 200),
        (f"device={DEVICE}&from=", 400),
        (f"device={DEVICE}&from=yesterday", 400),
        (f"device={DEVICE}&from=2024-02-29", 400),
        (f"device={DEVICE}&from=2024-02-30T00:00:00Z", 400),
        (f"device={DEVICE}&from=2024-03-01T00:00:00Z&to=2024-02-29T00:00:00Z", 400),
        (f"device={DEVICE}&from=2024-03-01T00:00:00Z&from=2024-02-29T00:00:00Z", 400),
        (f"device={DEVICE}&limit=0", 400),
        (f"device={DEVICE}&limit=-1", 400),
        (f"device={DEVICE}&limit=1001", 400),
        (f"device={DEVICE}&limit=1.5", 400),
        (f"device={DEVICE}&limit=%D9%A3", 400),
        (f"device={DEVICE}&limit", 400),
        (f"device={DEVICE}&order=up", 400),
        (f"device={DEVICE}&latest=yes", 400),
        (f"device={DEVICE}&latest=true&from=2024-02-29T00:00:00Z", 400),
        (f"device={DEVICE}&latest=true&order=asc", 400),
        (f"device={DEVICE}&cursor=", 400),
        (f"device={DEVICE}&cursor=%FF", 400),
        (f"device={DEVICE}&cursor=" + "A" * 1_001, 400),
    ],
)
def test_arguments(readers: Readers, query: str, status: int) -> None:
    reply = readers.ask(query)
    assert reply.status == status
    if status != 200:
        check_refusal(reply)


def test_a_cursor_of_another_device_or_order(readers: Readers) -> None:
    cursor = readers.get(limit=2)["cursor"]
    for query in ({"device": OTHER}, {"device": DEVICE, "order": "desc"}):
        check_refusal(reply := readers.ask({**query, "cursor": cursor}))
        assert reply.status == 400


def test_all_devices_at_once_are_three_queries(readers: Readers) -> None:
    counts = [len(readers.get(device=device)["events"]) for device in (DEVICE, OTHER, EMPTY)]
    assert counts == [len(EVENTS), len(OTHERS), 0]
