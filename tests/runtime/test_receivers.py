"""Receivers let in what is authentic, well-formed and of this twin, and say 2xx when it is durable."""

from __future__ import annotations

import json
import random
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memory import MemoryBroker, MemoryQueue, MemorySecret, MemoryStore
from support.properties import bounded
from support.samples import API_KEY, KEY_1, KEY_2, TWIN, batch, command, event, log, signed
from twin_runtime.deadlines import Budget
from twin_runtime.delivery.dead_letters import DeadLetters, decode
from twin_runtime.errors import Retry, Throttled
from twin_runtime.events import cloudevents
from twin_runtime.functions.event_feedback import FeedbackReceiver
from twin_runtime.functions.ingestion import Ingestion
from twin_runtime.functions.writer import Writer
from twin_runtime.ports import CONFLICT, Request, Response, Unstored
from twin_runtime.wire.receiver import Receiver
from twin_runtime.wire.secret_cache import CachedSecret

BATCH = "application/cloudevents-batch+json"


class Bench:
    def __init__(self, kind: str = "ingestion", with_api_keys: bool = True) -> None:
        self.queue, self.store, self.broker = MemoryQueue(), MemoryStore(), MemoryBroker()
        self.dead = MemoryQueue()
        self.link = MemorySecret(json.dumps({"signing_keys": [KEY_1]}))
        self.keys = MemorySecret(json.dumps({"api_keys": ["old", API_KEY]}))
        self.now = time.time()
        logger, self.lines = log(kind)
        letters = DeadLetters(self.dead, logger)
        link = CachedSecret(self.link, clock=lambda: self.now)
        keys = CachedSecret(self.keys, clock=lambda: self.now) if with_api_keys else None
        shared: dict[str, Any] = {
            "twin": TWIN,
            "dead": letters,
            "log": logger,
            "link": link,
            "api_keys": keys,
            "clock": lambda: self.now,
        }
        makers: dict[str, Callable[[], Receiver]] = {
            "ingestion": lambda: Ingestion(queue=self.queue, **shared),
            "writer": lambda: Writer(store=self.store, **shared),
            "event_feedback": lambda: FeedbackReceiver(broker=self.broker, **shared),
        }
        self.role = makers[kind]()
        self.good = [event("e1"), event("e2")] if kind != "event_feedback" else [command("c1"), command("c2")]

    def send(self, *events: Any, **changes: Any) -> tuple[int, Any]:
        return answered(self.role.handle(signed(batch(*events), **changes)))

    def durable(self) -> int:
        queued = sum(len(json.loads(body)) for body in self.queue.bodies)
        return queued + len(self.store.of_devices) + len(self.broker.sent)


def answered(response: Response) -> tuple[int, Any]:
    assert response.headers["content-type"] == "application/json"
    assert b"Traceback" not in response.body
    document = json.loads(response.body)
    if response.status >= 400:
        assert document.keys() == {"error"}
        assert document["error"].endswith(".")
    return response.status, document


KINDS = ["ingestion", "writer", "event_feedback"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_batch(kind: str) -> None:
    bench = Bench(kind)
    assert bench.send(*bench.good) == (200, {"accepted": 2, "rejected": []})
    assert bench.durable() == 2
    assert bench.dead.bodies == []
    line = bench.lines.named("received")[0]
    assert (line["accepted"], line["traceparent"]) == (2, bench.good[0]["traceparent"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_replay_is_answered_as_the_first_time(kind: str) -> None:
    bench = Bench(kind)
    request = signed(batch(*bench.good, {"id": "x"}))
    first = bench.role.handle(request)
    assert bench.role.handle(request) == first
    if kind != "ingestion":
        assert bench.durable() == 2


def test_gzip() -> None:
    bench = Bench()
    packed = zlib.compress(batch(*bench.good), wbits=31)
    headers = {"Content-Encoding": "GZIP"}
    assert answered(bench.role.handle(signed(packed, headers=headers)))[0] == 200
    bomb = zlib.compress(b" " * 50_000_000, 9, wbits=31)
    assert answered(bench.role.handle(signed(bomb, headers=headers)))[0] == 413
    for broken in (b"", b"x", packed[:-1], packed + b"x", packed * 2):
        assert answered(bench.role.handle(signed(broken, headers=headers)))[0] == 400
    assert bench.durable() == 2


def test_nothing_is_unpacked_before_it_is_authentic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zlib, "decompressobj", None)
    bomb = zlib.compress(b" " * 5_000_000, wbits=31)
    request = signed(bomb, keys=[KEY_2], headers={"Content-Encoding": "gzip"})
    assert answered(Bench().role.handle(request))[0] == 401


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"api_key": None}, 401),
        ({"api_key": ""}, 401),
        ({"api_key": "wrong"}, 401),
        ({"api_key": "é"}, 401),
        ({"keys": [KEY_2]}, 401),
        ({"ahead_s": -360}, 401),
        ({"ahead_s": 360}, 401),
        ({"headers": {"webhook-signature": ""}}, 401),
        ({"headers": {"webhook-id": "msg_2"}}, 401),
        ({"headers": {"webhook-timestamp": "x"}}, 401),
        ({"headers": {"Content-Type": "application/json"}}, 415),
        ({"headers": {"Content-Type": ""}}, 415),
        ({"headers": {"Content-Encoding": "br"}}, 415),
        ({"headers": {"Content-Encoding": "gzip, gzip"}}, 415),
    ],
)
def test_refused(kind: str, changes: dict[str, Any], status: int) -> None:
    bench = Bench(kind)
    if "ahead_s" in changes:  # counted from now, and not from when the tests were collected
        changes = {"at": time.time() + changes["ahead_s"]}
    assert bench.send(*bench.good, **changes)[0] == status
    assert bench.durable() == 0
    assert bench.dead.bodies == []


