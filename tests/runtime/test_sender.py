"""The sender against a real HTTP server on loopback that answers, refuses, stalls and resets as told."""

from __future__ import annotations

import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from support.memory import MemorySecret
from support.samples import API_KEY, KEY_1, KEY_2, event, log
from twin_runtime.errors import Retry, SecretMissing
from twin_runtime.wire import http_client, signing
from twin_runtime.wire.secret_cache import CachedSecret
from twin_runtime.wire.sender import Policy, Sender

Step = Callable[["Handler", list[Any]], None]


class Handler(BaseHTTPRequestHandler):
    """Runs the next step of the server's script on each request; accepts everything when there is none."""

    protocol_version = "HTTP/1.1"

    @property
    def server_(self) -> Server:
        assert isinstance(self.server, Server)
        return self.server

    def do_POST(self) -> None:
        wire = self.rfile.read(int(self.headers["content-length"]))
        gzipped = self.headers["content-encoding"] == "gzip"
        body = zlib.decompress(wire, wbits=31) if gzipped else wire
        events = json.loads(body)
        self.server_.seen.append((dict(self.headers.items()), body, wire))
        step = self.server_.script.pop(0) if self.server_.script else accept
        step(self, events)

    def reply(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Step] = []
        self.seen: list[tuple[dict[str, str], bytes, bytes]] = []
        self.connections = 0

    def get_request(self) -> tuple[socket.socket, Any]:
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def accept(handler: Handler, events: list[Any]) -> None:
    handler.reply(200, {"accepted": len(events), "rejected": []})


def status(code: int, headers: dict[str, str] | None = None, document: Any = None) -> Step:
    return lambda handler, _: handler.reply(code, document or {}, headers)


def reset(handler: Handler, _: list[Any]) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()


def stall(handler: Handler, _: list[Any]) -> None:
    time.sleep(0.5)
    handler.close_connection = True


class Bench:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.pauses: list[float] = []
        self.source = MemorySecret(self.secret())
        self.now = time.time()
        logger, self.lines = log("connector")
        self.cache = CachedSecret(self.source, clock=lambda: self.now)
        self.client = http_client.HttpClient()
        self.policy = Policy()
        self.logger = logger

    def secret(self, *keys: str, api_key: str = API_KEY, url: str | None = None) -> str:
        host, port = self.server.server_address[:2]
        link = {
            "url": url or f"http://{host}:{port}/in?x=1",
            "api_key": api_key,
            "signing_keys": list(keys) or [KEY_1],
        }
        return json.dumps(link)

    def deliver(self, events: list[Any], seconds: float = 3.0, **policy: Any) -> list[tuple[str, str, bool]]:
        def sleep(pause: float) -> None:
            self.pauses.append(pause)
            self.now += 5

        chosen = replace(self.policy, **policy)
        sender = Sender(self.cache, log=self.logger, policy=chosen, wait=0.3, client=self.client, sleep=sleep)
        outcomes = sender.deliver(events, deadline=time.monotonic() + seconds)
        return [(outcome.state, outcome.reason, outcome.kept) for outcome in outcomes]


DELIVERED = ("delivered", "", False)


@pytest.fixture
def bench() -> Iterator[Bench]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    made = Bench(server)
    yield made
    made.client.close()
    server.shutdown()
    server.server_close()


def test_a_batch_is_one_signed_request(bench: Bench) -> None:
    events = [event(f"e{n}") for n in range(100)]
    assert bench.deliver(events) == [DELIVERED] * 100
    ((headers, body, wire),) = bench.server.seen
    assert json.loads(body) == events
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["content-type"] == "application/cloudevents-batch+json"
    assert lower["content-encoding"] == "gzip"
    assert lower["x-api-key"] == API_KEY
    assert len(wire) < len(body) / 5
    signing.verify([KEY_1], wire, lower, now=time.time())


def test_short_bodies_are_sent_as_they_are(bench: Bench) -> None:
    bench.deliver([event()])
    ((headers, _, wire),) = bench.server.seen
    assert len(wire) < 1024
    assert "content-encoding" not in {name.lower() for name in headers}


def test_the_connection_is_kept(bench: Bench) -> None:
    for _ in range(5):
        bench.deliver([event()])
    assert bench.server.connections == 1


def test_a_connection_that_went_stale_is_replaced_at_once(bench: Bench) -> None:
    def accept_and_close(handler: Handler, events: list[Any]) -> None:
        accept(handler, events)
        handler.close_connection = True

    bench.server.script = [accept_and_close]
    assert bench.deliver([event()]) == [DELIVERED]
    time.sleep(0.05)
    assert bench.deliver([event()]) == [DELIVERED]
    assert bench.pauses == []


