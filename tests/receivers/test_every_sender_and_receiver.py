"""The contract of the links: every sender with every receiver, over HTTP, between any two clouds."""

from __future__ import annotations

import functools
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from receivers.links import ENDS, Link, public
from support.deployed import Functions
from support.loopback import listening
from support.samples import API_KEY, DOCUMENT, KEY_2, TWIN, event
from twin_runtime import times
from twin_runtime.errors import Retry, Throttled
from twin_runtime.events.rule_state import MOST_FIRINGS
from twin_runtime.ports import Event
from twin_runtime.roles import Cloud
from twin_runtime.wire import receiver, sender

pytestmark = pytest.mark.matrix

PAIRS = list(product(Cloud, Cloud))
Make = Callable[..., Link]
EXACT: list[Any] = [
    28,
    28.5,
    28.0,
    1e-300,
    -0.0,
    10**40,
    True,
    None,
    "",
    'é \U0001f321 \ud83d "\\\u0000<&>',
    {"a": [1, [2.5, None], {}]},
]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long senders would have waited."""
    waited: list[float] = []
    made = functools.partial(sender.Sender, sleep=waited.append)
    monkeypatch.setattr(sender, "Sender", made)
    return waited


@pytest.fixture(params=ENDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=PAIRS, ids="-to-".join)
def link(
    request: pytest.FixtureRequest, kind: str, functions: Functions, pauses: list[float]
) -> Iterator[Link]:
    with Link(functions, kind, *request.param) as made:
        yield made


def hot(count: int, device: str = "thermostat-1") -> list[Event]:
    """Events on which the rule of the sample twin fires; each carries one of the values of `EXACT`."""
    return [
        event(f"e{n:03}", {"temperature": 81 + n, "x": EXACT[n % len(EXACT)]}, device, times.from_epoch(n))
        for n in range(count)
    ]


def letters(role: Any) -> list[tuple[str, Any]]:
    return [(letter["reason"], letter["event"]["id"]) for letter in role.dead_letters()]


def test_events_arrive_equal_and_in_order(link: Link) -> None:
    count = MOST_FIRINGS if link.kind == "feedback" else 40
    many, one = hot(count), hot(1, "thermostat-2")
    assert link.send(*many)
    assert link.send(*one)
    assert link.arrived() == link.expected(*many, *one)
    assert link.answers() == [{"accepted": count, "rejected": []}, {"accepted": 1, "rejected": []}]
    (packed, _), (plain, _) = link.server.seen
    assert (packed.header("content-encoding"), plain.header("content-encoding")) == ("gzip", None)
    assert len(packed.body) < count * len(plain.body) / 4
    assert len(plain.body) < sender.GZIP_ABOVE
    assert link.sender.dead_letters() == link.receiver.dead_letters() == []


@pytest.mark.parametrize("clouds", PAIRS, ids="-to-".join)
def test_what_the_receiver_refuses_is_in_its_dead_letters(
    clouds: tuple[str, str], kind: str, functions: Functions
) -> None:
    """As while a new device's twin.yaml is applied: one cloud knows it, the other does not yet."""
    devices = {"thermostat-1": "thermostat"}
    with Link(functions, kind, *clouds, twin_of_receiver=DOCUMENT | {"devices": devices}) as link:
        first, stranger, last = hot(1)[0], hot(2, "thermostat-2")[1], hot(3)[2]
        assert link.send(first, stranger, last)
        ((entry,),) = (answer["rejected"] for answer in link.answers())
        assert link.answers()[0]["accepted"] == 2
        # Commands go out device by device.
        assert (entry["index"], entry["kept"]) == (2 if kind == "feedback" else 1, True)
        assert entry["reason"] == "The device is not known to this twin."
        assert letters(link.receiver) == [(entry["reason"], entry["id"])]
        (letter,) = link.receiver.dead_letters()
        assert letter["event"]["source"] == stranger["source"]
        assert link.sender.dead_letters() == []
        assert link.arrived() == link.expected(first, last)


