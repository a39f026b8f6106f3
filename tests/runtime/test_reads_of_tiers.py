"""Reads of the hot and the cold tier as one, the newest event of each device of a type, and signed reads."""

from __future__ import annotations

import json
import math
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memory import MemoryObjects, MemorySecret
from support.properties import bounded
from support.samples import API_KEY, DOCUMENT, KEY_1, KEY_2, log
from support.tiers import DAY, DUE, NOW, TWIN, Direct, Tiers, link_to, many, row, writer_of
from twin_runtime import model, times
from twin_runtime.errors import Retry
from twin_runtime.functions import hot_reader
from twin_runtime.functions.hot_reader import HotReader
from twin_runtime.model import Twin
from twin_runtime.ports import Request, Response, Row
from twin_runtime.storage import reader_client, rows
from twin_runtime.storage.range_query import RangeQuery
from twin_runtime.storage.reader_client import LocalReader, RemoteReader
from twin_runtime.tiers import due_rows, tier_files, tier_reader
from twin_runtime.tiers.tier_client import RemoteTier
from twin_runtime.tiers.tier_files import QUERY_MEDIA_TYPE
from twin_runtime.tiers.tier_reader import ColdTier, TierReader
from twin_runtime.wire import signing
from twin_runtime.wire.callers import Callers
from twin_runtime.wire.http_client import Answer
from twin_runtime.wire.secret_cache import CachedSecret

KEPT = replace(TWIN, archive_days=None)
"""A twin whose cold tier keeps everything."""


def local(tiers: Tiers, twin: Twin = KEPT) -> TierReader:
    return TierReader(tiers.cold, twin, clock=lambda: NOW)


def remote(tiers: Tiers, twin: Twin = KEPT) -> RemoteTier:
    return RemoteTier(link_to(Direct(writer_of(tiers.cold, twin))))


def reader(tiers: Tiers, cold: ColdTier | None, **options: Any) -> HotReader:
    return HotReader(
        twin=options.pop("twin", KEPT),
        store=tiers.hot,
        log=log("hot_reader")[0],
        callers=Callers(CachedSecret(MemorySecret(json.dumps({"api_keys": [API_KEY]})))),
        cold=cold,
        clock=lambda: NOW,
        **options,
    )


def get(role: HotReader, **query: Any) -> Any:
    response = role.handle(Request("GET", {"x-api-key": API_KEY}, b"", query))
    assert response.status == 200, response.body
    return json.loads(response.body)


def pages(role: HotReader, **query: Any) -> list[str]:
    """The ids of all pages."""
    found: list[str] = []
    for _ in range(1_000):
        document = get(role, **query)
        found += [event["id"] for event in document["events"]]
        if document["cursor"] is None:
            return found
        query["cursor"] = document["cursor"]
    raise AssertionError("the pages have no end")


def ids(found: Sequence[Row], device: str = "thermostat-1") -> list[str]:
    return [each.id for each in sorted(found, key=lambda each: each.key) if each.device == device]


def moved(*found: Row) -> Tiers:
    tiers = Tiers.empty()
    tiers.write(*found)
    tiers.mover(expires=False).run(0, 1, budget=60)
    return tiers


COLD_TIERS = pytest.mark.parametrize("cold", [local, remote])


@COLD_TIERS
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 7, 1_000])
def test_both_tiers_are_one(cold: Any, order: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_rows, "MAX_ROWS", 9)
    old = many(40, ["pump-1", "thermostat-1", "thermostat-2"], days=6, start=DUE - 6 * DAY)
    new = [row(at=DUE + n * DAY, id=f"new{n}") for n in range(5)]
    extremes = [
        row(at="0001-01-01T00:00:00.000000Z", id="first"),
        row(at="9999-12-31T23:59:59.999998Z", id="last"),
    ]
    tiers = moved(*old, *new, *extremes)
    wanted = ids([*old, *new, *extremes])
    role = reader(tiers, cold(tiers))
    assert pages(role, device="thermostat-1", tier="all", order=order, limit=str(limit)) == (
        wanted if order == "asc" else wanted[::-1]
    )
    assert pages(role, device="thermostat-1") == ids([*new, extremes[1]])
    assert pages(role, device="thermostat-1", tier="hot") == ids([*new, extremes[1]])