def test_signed_with_every_key_that_is_held(bench: Bench) -> None:
    bench.source.text = bench.secret(KEY_1, KEY_2)
    bench.deliver([event()])
    headers = {name.lower(): value for name, value in bench.server.seen[0][0].items()}
    for key in (KEY_1, KEY_2):
        signing.verify([key], bench.server.seen[0][1], headers, now=time.time())


@pytest.mark.parametrize(
    "fault", [status(500), status(503), status(408), reset, stall, status(200, None, b"<html>")]
)
def test_what_passes_is_tried_again_with_the_same_id(bench: Bench, fault: Step) -> None:
    bench.server.script = [fault, fault]
    assert bench.deliver([event()]) == [DELIVERED]
    assert len(bench.server.seen) == 3
    ids = {headers.get("webhook-id") or headers.get("Webhook-Id") for headers, _, _ in bench.server.seen}
    assert len(ids) == 1
    assert len(bench.pauses) == 2


def test_nobody_there(bench: Bench) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        bench.source.text = bench.secret(url=f"http://127.0.0.1:{unused.getsockname()[1]}/")
        ((state, reason, _),) = bench.deliver([event()], seconds=0.2)
    assert state == "retry"
    assert "could not be reached" in reason


def test_back_off_grows_and_is_jittered(bench: Bench) -> None:
    bench.server.script = [status(500)] * 6
    bench.deliver([event()], seconds=60)
    assert len(bench.pauses) == 6
    bounds = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4]
    assert all(0 <= pause <= bound for pause, bound in zip(bench.pauses, bounds, strict=True))
    assert len(set(bench.pauses)) == 6


def test_retry_after_in_seconds_and_as_a_date(bench: Bench) -> None:
    date = formatdate(time.time() + 2, usegmt=True)
    bench.server.script = [status(429, {"Retry-After": "1"}), status(503, {"Retry-After": date})]
    assert bench.deliver([event()]) == [DELIVERED]
    assert 1 <= bench.pauses[0] <= 1.2
    assert 0.5 <= bench.pauses[1] <= 2.4


def test_a_retry_after_beyond_the_budget_gives_up_now(bench: Bench) -> None:
    bench.server.script = [status(429, {"Retry-After": "60"})]
    started = time.monotonic()
    ((state, reason, _),) = bench.deliver([event()])
    assert (state, reason) == ("retry", "The receiver answered 429.")
    assert time.monotonic() - started < 1
    assert bench.pauses == []


@pytest.mark.parametrize("value", ["soon", "-1", "1" * 400, "٣", ""])
def test_a_retry_after_that_makes_no_sense_is_passed_over(bench: Bench, value: str) -> None:
    bench.server.script = [
        lambda handler, _: handler.reply(429, {}, {"Retry-After": value.encode().decode("latin-1")})
    ]
    assert bench.deliver([event()]) == [DELIVERED]


def test_the_budget_is_kept(bench: Bench) -> None:
    bench.server.script = [stall] * 10
    started = time.monotonic()
    assert bench.deliver([event()], seconds=0.4)[0][0] == "retry"
    assert time.monotonic() - started < 1.2


@pytest.mark.parametrize("code", [401, 403])
def test_a_rotated_key_is_read_once_more(bench: Bench, code: int) -> None:
    bench.deliver([event()])
    bench.source.text = bench.secret(KEY_2, api_key="new")
    bench.now += 10
    bench.server.script = [status(code)]
    assert bench.deliver([event()]) == [DELIVERED]
    assert bench.source.fetches == 2
    assert {name.lower(): v for name, v in bench.server.seen[-1][0].items()}["x-api-key"] == "new"


@pytest.mark.parametrize("code", [401, 403, 404, 415, 302, 307])
def test_a_wrong_key_or_a_missing_endpoint_is_not_the_events_fault(bench: Bench, code: int) -> None:
    bench.server.script = [status(code, {"Location": "http://127.0.0.1:1/"})] * 5
    ((state, reason, _),) = bench.deliver([event()])
    assert (state, reason) == ("retry", f"The receiver answered {code}.")
    assert len(bench.server.seen) == (2 if code in (401, 403) else 1)


@pytest.mark.parametrize("code", [400, 405, 422])
def test_other_refusals_are_final(bench: Bench, code: int) -> None:
    bench.server.script = [status(code, None, {"error": "It is malformed."})]
    outcomes = bench.deliver([event("a"), event("b")])
    assert outcomes == [("refused", f"The receiver answered {code}: It is malformed.", False)] * 2
    assert len(bench.server.seen) == 1


