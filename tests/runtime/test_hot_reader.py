"""hot_reader: ranges, pages, the newest event, exact values, and one sentence for each wrong argument."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memory import MemorySecret, MemoryStore
from support.properties import bounded
from support.samples import API_KEY, TWIN, event, log
from twin_runtime import times
from twin_runtime.errors import Retry
from twin_runtime.functions import hot_reader
from twin_runtime.ports import Page, Request, Response
from twin_runtime.storage import rows
from twin_runtime.wire.callers import Callers
from twin_runtime.wire.secret_cache import CachedSecret

BASE = 1_709_208_000
NOW = 2_000_000_000.0


class Bench:
    def __init__(self, count: int = 0) -> None:
        self.store = MemoryStore()
        callers = Callers(CachedSecret(MemorySecret(json.dumps({"api_keys": [API_KEY]}))))
        logger, self.lines = log("hot_reader")
        self.role = hot_reader.HotReader(
            twin=TWIN, store=self.store, log=logger, callers=callers, clock=lambda: NOW
        )
        self.events = [event(f"e{n}", {"n": n}, at=times.from_epoch(BASE + n)) for n in range(count)]
        self.put(*self.events)

    def put(self, *events: dict[str, Any], now: float = NOW) -> None:
        self.store.put([rows.from_event(each, TWIN, now) for each in events])

    def answer(self, **query: Any) -> Response:
        return self.role.handle(Request("GET", {"x-api-key": API_KEY}, b"", query))

    def get(self, **query: Any) -> Any:
        response = self.answer(**({"device": "thermostat-1"} | query))
        assert response.status == 200, response.body
        return json.loads(response.body)

    def numbers(self, **query: Any) -> list[int]:
        return [each["data"]["n"] for each in self.get(**query)["events"]]


def at(second: int) -> str:
    return times.from_epoch(BASE + second)


def test_events_as_they_were_stored() -> None:
    bench = Bench()
    data = {"f": 1e-300, "i": 10**40, "u": "é\ud83d", "n": {"a": [None, True, 2.5]}, "s": 'a"b\\'}
    bench.put(event("x", data))
    document = bench.get()
    assert document == {"device": "thermostat-1", "events": [event("x", data)], "cursor": None}
    assert repr(document["events"][0]["data"]) == repr(data)


def test_each_answer_is_logged_with_what_it_holds() -> None:
    bench = Bench(3)
    bench.get(limit="2")
    bench.get()
    logged = [(line["events"], line["more"]) for line in bench.lines.named("read")]
    assert logged == [(2, True), (3, False)]


def test_ranges() -> None:
    bench = Bench(10)
    assert bench.numbers() == list(range(10))
    assert bench.numbers(**{"from": at(3), "to": at(6)}) == [3, 4, 5]
    assert bench.numbers(**{"from": at(3), "to": at(6), "order": "desc"}) == [5, 4, 3]
    assert bench.numbers(**{"from": "2024-02-29T13:00:08+01:00"}) == [8, 9]
    assert bench.numbers(**{"from": "2024-02-29T13:00:08 01:00"}) == [8, 9]
    assert bench.numbers(**{"from": at(50)}) == []
    assert bench.numbers(**{"from": at(3), "to": at(3)}) == []
    assert bench.numbers(device="pump-1") == []


def test_the_newest() -> None:
    bench = Bench(10)
    assert bench.numbers(latest="true") == [9]
    assert bench.numbers(latest="true", limit="3") == [9, 8, 7]
    assert bench.numbers(latest="false", limit="1") == [0]
    assert bench.numbers(latest="true", device="pump-1") == []


@bounded
@given(st.integers(0, 25), st.integers(1, 9), st.sampled_from(["asc", "desc"]))
def test_pages_meet_every_event_once(count: int, limit: int, order: str) -> None:
    bench = Bench(count)
    found: list[int] = []
    query: dict[str, Any] = {"limit": str(limit), "order": order}
    for _ in range(count + 2):
        document = bench.get(**query)
        found += [each["data"]["n"] for each in document["events"]]
        if document["cursor"] is None:
            break
        assert len(document["events"]) == limit
        query["cursor"] = document["cursor"]
    assert found == (list(range(count)) if order == "asc" else list(reversed(range(count))))


def test_a_page_that_would_be_too_long_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot_reader, "MAX_ANSWER_BYTES", 1_000)
    bench = Bench(10)
    document = bench.get()
    assert 0 < len(document["events"]) < 4
    assert document["cursor"] is not None
    rest = bench.numbers(cursor=document["cursor"])
    assert rest[0] == document["events"][-1]["data"]["n"] + 1


def test_a_store_that_stops_early() -> None:
    class Short(MemoryStore):
        def query(self, device: str, **query: Any) -> Page:
            page = super().query(device, **query)
            return Page(page.rows[:2], more=len(page.rows) > 2)

    bench = Bench(5)
    short = Short()
    short.rows = bench.store.rows
    bench.role._store = short
    document = bench.get()
    assert len(document["events"]) == 2
    assert bench.numbers(cursor=document["cursor"]) == [2, 3]


def test_what_has_expired_is_not_shown_though_it_is_still_there() -> None:
    bench = Bench(2)
    bench.put(event("old", {"n": 99}, at=at(50)), now=NOW - 31 * 86_400)
    assert bench.numbers() == [0, 1]


def test_only_the_device_that_is_asked_for() -> None:
    bench = Bench(2)
    bench.put(event("other", {"n": 7}, device="thermostat-2"))
    assert bench.numbers(device="thermostat-2") == [7]


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ({"device": "stranger"}, 404, "not known"),
        ({"device": ""}, 400, "device is missing"),
        ({"device": ["a", "b"]}, 400, "device is given more than once"),
        ({"devise": "x"}, 400, "no such parameter"),
        ({"from": "yesterday"}, 400, "from must be RFC 3339"),
        ({"to": "2024-02-30T00:00:00Z"}, 400, "to must be RFC 3339"),
        ({"from": "2024-01-02T00:00:00Z", "to": "2024-01-01T00:00:00Z"}, 400, "from is after to"),
        ({"limit": "0"}, 400, "limit must be"),
        ({"limit": "1001"}, 400, "limit must be"),
        ({"limit": "-1"}, 400, "limit must be"),
        ({"limit": "1e2"}, 400, "limit must be"),
        ({"limit": "٣"}, 400, "limit must be"),
        ({"limit": "9" * 5000}, 400, "limit must be"),
        ({"order": "up"}, 400, "order must be asc or desc"),
        ({"latest": "yes"}, 400, "latest must be"),
        ({"latest": "true", "from": "2024-01-01T00:00:00Z"}, 400, "latest cannot be combined with from"),
        ({"latest": "true", "order": "asc"}, 400, "latest cannot be combined with order"),
        ({"cursor": "x"}, 400, "cursor is not one"),
        ({"cursor": ""}, 400, "cursor is not one"),
        ({"cursor": "é"}, 400, "cursor is not one"),
        ({"cursor": "A" * 2000}, 400, "cursor is not one"),
    ],
)
def test_wrong_arguments(query: dict[str, Any], status: int, sentence: str) -> None:
    response = Bench().answer(**({"device": "thermostat-1"} | query))
    assert response.status == status
    document = json.loads(response.body)
    assert sentence in document["error"]
    assert document["error"].endswith(".")


def test_a_cursor_is_of_one_device_and_order() -> None:
    bench = Bench(5)
    cursor = bench.get(limit="2")["cursor"]
    assert bench.answer(device="thermostat-2", cursor=cursor).status == 400
    assert bench.answer(device="thermostat-1", cursor=cursor, order="desc").status == 400
    assert bench.answer(device="thermostat-1", cursor=cursor, limit="1").status == 200


@bounded
@given(st.text(max_size=60))
def test_cursors_of_chance(cursor: str) -> None:
    assert Bench().answer(device="thermostat-1", cursor=cursor).status == 400


@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE"])
def test_only_get(method: str) -> None:
    response = Bench().role.handle(Request(method, {"x-api-key": API_KEY}))
    assert (response.status, response.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"x-api-key": ""}])
def test_a_key_is_needed(headers: dict[str, str]) -> None:
    assert Bench(1).role.handle(Request("GET", headers, b"", {"device": "thermostat-1"})).status == 401


def test_the_store_is_down() -> None:
    bench = Bench()
    for fault in (OSError("address"), Retry("down")):
        bench.store.faults.ahead = [fault]
        response = bench.answer(device="thermostat-1")
        assert response.status == 503
        assert b"address" not in response.body