@COLD_TIERS
def test_events_are_as_they_were_stored(cold: Any) -> None:
    exact = r'{"f":1e-300,"i":1234567890123456789012345678901234567890,"n":{"a":[1,2.5]},"u":"\u00e9\ud83d"}'
    tiers = moved(row(data=exact))
    response = reader(tiers, cold(tiers)).handle(
        Request("GET", {"x-api-key": API_KEY}, b"", {"device": "thermostat-1", "tier": "all"})
    )
    assert f'"data":{exact}'.encode() in response.body


def test_ranges_and_the_newest_of_both_tiers() -> None:
    old = [row(at=DUE - DAY * n, id=f"old{n}") for n in range(1, 6)]
    tiers = moved(*old)
    role = reader(tiers, local(tiers))
    low, high = times.from_epoch(DUE - 4 * DAY), times.from_epoch(DUE - 2 * DAY)
    bounds: dict[str, Any] = {"device": "thermostat-1", "tier": "all", "from": low, "to": high}
    assert pages(role, **bounds) == ["old4", "old3"]
    assert pages(role, **bounds, order="desc") == ["old3", "old4"]
    newest = get(role, device="thermostat-1", tier="all", latest="true")["events"]
    assert [event["id"] for event in newest] == ["old1"]
    assert get(role, device="thermostat-1", latest="true")["events"] == []