def test_too_large_is_split_until_only_the_large_one_is_left(bench: Bench) -> None:
    def bounded(handler: Handler, events: list[Any]) -> None:
        if len(json.dumps(events)) > 2_500:
            handler.reply(413, {"error": "Too large."})
        else:
            accept(handler, events)

    bench.server.script = [bounded] * 50
    events = [event(f"e{n}", data={"t": "x" * (5_000 if n == 5 else 100)}) for n in range(16)]
    outcomes = bench.deliver(events)
    assert [state for state, _, _ in outcomes] == ["refused" if n == 5 else "delivered" for n in range(16)]
    assert outcomes[5][1] == "The receiver answered 413: Too large."


def test_the_senders_own_bounds(bench: Bench) -> None:
    events = [event(f"e{n}", data={"t": "x" * (9_000 if n == 2 else 10)}) for n in range(25)]
    outcomes = bench.deliver(events, max_events=10, max_bytes=8_000)
    assert [n for n, (state, _, _) in enumerate(outcomes) if state != "delivered"] == [2]
    assert "larger than 8000 bytes" in outcomes[2][1]
    assert len(bench.server.seen) == 4
    assert sum(len(json.loads(body)) for _, body, _ in bench.server.seen) == 24


def test_a_partial_answer(bench: Bench) -> None:
    rejected = [
        {"index": 1, "id": "e1", "reason": "No.", "kept": True},
        {"index": 2, "id": "e2", "reason": "Neither."},
        {"index": 3, "id": "e3", "reason": "Away.", "retry": True},
    ]
    bench.server.script = [status(200, None, {"accepted": 1, "rejected": rejected})]
    assert bench.deliver([event(f"e{n}") for n in range(4)]) == [
        DELIVERED,
        ("refused", "No.", True),
        ("refused", "Neither.", False),
        ("retry", "Away.", False),
    ]


@pytest.mark.parametrize(
    "document",
    [
        {"accepted": 1, "rejected": []},
        {"accepted": 2, "rejected": [{"index": 0, "reason": "x"}]},
        {"accepted": 1, "rejected": [{"index": 7, "reason": "x"}]},
        {"accepted": 1, "rejected": ["e1"]},
    ],
)
def test_an_answer_that_does_not_add_up_is_not_believed(bench: Bench, document: Any) -> None:
    bench.server.script = [status(200, None, document)]
    assert {state for state, _, _ in bench.deliver([event("a"), event("b")])} == {"retry"}


def test_what_was_sent_before_the_receiver_went_away_stays_sent(bench: Bench) -> None:
    bench.server.script = [accept, status(404)]
    outcomes = bench.deliver([event(f"e{n}") for n in range(6)], max_events=2)
    assert [state for state, _, _ in outcomes] == ["delivered"] * 2 + ["retry"] * 4
    assert len(bench.server.seen) == 2


def test_an_endless_answer_is_cut(bench: Bench) -> None:
    bench.server.script = [lambda handler, _: handler.reply(200, b" " * 3_000_000)]
    assert bench.deliver([event()]) == [DELIVERED]
    assert len(bench.server.seen) == 2


def test_no_secret_yet_waits_in_the_queue(bench: Bench) -> None:
    bench.source.text = None
    ((state, reason, _),) = bench.deliver([event()])
    assert (state, reason) == ("retry", "The secret has no version.")
    assert bench.pauses == []
    with pytest.raises(SecretMissing):
        bench.cache.read()


@pytest.mark.parametrize(
    "text",
    [
        '{"url":"https://x/","api_key":"k"}',
        '{"url":"https://x/","api_key":"k\\n","signing_keys":["whsec_AAAA"]}',
        '{"url":"https://x/","api_key":"swordfish","signing_keys":["swordfish"]}',
        '{"url":"https://x/","api_key":"swordfish","signing_keys":[]}',
        "swordfish",
    ],
)
def test_an_unusable_secret_is_told_without_showing_it(bench: Bench, text: str) -> None:
    bench.source.text = text
    ((state, reason, _),) = bench.deliver([event()])
    assert state == "retry"
    assert "secret" in reason
    assert "swordfish" not in reason + "".join(bench.lines.lines)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://127.0.0.1/",
        "https://",
        "https://u:p@host/",
        "https://h:x/",
        "//h/",
        "http://[::1/",
    ],
)
def test_only_https_or_loopback(url: str) -> None:
    with pytest.raises(Retry, match="URL"):
        http_client.split_url(url)


@pytest.mark.parametrize(
    "url", ["https://h/", "https://h:8443/p?q", "http://localhost:1/", "http://[::1]:1/"]
)
def test_urls_that_may_be_sent_to(url: str) -> None:
    assert http_client.split_url(url).hostname
