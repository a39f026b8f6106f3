"""Clients of a reader: whose key it is, when it is revoked, how often each may call, what the log says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.memory import MemoryCloud, MemorySecret, MemoryStore
from support.samples import DOCUMENT, KEY_1, TWIN, Lines, log
from twin_runtime.context import Context
from twin_runtime.errors import ConfigurationError
from twin_runtime.functions import hot_reader
from twin_runtime.functions.hot_reader import HotReader
from twin_runtime.log import TALLY_S, Log
from twin_runtime.ports import Request, Response
from twin_runtime.roles import READERS, ROLES
from twin_runtime.wire import secret_cache, signing
from twin_runtime.wire.callers import Callers, TokenBuckets
from twin_runtime.wire.secret_cache import CachedSecret

KEYS = {"api_keys": ["t1", "t2"], "clients": {"erp": ["e1", "e2"], "mobile": ["m1"]}}
NOBODY = "The API key is missing or wrong."
MINUTE = 60


class Bench:
    def __init__(self, secret: Any = KEYS, *, rate: float = 20, burst: float = 40) -> None:
        self.now = 1_700_000_000.0
        self.source = MemorySecret(json.dumps(secret))
        self.lines = Lines()
        self.log = Log("hot_reader", self.lines, clock=self.clock)
        self.role = HotReader(
            twin=TWIN,
            store=MemoryStore(),
            log=self.log,
            callers=Callers(
                CachedSecret(self.source, clock=self.clock),
                buckets=TokenBuckets(rate, burst, clock=self.clock),
            ),
            link=CachedSecret(MemorySecret(json.dumps({"signing_keys": [KEY_1]}))),
            clock=self.clock,
        )

    def clock(self) -> float:
        return self.now

    def get(self, key: str | None, *, signed: bool = False, **query: str) -> Response:
        query = query or {"device": "pump-1"}
        headers = {} if key is None else {"x-api-key": key}
        if signed:
            body = signing.canonical_query(query).encode("ascii")
            headers |= signing.sign([KEY_1], body, id="msg_1", timestamp=int(self.now))
        return self.role.handle(Request("GET", headers, b"", query))

    def statuses(self, key: str, count: int, *, signed: bool = False) -> list[int]:
        return [self.get(key, signed=signed).status for _ in range(count)]

    def refused(self) -> list[tuple[int, int]]:
        """Status and count of each line."""
        return [(line["status"], line["count"]) for line in self.lines.named("refused")]


def test_the_log_names_the_client_and_what_it_read() -> None:
    bench = Bench()
    for key in ("t1", "t2", "e1", "e2", "m1"):
        assert bench.get(key).status == 200
    bench.get("m1", type="pump", latest="true")
    clients = [line["client"] for line in bench.lines.named("read")]
    assert clients == ["twin", "twin", "erp", "erp", "mobile", "mobile"]
    assert [line.get("device") for line in bench.lines.named("read")] == ["pump-1"] * 5 + [None]
    assert bench.lines.named("read")[-1]["type"] == "pump"
    assert not any(key in line for line in map(json.dumps, bench.lines.named("read")) for key in ("e1", "m1"))


def test_a_signed_read_is_the_twins() -> None:
    bench = Bench()
    assert bench.get("t1", signed=True).status == 200
    (line,) = bench.lines.named("read")
    assert line["client"] == "twin"


def test_a_secret_of_before_there_were_clients() -> None:
    bench = Bench({"api_keys": ["t1"]})
    assert (bench.get("t1").status, bench.get("e1").status) == (200, 401)


@pytest.mark.parametrize(
    "secret",
    [
        {"api_keys": []},
        {"api_keys": ["t1"], "clients": ["e1"]},
        {"api_keys": ["t1"], "clients": {"erp": "e1"}},
        {"api_keys": ["t1"], "clients": {"erp": []}},
        {"api_keys": ["t1"], "clients": {"erp": [1]}},
    ],
)
def test_a_secret_that_is_malformed_lets_nobody_in(secret: Any) -> None:
    assert Bench(secret).get("t1").status == 503


def test_a_revoked_key_is_refused_within_a_minute_and_no_other() -> None:
    """By an instance that has the key in its cache; the documentation promises the minute."""
    assert secret_cache.MAX_AGE == MINUTE
    bench = Bench()
    assert bench.get("e1").status == 200
    bench.source.text = json.dumps({**KEYS, "clients": {"erp": ["e2"], "mobile": ["m1"]}})
    bench.now += MINUTE - 0.5
    assert bench.get("e1").status == 200, "in the cache"
    bench.now += 0.5
    assert [bench.get(key).status for key in ("e1", "e2", "m1", "t1")] == [401, 200, 200, 200]


def test_a_new_key_is_known_at_once_and_unknown_ones_do_not_read_the_secret_each_time() -> None:
    bench = Bench()
    bench.get("e1")
    bench.source.text = json.dumps({**KEYS, "clients": {"erp": ["e2", "e3"], "mobile": ["m1"]}})
    bench.now += secret_cache.MIN_INTERVAL
    assert bench.get("e3").status == 200
    assert bench.lines.named("read")[-1]["client"] == "erp"
    for _ in range(1_000):
        bench.now += 0.01
        assert bench.get("wrong").status == 401
    assert bench.source.fetches <= 2 + 10 / secret_cache.MIN_INTERVAL


def test_each_client_has_a_rate_of_its_own() -> None:
    bench = Bench(rate=2, burst=4)
    assert bench.statuses("e1", 6) == [200] * 4 + [429] * 2
    assert bench.statuses("e2", 1) == [429], "a second key is no second client"
    assert bench.statuses("m1", 4) == bench.statuses("t1", 4) == [200] * 4
    bench.now += 1
    assert bench.statuses("e1", 3) == [200, 200, 429]
    bench.now += 3600
    assert bench.statuses("e1", 5) == [200] * 4 + [429], "no more than the burst is saved up"


def test_the_answer_to_too_many_requests() -> None:
    bench = Bench(rate=0.25, burst=1)
    bench.get("e1")
    reply = bench.get("e1")
    assert (reply.status, reply.headers["retry-after"]) == (429, "4")
    assert json.loads(reply.body) == {"error": "More than 0.25 requests per second; try again later."}
    (line,) = bench.lines.named("refused")
    assert (line["client"], line["count"]) == ("erp", 1)
    bench.now += 4
    assert bench.get("e1").status == 200


def test_the_twins_signed_reads_are_not_limited() -> None:
    bench = Bench(rate=1, burst=2)
    assert bench.statuses("t1", 20, signed=True) == [200] * 20
    assert bench.statuses("t1", 3) == [200, 200, 429]


def test_refused_requests_take_nothing_from_a_client() -> None:
    bench = Bench(rate=1, burst=2)
    assert bench.statuses("wrong", 20) == [401] * 20
    assert bench.statuses("e1", 2) == [200, 200]


def test_a_flood_of_refusals_is_a_line_a_minute_and_none_is_lost() -> None:
    bench = Bench()
    for _ in range(10 * MINUTE):
        bench.get(None)
        bench.get("wrong", device="?")
        bench.get("m1", device="stranger")
        bench.now += 1
    bench.log.close()
    of_keys = [count for status, count in bench.refused() if status == 401]
    assert sum(of_keys) == 20 * MINUTE
    assert sum(count for status, count in bench.refused() if status == 404) == 10 * MINUTE
    assert (of_keys[0], len(of_keys)) == (1, 11), "the first at once, then one a minute"


def test_the_first_refusal_is_written_at_once_and_the_rest_by_the_next_request() -> None:
    bench = Bench()
    bench.statuses("wrong", 5)
    assert bench.refused() == [(401, 1)]
    bench.now += TALLY_S
    bench.get("m1")
    assert bench.refused() == [(401, 1), (401, 4)], "a request that is served writes them too"
    bench.now += TALLY_S
    bench.get("m1")
    bench.get("wrong")
    assert bench.refused() == [(401, 1), (401, 4), (401, 1)], "and then the first is one again"


def test_reasons_and_clients_are_counted_apart() -> None:
    bench = Bench(rate=1, burst=1)
    for key in ("wrong", "e1", "e1", "e1", "m1", "m1", "wrong"):
        bench.get(key)
    bench.log.close()
    found = [
        (line["reason"] == NOBODY, line.get("client"), line["count"]) for line in bench.lines.named("refused")
    ]
    assert found == [
        (True, None, 1),
        (False, "erp", 1),
        (False, "mobile", 1),
        (True, None, 1),
        (False, "erp", 1),
    ]


def test_what_is_counted_is_written_when_the_process_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[Any] = []
    monkeypatch.setattr("twin_runtime.log.atexit.register", ends.append)
    bench = Bench()
    bench.statuses("wrong", 3)
    (end,) = ends
    end()
    assert bench.refused() == [(401, 1), (401, 2)]
    end()
    assert len(bench.refused()) == 2


class Reader:
    """A reader on AWS, where API Gateway has checked the key."""

    def __init__(self, root: Any, clients: str) -> None:
        (root / "twin.json").write_text(json.dumps(DOCUMENT))
        environ = {"STORE": "t", "API_KEY_READS": "true", "API_CLIENTS": clients}
        self.lines = Lines()
        self.context = Context("hot_reader", MemoryCloud("aws"), environ=environ, root=root, sink=self.lines)


def test_api_gateway_names_the_client_by_the_id_of_its_key(tmp_path: Any) -> None:
    bench = Reader(tmp_path, '{"k1": "erp", "k2": "erp", "k3": "mobile"}')
    role = hot_reader.assemble(bench.context)
    for _ in range(50):  # which is limited there, not here
        for id_ in ("k1", "k2", "k3", "other", ""):
            query = {"device": "pump-1"}
            assert role.handle(Request("GET", {}, b"", query, api_key_id=id_)).status == 200
    clients = [line.get("client") for line in bench.lines.named("read")]
    assert clients == ["erp", "erp", "mobile", "twin", None] * 50


@pytest.mark.parametrize("text", ["{", "[]", '{"k1": 1}', '{"k1": "a", "k1": "b"}'])
def test_malformed_clients_are_told_at_the_start(text: str, tmp_path: Any) -> None:
    with pytest.raises(ConfigurationError, match="API_CLIENTS must be a JSON object"):
        Reader(tmp_path, text).context.callers()


def test_the_limits_of_the_readers() -> None:
    """What the documentation says, and the usage plans of API Gateway are made from."""
    assert {(ROLES[role].rate, ROLES[role].burst) for role in READERS} == {(20, 40)}


def test_a_log_without_tallies_is_as_it_was() -> None:
    logger, lines = log("writer")
    logger.info("read", events=1, client=None)
    assert lines.named("read") == [{"role": "writer", "level": "info", "event": "read", "events": 1}]