@bounded
@given(st.data())
def test_whatever_is_where_each_event_is_read_once(data: st.DataObject) -> None:
    """Rows in hot, in cold, or in both; any bounds, page sizes and order."""
    hours = st.integers(-100, 30)
    made = [
        row(data.draw(st.sampled_from(["thermostat-1", "thermostat-2"])), DUE + hour * 3600.0, f"e{number}")
        for number, hour in enumerate(data.draw(st.lists(hours, max_size=20)))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(due_rows, "MAX_ROWS", data.draw(st.integers(1, 5)))
        patch.setattr(tier_reader, "MOST_READS", data.draw(st.integers(1, 12)))
        patch.setattr(tier_reader, "FEW_READS", data.draw(st.integers(1, 5)))
        patch.setattr(tier_files, "LONG_MEMBER_BYTES", data.draw(st.sampled_from([1, 700, 10**6])))
        patch.setattr(tier_reader, "MAX_PAGE_BYTES", data.draw(st.sampled_from([1, 700, 10**6])))
        tiers = moved(*made)
        again = data.draw(st.lists(st.sampled_from(made), max_size=5)) if made else []
        tiers.hot.put(list({(each.device, each.key): each for each in again}.values()))
        low, high = sorted((data.draw(hours), data.draw(hours)))
        bounds = {"from": times.from_epoch(DUE + low * 3600.0), "to": times.from_epoch(DUE + high * 3600.0)}
        order = data.draw(st.sampled_from(["asc", "desc"]))
        role = reader(tiers, data.draw(st.sampled_from([local, remote]))(tiers))
        limit = data.draw(st.integers(1, 8))
        found = pages(role, device="thermostat-1", tier="all", order=order, limit=str(limit), **bounds)
        wanted = ids([each for each in made if bounds["from"] <= each.time < bounds["to"]])
        assert found == (wanted if order == "asc" else wanted[::-1])


def test_what_moves_between_the_two_reads_is_not_missed() -> None:
    tiers = Tiers.empty()
    tiers.write(*many(20, ["thermostat-1"]))
    wanted = ids(list(tiers.written.values()))
    cold = local(tiers)
    page = cold.page

    def moving(query: RangeQuery, *, deadline: float) -> Any:
        tiers.mover(expires=False).run(0, 1, budget=60)
        return page(query, deadline=deadline)

    cold.page = moving  # type: ignore[method-assign]
    assert pages(reader(tiers, cold), device="thermostat-1", tier="all") == wanted


def told(role: HotReader, **query: Any) -> tuple[list[str], set[tuple[str, str, str]]]:
    """The ids of all pages, and what they leave out."""
    found: list[str] = []
    unread: set[tuple[str, str, str]] = set()
    for _ in range(1_000):
        document = get(role, **query)
        found += [event["id"] for event in document["events"]]
        left = [(each["from"], each["to"], each["reason"]) for each in document.get("unread", ())]
        assert "unread" not in document or left == sorted(left) != []
        assert document["events"] or left or document["cursor"] is None
        unread.update(left)
        if document["cursor"] is None:
            return found, unread
        query["cursor"] = document["cursor"]
    raise AssertionError("the pages have no end")


def moment(day: str) -> str:
    return f"{day}T00:00:00.000000Z"


ALL: dict[str, Any] = {"device": "thermostat-1", "tier": "all"}
LAST = ("2024-03-02T23:59:59.000000Z", "2024-03-02T23:59:59.000001Z", "archived")
ORDERS = pytest.mark.parametrize("order", ["asc", "desc"])


@COLD_TIERS
@ORDERS
def test_where_there_is_an_archive_older_events_are_its_and_are_told_of(cold: Any, order: str) -> None:
    line = NOW - 90 * DAY  # 2024-03-03
    tiers = moved(
        row(at=line - 40 * DAY, id="a"), row(at=line - 1, id="archived"), row(at=line, id="cold"), row(at=DUE)
    )
    role = reader(tiers, cold(tiers, TWIN))
    found, unread = told(role, **ALL, order=order)
    assert sorted(found) == ["cold", "e1"]
    assert unread == {
        (moment("2024-01-01"), moment("2024-02-01"), "archived"),
        LAST,
    }
    found, unread = told(reader(tiers, cold(tiers, KEPT)), **ALL, order=order)
    assert sorted(found) == ["a", "archived", "cold", "e1"] and not unread
    # Of a range that holds none of them nothing is left out; nor of one that is not kept any longer.
    assert told(role, **ALL, order=order, **{"from": moment("2024-03-03")})[1] == set()
    later = replace(TWIN, archive_days=91)
    assert told(reader(tiers, cold(tiers, later)), **ALL, order=order)[1] == {LAST}


@COLD_TIERS
@ORDERS
def test_a_file_that_cannot_be_read_is_told_of(cold: Any, order: str) -> None:
    tiers = moved(*(row(at=DUE - n * DAY, id=f"d{n}") for n in range(1, 9)))
    names = sorted(tiers.files())
    tiers.cold.frozen.add(names[2])
    tiers.cold.delete(names[4])
    for twin, reason in ((KEPT, "gone"), (TWIN, "archived")):
        for limit in ("1", "2", "100"):
            found, unread = told(reader(tiers, cold(tiers, twin)), **ALL, order=order, limit=limit)
            assert sorted(found) == ["d1", "d2", "d3", "d5", "d7", "d8"]
            assert {(low[:10], why) for low, _, why in unread} == {
                ("2024-04-25", reason),
                ("2024-04-27", reason),
            }


def test_what_a_rule_has_deleted_in_time_is_not_told_of() -> None:
    tiers = moved(*(row(at=DUE - n * DAY, id=f"d{n}") for n in range(1, 70)))
    for name in sorted(tiers.files())[:30]:
        tiers.cold.delete(name)
    later = TierReader(tiers.cold, KEPT, clock=lambda: NOW + 89 * DAY)
    found, unread = told(reader(tiers, later), **ALL)
    assert len(found) == 39 and not unread
    gone = TierReader(tiers.cold, KEPT, clock=lambda: NOW + 92 * DAY)
    reads = counted(tiers)
    assert told(reader(tiers, gone), **ALL) == ([], set())
    assert len(reads) < 8


def test_a_file_that_is_put_again_after_a_rule_has_deleted_it_is_read() -> None:
    found = [row(at=DUE - 70 * DAY, id="again")]
    tiers = moved(*found)
    (name,) = tiers.files()
    tiers.cold.delete(name)
    tiers.now = NOW + 92 * DAY
    tiers.write(*found)
    tiers.mover(expires=False).run(0, 1, budget=60)
    assert list(tiers.files()) == [name]
    later = TierReader(tiers.cold, KEPT, clock=lambda: tiers.now)
    assert told(reader(tiers, later), **ALL) == (["again"], set())


@COLD_TIERS
@ORDERS
def test_files_that_are_not_indexed_are_told_of(cold: Any, order: str) -> None:
    tiers = Tiers.empty()
    some = [row(at=DUE - n * DAY, id=f"d{n}") for n in range(1, 6)]
    assert told(reader(tiers, cold(tiers)), **ALL, order=order) == ([], set())
    for each in some:
        file = tier_files.pack([each], KEPT, "thermostat")
        tiers.cold.put(file.name, file.body, rows=1, sha256=file.sha256)
    found, unread = told(reader(tiers, cold(tiers)), **ALL, order=order)
    assert not found and unread == {(times.EARLIEST, times.LATEST, "not_indexed")}
    tiers.cold.frozen.add(sorted(tiers.files())[2])
    assert tiers.catalogue().settle()
    found, unread = told(reader(tiers, cold(tiers)), **ALL, order=order, limit="1")
    assert sorted(found) == ["d1", "d2", "d4", "d5"]
    assert {reason for *_, reason in unread} == {"not_indexed"}
    assert max(unread, key=lambda each: each[1])[1] == moment("2024-04-29")
    assert min(unread)[0] == times.EARLIEST


# How much is read.


def counted(tiers: Tiers) -> list[str]:
    """Every read of the cold store from now on."""
    calls: list[str] = []

    def counting(its: Any) -> Any:
        def call(name: str, **named: Any) -> Any:
            calls.append(name)
            return its(name, **named)

        return call

    for name in ("get", "read", "names", "stat"):
        setattr(tiers.cold, name, counting(getattr(tiers.cold, name)))
    return calls


def of_age(days: int, per_day: float, *, late: int = 0) -> tuple[Tiers, list[Row]]:
    """A cold tier of events that are up to so many days old, with three more devices; `late` of them came in
    files of their own, and overlap.
    """
    tiers, catalogue = Tiers.empty(), None
    first = int(DUE) // DAY * DAY - days * DAY
    step = DAY / per_day
    mine = [row(at=first + n * step, id=f"e{n}") for n in range(int(days * per_day))]
    catalogue = tiers.catalogue(twin=KEPT)
    by_day: dict[str, list[Row]] = {}
    for each in mine:
        by_day.setdefault(each.time[:10], []).append(each)
    for found in by_day.values():
        apart = found[1 : 1 + 7 * late : 7]
        others = [row(f"thermostat-{n}", found[0].time, "o") for n in (2, 3, 4)]
        for some in ([*(each for each in found if each not in apart), *others], *([each] for each in apart)):
            batch = sorted(some, key=lambda each: (each.device, each.key))
            for at in range(0, len(batch), 5_000):
                catalogue.add(tier_files.pack(batch[at : at + 5_000], KEPT, "thermostat"))
    return tiers, mine


@ORDERS
@pytest.mark.parametrize(
    ("days", "per_day", "late"),
    [
        (1, 1, 0),
        (1, 5_000, 0),
        (1, 20_000, 2),
        (365, 0.1, 0),
        (365, 1, 0),
        (365, 24, 2),
        (3_650, 0.03, 0),
        (3_650, 0.5, 0),
    ],
)
def test_a_page_of_ten_is_five_reads_at_any_age(days: int, per_day: float, late: int, order: str) -> None:
    tiers, mine = of_age(days, per_day, late=late)
    wanted = [each.id for each in sorted(mine, key=lambda each: each.key)]
    wanted = wanted if order == "asc" else wanted[::-1]
    calls = counted(tiers)
    role = reader(tiers, TierReader(tiers.cold, KEPT, clock=lambda: NOW))
    query, found = {**ALL, "order": order, "limit": "10"}, list[str]()
    for number in range(30):
        calls.clear()
        document = get(role, **query)
        assert 0 < len(calls) <= 5, calls
        found += [event["id"] for event in document["events"]]
        if document["cursor"] is None:
            assert found == wanted
            return
        assert document["events"]
        if number == 9 and len(wanted) > 1_000:  # from the middle on
            middle = mine[len(mine) // 2]
            assert found == wanted[: len(found)]
            query |= {"from" if order == "asc" else "to": middle.time}
            del query["cursor"]
            wanted, found = wanted[wanted.index(middle.id) + (order == "desc") :], []
        else:
            query["cursor"] = document["cursor"]
    assert found == wanted[: len(found)] and len(found) >= 20


@ORDERS
def test_a_long_page_reads_more_at_once(order: str) -> None:
    tiers, mine = of_age(2, 20_000)
    calls = counted(tiers)
    role = reader(tiers, TierReader(tiers.cold, KEPT, clock=lambda: NOW))
    document = get(role, **ALL, order=order, limit="1000")
    wanted = [each.id for each in mine]
    assert [event["id"] for event in document["events"]] == (wanted if order == "asc" else wanted[::-1])[
        :1_000
    ]
    assert len(calls) <= 5


@ORDERS
def test_a_file_that_is_replaced_meanwhile_is_read_where_its_rows_are(order: str) -> None:
    for at in range(1, 9):
        tiers = moved(*many(40, ["thermostat-1", "thermostat-2"], days=1, start=DUE - DAY))
        (name,) = tiers.files()
        wanted = ids(list(tiers.written.values()))
        calls = 0

        def get_later(of: str, *, tiers: Tiers = tiers, at: int = at, name: str = name, **part: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at:
                tiers.catalogue().rewrite(name, lambda row: row.device != "thermostat-2")
            return MemoryObjects.get(tiers.cold, of, **part)

        tiers.cold.get = get_later  # type: ignore[method-assign]
        found, unread = told(reader(tiers, local(tiers)), **ALL, order=order, limit="7")
        assert found == (wanted if order == "asc" else wanted[::-1]) and not unread


def test_a_twin_without_a_cold_tier() -> None:
    role = reader(Tiers.empty(), None)
    answer = role.handle(Request("GET", {"x-api-key": API_KEY}, b"", {"device": "pump-1", "tier": "all"}))
    assert (answer.status, json.loads(answer.body)["error"]) == (
        400,
        "This twin has no cold tier: leave tier=all out.",
    )


def test_a_cold_tier_that_cannot_be_reached() -> None:
    tiers = Tiers.empty()
    for status in (400, 401, 404, 500):
        client = Direct(None, lambda _, status=status: Answer(status, {}, b"{}"))
        role = reader(tiers, RemoteTier(link_to(client), patience=0.2))
        answer = role.handle(Request("GET", {"x-api-key": API_KEY}, b"", {"device": "pump-1", "tier": "all"}))
        assert answer.status == 503
        assert get(role, device="pump-1")["events"] == []


# The receiver's own checks of a query.
QUERY = {
    "device": "pump-1",
    "from": "2024-01-01T00:00:00.000000Z",
    "to": "2024-02-01T00:00:00.000000Z",
    "limit": 10,
    "cursor": None,
    "order": "asc",
}


def asked(body: bytes, **headers: str) -> Response:
    signed = signing.sign([KEY_1], body, id=signing.webhook_id(body), timestamp=int(time.time()))
    made = {"content-type": QUERY_MEDIA_TYPE, "x-api-key": API_KEY, **signed, **headers}
    return writer_of(Tiers.empty().cold).handle(Request("POST", made, body))


def test_a_query_as_it_should_be() -> None:
    assert asked(json.dumps(QUERY).encode()).status == 200
    assert asked(json.dumps(QUERY).encode(), **{"x-api-key": "other"}).status == 401
    assert asked(json.dumps(QUERY).encode(), **{"webhook-id": "other"}).status == 401


@pytest.mark.parametrize(
    "change",
    [
        {"device": "stranger"},
        {"device": None},
        {"from": "2024-01-01"},
        {"from": "2024-01-01T00:00:00Z"},
        {"from": "2024-03-01T00:00:00.000000Z"},
        {"to": 3},
        {"limit": 0},
        {"limit": 1_001},
        {"limit": True},
        {"limit": "10"},
        {"cursor": "x"},
        {"cursor": 3},
        {"order": "up"},
        {"order": []},
        {"more": 1},
    ],
)
def test_queries_that_are_refused(change: dict[str, Any]) -> None:
    answer = asked(json.dumps(QUERY | change).encode())
    assert answer.status == 400
    assert json.loads(answer.body)["error"].endswith(".")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"null", b" " * 5_000])
def test_bodies_that_are_no_query(body: bytes) -> None:
    assert asked(body).status == 400


# The newest event of each device of a type.


def fleet(count: int) -> tuple[Tiers, Twin]:
    devices = {f"thermostat-{n:03}": "thermostat" for n in range(count)}
    twin = model.parse(DOCUMENT | {"devices": devices | {"pump-1": "pump"}, "cold_days": 90})
    tiers = Tiers.empty()
    for number, device in enumerate(devices):
        for hour in range(number % 3):
            tiers.write(row(device, DUE + hour * 3600.0, f"{device}.{hour}"))
    return tiers, twin


def newest_of(count: int) -> list[str]:
    return [f"thermostat-{n:03}.{n % 3 - 1}" for n in range(count) if n % 3]


@pytest.mark.parametrize("limit", [1, 2, 7, 1_000])
def test_the_newest_event_of_each_device_of_a_type(limit: int) -> None:
    tiers, twin = fleet(20)
    role = reader(tiers, None, twin=twin)
    assert pages(role, type="thermostat", latest="true", limit=str(limit)) == newest_of(20)
    assert get(role, type="pump", latest="true") == {"type": "pump", "events": [], "cursor": None}


def test_a_page_of_devices_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot_reader, "MAX_ANSWER_BYTES", 800)
    tiers, twin = fleet(20)
    role = reader(tiers, None, twin=twin)
    assert len(get(role, type="thermostat", latest="true")["events"]) < 5
    assert pages(role, type="thermostat", latest="true") == newest_of(20)