@pytest.mark.parametrize("clouds", PAIRS, ids="-to-".join)
def test_the_command_of_a_device_that_is_away_comes_again_alone(
    clouds: tuple[str, str], functions: Functions
) -> None:
    with Link(functions, "feedback", *clouds) as link:
        broker = link.receiver.memory.broker("BROKER")
        broker.away = {"thermostat-2"}
        away, there = hot(1, "thermostat-2")[0], hot(2)[1]
        assert not link.send(away, there)
        ((entry,),) = (answer["rejected"] for answer in link.answers())
        assert (entry["index"], entry["retry"], entry["reason"]) == (0, True, "The device is away.")
        broker.away = set()
        assert link.send(away, there)
        assert link.arrived() == link.expected(there, away)
        assert link.sender.dead_letters() == link.receiver.dead_letters() == []


@pytest.mark.parametrize("rotated", ["api_key", "signing_keys"])
def test_after_a_rotation_the_sender_reads_its_secret_again(link: Link, rotated: str) -> None:
    before, after = hot(2)
    assert link.send(before)
    if rotated == "api_key":
        link.receiver.admit(api_keys=["next"])
        link.write_secret(api_key="next")
    else:
        link.receiver.admit(signing_keys=[KEY_2])
        link.write_secret(signing_keys=[KEY_2])
    link.restart_receiver()
    assert link.send(after)
    assert link.server.statuses() == [200, 401, 200]
    assert link.sender.memory.secret("LINK_SECRET").fetches == 2
    assert link.arrived() == link.expected(before, after)


def test_without_a_valid_key_the_messages_wait(link: Link) -> None:
    link.write_secret(signing_keys=[KEY_2])
    assert not link.send(*hot(2))
    assert link.server.statuses() == [401, 401]
    assert link.arrived() == []
    assert link.sender.dead_letters() == link.receiver.dead_letters() == []


def test_a_batch_that_is_too_large_is_sent_in_halves(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "MAX_BODY_BYTES", 1_600)
    events = hot(12)
    large = []
    if link.kind != "feedback":  # a command has the length that the rule gives it
        large = [event("large", {"text": "x" * 2_000})]
    assert link.send(*events[:5], *large, *events[5:])
    assert link.arrived() == link.expected(*events)
    assert set(link.server.statuses()) == {200, 413}
    assert letters(link.sender) == [
        ("The receiver answered 413: The body unpacks to more than 1600 bytes.", "large") for _ in large
    ]
    assert link.receiver.dead_letters() == []


@pytest.mark.parametrize(
    ("error", "status", "wait"), [(Throttled("Busy.", after=7.4), 429, 7), (Retry("Down."), 503, 2)]
)
def test_the_sender_waits_as_long_as_it_is_asked_to(
    link: Link, pauses: list[float], error: Exception, status: int, wait: int
) -> None:
    events = hot(3)
    link.obstruct(error, commands=3)
    assert link.send(*events)
    assert link.server.statuses() == [status, 200]
    assert link.server.seen[0][1].headers["retry-after"] == str(wait)
    (pause,) = pauses
    assert wait <= pause <= wait + 0.2
    assert link.arrived() == link.expected(*events)


@pytest.mark.parametrize("clouds", PAIRS, ids="-to-".join)
def test_what_one_cloud_wrote_is_read_from_another(clouds: tuple[str, str], functions: Functions) -> None:
    events = [each for device in ("thermostat-1", "thermostat-2") for each in hot(25, device)]
    with Link(functions, "write", *clouds) as link:
        assert link.send(*events)
        reader = functions.load(clouds[1], "hot_reader", memory=link.receiver.memory)
        with listening(public(reader)) as server:
            found: list[Any] = []
            query = {"device": "thermostat-2", "limit": "10"}
            while True:
                page = read(server.url + reader.path, query)
                found += page["events"]
                if page["cursor"] is None:
                    break
                query["cursor"] = page["cursor"]
            assert json.dumps(found) == json.dumps(events[25:])
            assert len(server.seen) == 3
            assert TWIN.name in found[0]["source"]
            with pytest.raises(urllib.error.HTTPError, match="401"):
                read(server.url + reader.path, query, key="wrong")


def read(url: str, query: dict[str, str], key: str = API_KEY) -> Any:
    request = urllib.request.Request(f"{url}?{urllib.parse.urlencode(query)}", headers={"x-api-key": key})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["content-type"] == "application/json"
        return json.load(answer)