def test_an_altered_body_is_refused() -> None:
    bench = Bench()
    request = signed(batch(event(data={"temperature": 20})))
    altered = Request("POST", request.headers, request.body.replace(b"20}", b"99}"))
    assert answered(bench.role.handle(altered))[0] == 401


@pytest.mark.parametrize("off", [-240, 240])
def test_a_clock_that_is_four_minutes_off_is_let_in(off: int) -> None:
    bench = Bench()
    assert bench.send(event(), at=time.time() + off)[0] == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post", ""])
def test_only_post(method: str) -> None:
    request = signed(batch(event()))
    response = Bench().role.handle(Request(method, request.headers, request.body))
    assert response.status == 405
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"[", 400),
        (b"[NaN]", 400),
        (b'[{"a":1,"a":1}]', 400),
        (b"\xff", 400),
        (b"[" * 60_000, 400),
        (b"[" + b"1," * 1000 + b"1]", 400),
        (b"[" + b" " * 1_000_000 + b"]", 413),
    ],
)
def test_malformed_bodies(body: bytes, status: int) -> None:
    assert answered(Bench().role.handle(signed(body)))[0] == status


def test_an_empty_batch() -> None:
    assert Bench().send() == (200, {"accepted": 0, "rejected": []})


@pytest.mark.parametrize("kind", KINDS)
def test_events_are_judged_one_by_one(kind: str) -> None:
    bench = Bench(kind)
    good = bench.good[0]
    bad = [
        good | {"specversion": "2.0"},
        good | {"source": "/twins/other/devices/thermostat-1"},
        good | {"source": "/twins/factory/devices/stranger"},
        5,
        {},
        good | {"id": {"x": 1}},
    ]
    status, document = bench.send(*bad, good)
    assert status == 200
    assert document["accepted"] == 1
    assert [item["index"] for item in document["rejected"]] == [0, 1, 2, 3, 4, 5]
    assert all(item["kept"] and item["reason"].endswith(".") for item in document["rejected"])
    assert [item["id"] for item in document["rejected"]] == [good["id"]] * 3 + [None] * 3
    letters = [letter for body in bench.dead.bodies for letter in decode(body)]
    assert [letter.reason for letter in letters] == [item["reason"] for item in document["rejected"]]
    assert letters[0].event == bad[0]
    assert letters[3].body == "5"
    assert bench.durable() == 1