def test_what_has_expired_is_shown_where_it_may_be_in_no_file() -> None:
    tiers = Tiers.empty()
    tiers.hot.put([row()._replace(expires=int(NOW) - 1), row("thermostat-2")])
    for twin, wanted in ((KEPT, ["1", "2"]), (replace(KEPT, cold_days=None), ["2"])):
        role = reader(tiers, None, twin=twin)
        newest = get(role, type="thermostat", latest="true")["events"]
        assert [each["source"][-1] for each in newest] == wanted
        found = [n for n in "12" if get(role, device=f"thermostat-{n}")["events"]]
        assert found == wanted
        its = LocalReader(tiers.hot, twin, clock=lambda: NOW)
        assert [each["source"][-1] for each in its.latest("thermostat")] == wanted
        assert [n for n in "12" if list(its.range(f"thermostat-{n}"))] == wanted


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ({"type": "thermostat"}, 400, "type needs latest=true"),
        ({"type": "thermostat", "latest": "false"}, 400, "type needs latest=true"),
        ({"type": "thermostat", "latest": "true", "device": "pump-1"}, 400, "combined with device"),
        ({"type": "thermostat", "latest": "true", "order": "asc"}, 400, "combined with order"),
        ({"type": "thermostat", "latest": "true", "tier": "all"}, 400, "combined with tier"),
        ({"type": "stranger", "latest": "true"}, 404, "type is not known"),
        ({"type": "thermostat", "latest": "true", "cursor": "x"}, 400, "cursor is not one"),
        ({"device": "pump-1", "tier": "cold"}, 400, "tier must be hot or all"),
    ],
)
def test_wrong_arguments(query: dict[str, str], status: int, sentence: str) -> None:
    answer = reader(Tiers.empty(), None).handle(Request("GET", {"x-api-key": API_KEY}, b"", query))
    assert answer.status == status
    assert sentence in json.loads(answer.body)["error"]


