"""Reads between clouds: signed reads of hot_reader, and hot_reader's own of a cold tier in another cloud."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest

from receivers import files
from receivers.links import public
from receivers.requests import check_refusal, post
from support.deployed import Deployed, Functions
from support.loopback import Loopback, listening
from support.memory import MemorySecret
from support.platforms import Reply, Wire
from support.samples import API_KEY, KEY_1, KEY_2, TWIN, log
from twin_runtime.errors import Retry
from twin_runtime.ports import Event
from twin_runtime.roles import Cloud
from twin_runtime.storage import rows
from twin_runtime.storage.reader_client import RemoteReader
from twin_runtime.tiers.tier_files import KNOWS_UNREAD, QUERY_MEDIA_TYPE
from twin_runtime.wire import signing
from twin_runtime.wire.secret_cache import CachedSecret

pytestmark = pytest.mark.matrix

PAIRS = list(product(Cloud, Cloud))
DEVICE = "thermostat-1"
QUERY = {"device": DEVICE, "from": "2024-02-29T13:00:00+01:00", "limit": "5"}
NEW, OLD = files.old(6), files.old(9, since=files.NOON - files.DAY)
NEVER = 10**11


@pytest.fixture(params=Cloud)
def cloud(request: pytest.FixtureRequest) -> str:
    return request.param


def load(functions: Functions, cloud: str, **environ: str) -> Deployed:
    """A hot_reader over the events of `NEW`."""
    reader = functions.load(cloud, "hot_reader", environ=environ)
    reader.admit()
    reader.memory.store("STORE").put([rows.from_event(each, TWIN, NEVER) for each in NEW])
    return reader


@pytest.fixture(params=["", "true"], ids=["signed-only", "by-key"])
def reader(request: pytest.FixtureRequest, cloud: str, functions: Functions) -> Deployed:
    return load(functions, cloud, API_KEY_READS=request.param)


@pytest.fixture
def server(reader: Deployed) -> Iterator[Loopback]:
    with listening(public(reader)) as listens:
        yield listens


def signature(query: Mapping[str, str], *, key: str = KEY_1, age: float = 0) -> dict[str, str]:
    body = signing.canonical_query(query).encode("ascii")
    return signing.sign([key], body, id=signing.webhook_id(body), timestamp=int(time.time() - age))


def get(
    server: Loopback, reader: Deployed, query: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> Reply:
    laid = {"x-api-key": API_KEY, **(headers or {})}
    return post(server, Wire("GET", f"{reader.path}?{urlencode(query)}", tuple(laid.items())))


def test_a_read_without_a_signature(reader: Deployed, server: Loopback) -> None:
    reply = get(server, reader, QUERY)
    if reader.environ["API_KEY_READS"]:
        assert json.loads(reply.body)["events"] == NEW[:5]
    else:
        assert reply.status == 401
        check_refusal(reply)


def test_a_signed_read_whatever_the_order_of_its_parameters(reader: Deployed, server: Loopback) -> None:
    for query in (QUERY, dict(reversed(QUERY.items()))):
        reply = get(server, reader, query, signature(QUERY))
        assert json.loads(reply.body)["events"] == NEW[:5]


@pytest.mark.parametrize("change", [{"limit": "6"}, {"order": "desc"}, {"device": "pump-1"}, {"tier": "all"}])
def test_another_query_than_was_signed(reader: Deployed, server: Loopback, change: dict[str, str]) -> None:
    refused(get(server, reader, QUERY | change, signature(QUERY)))
    fewer = {name: value for name, value in QUERY.items() if name != "limit"}
    refused(get(server, reader, fewer, signature(QUERY)))


def test_a_signature_that_is_wrong_is_refused_where_none_is_needed(
    reader: Deployed, server: Loopback
) -> None:
    good = signature(QUERY)
    for headers in (
        signature(QUERY, key=KEY_2),
        signature(QUERY, age=310),
        signature(QUERY, age=-310),
        good | {"webhook-id": "msg_1"},
        good | {"webhook-signature": "v1,AAAA"},
        good | {"x-api-key": "wrong"},
        *({name: value for name, value in good.items() if name != without} for without in good),
    ):
        refused(get(server, reader, QUERY, headers))


def refused(reply: Reply) -> None:
    assert reply.status == 401
    assert "events" not in json.loads(reply.body)


def test_where_no_function_reads_no_signature_is_taken(cloud: str, functions: Functions) -> None:
    reader = load(functions, cloud, LINK_SECRET="")
    with listening(public(reader)) as server:
        assert get(server, reader, QUERY).status == 200
        refused(get(server, reader, QUERY, signature(QUERY)))


def test_our_own_functions_read_over_the_link(reader: Deployed, server: Loopback) -> None:
    def reads(key: str) -> RemoteReader:
        url = server.url + reader.path
        secret = json.dumps({"url": url, "api_key": API_KEY, "signing_keys": [key]})
        return RemoteReader(CachedSecret(MemorySecret(secret)), log=log("reader")[0], sleep=lambda _: None)

    assert list(reads(KEY_1).latest("thermostat")) == [NEW[-1]]
    assert list(reads(KEY_1).latest("pump")) == []
    found = list(reads(KEY_1).range(DEVICE, NEW[1]["time"], NEW[4]["time"], descending=True))
    assert json.dumps(found) == json.dumps(NEW[3:0:-1])
    with pytest.raises(Retry, match="401"):
        list(reads(KEY_2).range(DEVICE))


@pytest.mark.parametrize("clouds", PAIRS, ids="-to-".join)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_cold_tier_in_another_cloud_is_read_with_the_hot_one(
    clouds: tuple[str, str], order: str, functions: Functions
) -> None:
    """Pages hold each event once: one of the hot store is in a file too, as while it is being moved."""
    writer = functions.load(clouds[1], "cold_writer")
    writer.admit()
    for file in (files.packed(OLD), files.packed(NEW[:1])):
        reply = writer.platform()(files.sent(writer, files.body(files.header(file), file.body)))
        assert json.loads(reply.body) == files.told(file)
    with listening(public(writer)) as cold:
        reader = load(functions, clouds[0], COLD_STORE="", COLD_LINK_SECRET="COLD_LINK_SECRET")
        secret = {"url": cold.url + writer.path, "api_key": API_KEY, "signing_keys": [KEY_1]}
        reader.memory.secret("COLD_LINK_SECRET").text = json.dumps(secret)
        with listening(public(reader)) as server:
            found = pages(server, reader, {"device": DEVICE, "order": order, "tier": "all", "limit": "4"})
            everything = [*OLD, *NEW]
            assert json.dumps(found) == json.dumps(everything if order == "asc" else everything[::-1])
            asked = len(cold.seen)
            assert get(server, reader, QUERY).status == 200
            assert len(cold.seen) == asked, "what is hot is read at home"
        assert {wire.header("content-type") for wire, _ in cold.seen} == {
            f"{QUERY_MEDIA_TYPE}; {KNOWS_UNREAD}"
        }
        assert set(cold.statuses()) == {200}


def pages(server: Loopback, reader: Deployed, query: dict[str, str]) -> list[Event]:
    found: list[Event] = []
    for _ in range(20):
        document: Any = json.loads(get(server, reader, query).body)
        found += document["events"]
        if document["cursor"] is None:
            return found
        query = query | {"cursor": document["cursor"]}
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_cursor_of_a_time_that_does_not_exist_is_refused(
    cloud: str, order: str, functions: Functions
) -> None:
    reader = load(functions, cloud)
    with listening(public(reader)) as server:
        for day in ("2024-00-00", "2024-02-30", "0000-01-01", "9999-99-99"):
            text = f"{order}\n{DEVICE}\n{day}T00:00:00.000000Z#!"
            cursor = urlsafe_b64encode(text.encode()).decode().rstrip("=")
            query = {"device": DEVICE, "order": order, "tier": "all", "cursor": cursor}
            reply = get(server, reader, query)
            assert (day, reply.status) == (day, 400)
            check_refusal(reply)


def test_without_a_cold_tier_there_is_none_to_read(cloud: str, functions: Functions) -> None:
    reader = load(functions, cloud, COLD_STORE="")
    with listening(public(reader)) as server:
        reply = get(server, reader, {"device": DEVICE, "tier": "all"})
        assert (reply.status, json.loads(reply.body)["error"]) == (
            400,
            "This twin has no cold tier: leave tier=all out.",
        )


def test_reads_of_a_type(cloud: str, functions: Functions) -> None:
    reader = load(functions, cloud)
    others = files.old(3, "thermostat-2")
    reader.memory.store("STORE").put([rows.from_event(each, TWIN, NEVER) for each in others])
    with listening(public(reader)) as server:
        query = {"type": "thermostat", "latest": "true", "limit": "1"}
        assert pages(server, reader, query) == [NEW[-1], others[-1]]
        for wrong, status in (
            ({"type": "room", "latest": "true"}, 404),
            ({"type": "thermostat"}, 400),
            ({"type": "thermostat", "latest": "true", "device": DEVICE}, 400),
            ({"type": "thermostat", "latest": "true", "tier": "all"}, 400),
            ({"type": "pump", "latest": "true", "cursor": cursor(server, reader, query)}, 400),
            ({"device": DEVICE, "cursor": cursor(server, reader, query)}, 400),
            ({"device": DEVICE, "tier": "cold"}, 400),
        ):
            reply = get(server, reader, wrong)
            assert (wrong, reply.status) == (wrong, status)
            check_refusal(reply)


def cursor(server: Loopback, reader: Deployed, query: Mapping[str, str]) -> str:
    return json.loads(get(server, reader, query).body)["cursor"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("key", [None, "", "wrong", API_KEY[:-1], API_KEY])
@pytest.mark.parametrize("role", ["hot_reader", "twin_reader"])
def test_who_may_read_with_which_method(
    cloud: str, role: str, key: str | None, method: str, functions: Functions
) -> None:
    """As clients reach it: on AWS API Gateway answers for the function."""
    reader = functions.load(cloud, role)
    reader.admit()
    headers = () if key is None else (("x-api-key", key),)
    parameter = {"device": DEVICE, "latest": "true"} if role == "hot_reader" else {"type": "pump"}
    with listening(public(reader)) as server:
        reply = post(server, Wire(method, f"{reader.path}?{urlencode(parameter)}", headers))
    if method == "POST":
        assert reply.status == (403 if cloud == "aws" else 405)
    else:
        assert reply.status == (200 if key == API_KEY else 401)