def test_telemetry_and_commands_are_not_taken_for_each_other() -> None:
    assert Bench("ingestion").send(command("c"))[1]["accepted"] == 0
    assert Bench("event_feedback").send(event())[1]["accepted"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_not_before_it_is_durable(kind: str) -> None:
    bench = Bench(kind)
    bench.queue.faults.ahead = [OSError("secret address")]
    bench.store.faults.ahead = [Retry("down")] * 4
    bench.broker.away = {"thermostat-1"}
    response = bench.role.handle(signed(batch(*bench.good)))
    assert answered(response)[0] == 503
    assert int(response.headers["retry-after"]) >= 1
    assert b"secret address" not in response.body
    assert bench.durable() == 0


def test_not_before_the_dead_letters_are_durable() -> None:
    bench = Bench()
    bench.dead.faults.ahead = [OSError("down")]
    assert bench.send(5)[0] == 503


def test_throttled() -> None:
    bench = Bench()
    bench.queue.faults.ahead = [Throttled("slow down", after=7.4)]
    response = bench.role.handle(signed(batch(event())))
    assert (response.status, response.headers["retry-after"]) == (429, "7")


def test_without_a_secret_yet() -> None:
    bench = Bench()
    bench.link.text = None
    response = bench.role.handle(signed(batch(event())))
    assert answered(response)[0] == 503
    assert "retry-after" in response.headers


@pytest.mark.parametrize(
    "text", ["{}", '{"signing_keys":[]}', '{"signing_keys":[1]}', '{"signing_keys":["x"]}', "x"]
)
def test_an_unusable_secret_lets_nobody_in(text: str) -> None:
    bench = Bench()
    bench.link.text = text
    assert bench.send(event())[0] == 503
    bench = Bench()
    bench.keys.text = text.replace("signing_keys", "api_keys")
    assert bench.send(event())[0] in (401, 503)
    assert bench.durable() == 0


def test_a_key_of_the_next_generation_is_looked_for_before_it_is_refused() -> None:
    bench = Bench()
    assert bench.send(event())[0] == 200
    bench.link.text = json.dumps({"signing_keys": [KEY_1, KEY_2]})
    bench.keys.text = json.dumps({"api_keys": [API_KEY, "next"]})
    bench.now += 4
    assert bench.send(event(), keys=[KEY_2], at=bench.now, api_key="next")[0] == 200
    assert (bench.link.fetches, bench.keys.fetches) == (2, 2)
    for _ in range(50):
        assert bench.send(event(), keys=["whsec_" + "A" * 40], at=bench.now, api_key="guess")[0] == 401
    assert (bench.link.fetches, bench.keys.fetches) == (2, 2)


def test_where_the_gateway_checks_the_key() -> None:
    bench = Bench(with_api_keys=False)
    assert bench.send(event(), api_key=None)[0] == 200


def test_an_event_that_the_queue_cannot_take() -> None:
    bench = Bench()
    bench.queue._max_body_bytes = 2_000
    status, document = bench.send(event("big", data={"t": "x" * 3_000}), event("small"))
    assert (status, document["accepted"]) == (200, 1)
    assert "larger than the queue takes" in document["rejected"][0]["reason"]
    assert len(bench.dead.bodies) == 1


def test_the_writer_tries_rows_again_and_refuses_what_never_fits() -> None:
    bench = Bench("writer")
    # The first call writes notes.
    bench.store.unstored = [[], [Unstored(0, "Busy."), Unstored(1, "Too large.", permanent=True)], []]
    status, document = bench.send(event("a"), event("b"), event("c"))
    assert (status, document["accepted"]) == (200, 2)
    assert document["rejected"][0]["reason"] == "Too large."
    assert sorted(row.id for row in bench.store.of_devices) == ["a", "c"]
    bench.store.unstored = [[Unstored(0, "Busy.")]] * 4
    assert bench.send(event("d"))[0] == 503


def test_the_writer_keeps_the_first_event_of_an_identity() -> None:
    bench = Bench("writer")
    assert bench.send(event("a"))[1]["accepted"] == 1
    status, document = bench.send(event("b"), event("a", {"temperature": 90.0}), event("a"))
    assert (status, document["accepted"]) == (200, 2)
    assert document["rejected"] == [{"index": 1, "id": "a", "reason": CONFLICT, "kept": True}]
    (letter,) = decode(bench.dead.bodies[0])
    assert letter.event is not None
    assert (letter.reason, letter.event["data"]) == (CONFLICT, {"temperature": 90.0})
    assert {(row.id, row.data) for row in bench.store.of_devices} == {
        ("a", '{"temperature":21.5}'),
        ("b", '{"temperature":21.5}'),
    }


def test_a_feedback_of_an_unknown_device_is_refused_and_the_rest_goes_on() -> None:
    bench = Bench("event_feedback")
    bench.broker.unknown = {"thermostat-2"}
    document = bench.send(command("c1", "thermostat-2"), command("c2"))[1]
    assert (document["accepted"], len(document["rejected"])) == (1, 1)
    assert [device for device, _ in bench.broker.sent] == ["thermostat-1"]


def test_a_command_that_was_sent_is_not_sent_again_with_the_rest() -> None:
    bench = Bench("event_feedback")
    bench.broker.away = {"thermostat-2"}
    commands = [command("c1"), command("c2", "thermostat-2")]
    assert bench.send(*commands)[0] == 200
    bench.broker.away = set()
    assert bench.send(*commands)[0] == 200
    assert [device for device, _ in bench.broker.sent] == ["thermostat-1", "thermostat-2"]


def test_a_device_that_is_away_does_not_hold_up_the_commands_of_others() -> None:
    bench = Bench("event_feedback")
    bench.broker.away = {"thermostat-2"}
    status, document = bench.send(command("c1", "thermostat-2"), command("c2"))
    assert (status, document["accepted"]) == (200, 1)
    (entry,) = document["rejected"]
    assert entry == {"index": 0, "id": "c1", "reason": "The device is away.", "retry": True}
    assert [device for device, _ in bench.broker.sent] == ["thermostat-1"]
    assert bench.dead.bodies == [], "the sender keeps it"
    assert bench.send(command("c3", "thermostat-2"))[0] == 503, "nothing was taken: try the request again"


@pytest.mark.parametrize("role", ["event_feedback", "ingestion", "writer"])
def test_a_receiver_whose_keys_took_its_time_begins_nothing(role: str) -> None:
    bench = Bench(role)
    bench.role._budget = Budget(0.0)
    assert bench.send(command("c1") if role == "event_feedback" else event("e1"))[0] == 503
    assert bench.broker.sent == bench.dead.bodies == []


def test_a_feedback_that_takes_long_answers_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin_runtime.functions.event_feedback.over", lambda _: True)
    bench = Bench("event_feedback")
    assert bench.send(command("c1"))[0] == 503
    assert bench.broker.sent == []


def test_another_spelling_of_the_same_signature_is_not_accepted() -> None:
    bench = Bench()
    request = signed(batch(*bench.good))
    text = request.headers["webhook-signature"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    # The last letter before the padding carries two bits that no byte of the digest needs.
    other = letters[letters.index(text[-2]) ^ 1]
    headers = {**request.headers, "webhook-signature": f"{text[:-2]}{other}="}
    assert bench.role.handle(Request("POST", headers, request.body)).status == 401


def mutate(request: Request, chance: random.Random) -> Request:
    """One change that a good request does not survive."""
    headers, body, method = dict(request.headers), bytearray(request.body), request.method
    what = chance.randrange(6)
    if what == 0:
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    elif what == 1:
        del body[chance.randrange(len(body)) :]
    elif what == 2:
        body.insert(chance.randrange(len(body)), chance.randrange(256))
    elif what == 3:
        del headers[chance.choice(sorted(headers))]
    elif what == 4:
        name = chance.choice(["webhook-id", "webhook-timestamp", "webhook-signature", "X-Api-Key"])
        text = list(headers[name])
        place = chance.randrange(len(text))
        text[place] = chr((ord(text[place]) + chance.randrange(1, 90)) % 0x2FF)
        headers[name] = "".join(text)
    else:
        method = chance.choice(["GET", "PUT", "TRACE", "\0", "POST "])
    return Request(method, headers, bytes(body))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gzip", [False, True])
def test_mutated_requests_are_neither_accepted_nor_an_error_of_ours(kind: str, gzip: bool) -> None:
    bench = Bench(kind)
    body = batch(*bench.good)
    if gzip:
        request = signed(zlib.compress(body, wbits=31), at=bench.now, headers={"Content-Encoding": "gzip"})
    else:
        request = signed(body, at=bench.now)
    chance = random.Random(2)
    for _ in range(500):
        mutated = mutate(request, chance)
        response = bench.role.handle(mutated)
        assert 400 <= response.status < 500, mutated
        answered(response)
    assert bench.durable() == 0


@bounded
@given(st.binary(max_size=300), st.sampled_from(KINDS), st.booleans())
def test_any_authentic_body_is_answered_without_an_error_of_ours(body: bytes, kind: str, gzip: bool) -> None:
    bench = Bench(kind)
    headers = {"Content-Encoding": "gzip"} if gzip else None
    assert answered(bench.role.handle(signed(body, headers=headers)))[0] in (200, 400)
    assert bench.durable() == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@bounded
@given(
    st.sampled_from(KINDS), st.dictionaries(st.sampled_from(sorted(cloudevents.ATTRIBUTES)), JSON, min_size=1)
)
def test_authentic_events_of_any_shape(kind: str, change: dict[str, Any]) -> None:
    bench = Bench(kind)
    status, document = bench.send(bench.good[0] | change, bench.good[1])
    assert status == 200
    assert document["accepted"] + len(document["rejected"]) == 2
    assert bench.durable() == document["accepted"]
    assert len(bench.dead.bodies) == len(document["rejected"])


def test_logs_hold_no_secret_and_no_payload() -> None:
    bench = Bench()
    bench.send(event(data={"t": "private-value"}))
    bench.send(event(data={"t": "private-value"}), keys=[KEY_2])
    bench.send({"id": "x", "data": "private-value"})
    text = "".join(bench.lines.lines)
    assert not any(word in text for word in ("private-value", KEY_1, KEY_2, API_KEY, "v1,"))