def test_cursors_of_devices_and_of_types_are_no_others() -> None:
    tiers, twin = fleet(5)
    role = reader(tiers, None, twin=twin)
    of_type = get(role, type="thermostat", latest="true", limit="1")["cursor"]
    of_device = get(role, device="thermostat-002", limit="1")["cursor"]
    for query in (
        {"type": "pump", "latest": "true", "cursor": of_type},
        {"type": "thermostat", "latest": "true", "cursor": of_device},
        {"device": "thermostat-002", "cursor": of_type},
    ):
        assert role.handle(Request("GET", {"x-api-key": API_KEY}, b"", query)).status == 400


# Who is let in.


def signed(
    query: dict[str, Any], *, keys: Sequence[str] = (KEY_1,), at: float = NOW, **changes: Any
) -> Request:
    body = signing.canonical_query(query).encode()
    headers = signing.sign(keys, body, id=signing.webhook_id(body), timestamp=int(at))
    return Request("GET", {"x-api-key": API_KEY, **headers}, b"", query | changes)


LINK = CachedSecret(MemorySecret(json.dumps({"signing_keys": [KEY_1]})))
ASKED = {"device": "pump-1", "from": "2024-01-01T00:00:00Z", "limit": "3"}


def test_a_signed_read() -> None:
    for by_key in (True, False):
        role = reader(Tiers.empty(), None, link=LINK, by_key=by_key)
        assert role.handle(signed(ASKED)).status == 200
        assert role.handle(signed(dict(reversed(ASKED.items())))).status == 200
        listed = {name: [value] for name, value in ASKED.items()}  # as API Gateway hands them over
        assert role.handle(signed(ASKED)._replace(query=listed)).status == 200
        assert role.handle(signed(ASKED, device="thermostat-1")).status == 401
        assert role.handle(signed(ASKED, order="desc")).status == 401
        assert role.handle(signed(ASKED, keys=[KEY_2])).status == 401
        assert role.handle(signed(ASKED, at=NOW - 301)).status == 401
        without = signed(ASKED)
        assert role.handle(without._replace(headers={**without.headers, "x-api-key": "other"})).status == 401
        assert (
            role.handle(without._replace(headers={**without.headers, "webhook-signature": "v1,"})).status
            == 401
        )


def test_a_read_by_key_alone() -> None:
    plain = Request("GET", {"x-api-key": API_KEY}, b"", ASKED)
    assert reader(Tiers.empty(), None, link=LINK, by_key=True).handle(plain).status == 200
    assert reader(Tiers.empty(), None, by_key=True).handle(plain).status == 200
    answer = reader(Tiers.empty(), None, link=LINK, by_key=False).handle(plain)
    assert (answer.status, b"signature's headers are missing" in answer.body) == (401, True)


def test_a_signature_where_none_is_accepted() -> None:
    assert reader(Tiers.empty(), None, by_key=True).handle(signed(ASKED)).status == 401
    assert reader(Tiers.empty(), None, by_key=False).handle(signed(ASKED)).status == 401


@bounded
@given(
    st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=5),
    st.text(max_size=3),
    st.text(max_size=3),
)
def test_two_queries_have_two_canonical_forms(query: dict[str, str], name: str, value: str) -> None:
    other = query | {name: value}
    same = signing.canonical_query(query) == signing.canonical_query(other)
    assert same == (query == other)


# Our own readers.


def readers(tiers: Tiers, twin: Twin) -> list[Any]:
    role = reader(tiers, None, twin=twin, link=LINK, by_key=False)
    client = Direct(role)
    secret = {"url": "https://h.example/hot_reader", "api_key": API_KEY, "signing_keys": [KEY_1]}
    source = CachedSecret(MemorySecret(json.dumps(secret)))
    far = RemoteReader(
        source, log=log()[0], client=client, clock=lambda: NOW, sleep=lambda _: None, patience=0.3
    )
    return [LocalReader(tiers.hot, twin, clock=lambda: NOW), far]


def test_local_and_remote_readers_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    tiers, twin = fleet(20)
    tiers.write(*(row("thermostat-001", DUE + 9 * 3600.0 + n, f"n{n}", f'{{"n":{n}}}') for n in range(30)))
    monkeypatch.setattr(reader_client, "_PAGE", 7)
    monkeypatch.setattr(reader_client, "_CHUNK", 7)
    wanted = [
        rows.to_event(each, twin)
        for each in sorted(tiers.written.values(), key=lambda each: each.key)
        if each.device == "thermostat-001"
    ]
    for each in readers(tiers, twin):
        newest = [event["id"] for event in each.latest("thermostat")]
        assert newest == ["n29" if id == "thermostat-001.0" else id for id in newest_of(20)]
        assert list(each.latest("pump")) == []
        assert list(each.range("thermostat-001")) == wanted
        assert list(each.range("thermostat-001", descending=True)) == wanted[::-1]
        with pytest.raises(Retry):
            next(each.range("thermostat-001", deadline=time.monotonic()))
        bounds = (times.from_epoch(DUE + 9 * 3600.0 + 3), "2024-05-01T09:00:05Z")
        assert [event["id"] for event in each.range("thermostat-001", *bounds)] == ["n3", "n4"]


def test_pages_from_another_cloud_are_read_in_turn() -> None:
    """Each takes a multiple of its length in memory."""
    inside, entered, leave = [0], threading.Event(), threading.Event()

    class Slow:
        def page(self, query: RangeQuery, *, deadline: float = math.inf) -> tier_reader.TierPage:
            inside[0] += 1
            entered.set()
            assert inside[0] == 1
            leave.wait(10)
            inside[0] -= 1
            return tier_reader.TierPage([], None)

    tier = hot_reader.InTurn(Slow())
    query = RangeQuery("thermostat-1", times.EARLIEST, times.LATEST, 1, None, False)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(tier.page, query)
        assert entered.wait(10)
        with pytest.raises(Retry):
            tier.page(query, deadline=time.monotonic() + 0.05)
        second = pool.submit(tier.page, query)
        leave.set()
        assert first.result() == second.result() == tier_reader.TierPage([], None)


def test_a_reader_whose_hot_reader_fails() -> None:
    tiers, twin = fleet(3)
    far = readers(tiers, twin)[1]
    client = far._link._client
    for answer in (
        Answer(400, {}, b'{"error":"No."}'),
        Answer(500, {}, b""),
        Answer(200, {}, b"{}"),
        Answer(200, {}, b'{"events":[]}x'),
        Answer(200, {}, b'{"events":[],"cursor":3}'),
    ):
        client.before = lambda _, answer=answer: answer
        with pytest.raises(Retry):
            list(far.range("thermostat-001"))
        with pytest.raises(Retry):
            list(far.latest("thermostat"))


@COLD_TIERS
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("day", ["2024-00-00", "2024-02-30", "0000-01-01"])
def test_a_cursor_of_a_day_that_does_not_exist_is_refused(cold: Any, order: str, day: str) -> None:
    tiers = Tiers.empty()
    cursor = urlsafe_b64encode(f"{order}\nthermostat-1\n{day}T00:00:00.000000Z#!".encode()).decode()
    query = {"device": "thermostat-1", "tier": "all", "order": order, "cursor": cursor}
    response = reader(tiers, cold(tiers)).handle(Request("GET", {"x-api-key": API_KEY}, b"", query))
    assert response.status == 400
