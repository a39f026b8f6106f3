"""Ten thousand readings over remote links, and what goes wrong there: each is stored once, or dead-lettered
with a reason.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from end_to_end import fleet
from end_to_end.fleet import Fleet
from local_cloud.certificates import Certificate
from local_cloud.cloud import LocalCloud, Options
from local_cloud.operator import Operator
from simulator import clients
from support.layouts import Layout, config_of
from support.local import HASTEN, local_twin, until
from support.proxy import Answer, Cut, Exchange, Proxy, at_random
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]

AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
LAYOUT = Layout(GCP, AZURE, GCP)
"""Two remote links: connector on Google Cloud to Azure, persister on Azure to Google Cloud."""
READINGS = 10_000
PATIENCE_S = 300
CLOCK = "LOCAL_CLOUD_CLOCK_OFFSET_S"
Between = Callable[[str, str], str]


class Scene:
    """A twin that is up, its fleet, and what can be asked of both."""

    def __init__(self, twin: LocalCloud, folder: Path, layout: Layout) -> None:
        self.twin = twin
        self.fleet = Fleet.at(twin)
        self._folder = folder
        self._data = fleet.twin(layout)

    def function(self, role: str) -> Any:
        """The process of a role."""
        for cloud in self.twin.clouds.values():
            found = getattr(cloud, "functions", {}).get(role)
            if found is not None:
                return found
        raise KeyError(role)

    def dead_letters(self) -> list[dict[str, Any]]:
        twin_file = self._folder / "twin.yaml"
        twin_file.write_text(json.dumps(self._data))
        return Operator.of(self.twin, twin_file, self._folder).dead_letters()

    def settle(self, wanted: int | None = None) -> None:
        """Wait until as many rows are there as were sent, or none comes any more."""
        wanted, seen, since = wanted or len(self.fleet.sent), -1, time.monotonic()
        until_ = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_:
            count = len(self.twin.rows())
            if count >= wanted:
                return
            if count != seen:
                seen, since = count, time.monotonic()
            if time.monotonic() - since > PATIENCE_S / 3:
                return
            time.sleep(4)  # counting ten thousand rows is work for the store as well

    def check(self, record: Callable[[str, object], None], *, dead: int = 0) -> list[dict[str, Any]]:
        """sent = stored + dead-lettered, no row twice, a reason on each dead letter; returns the letters."""
        rows, letters = fleet.stored(self.twin), self.dead_letters()
        lost = self.fleet.sent - set(rows) - {(each.get("device"), each.get("event_id")) for each in letters}
        figures = {
            "sent": len(self.fleet.sent),
            "stored": len(set(rows)),
            "duplicates": len(rows) - len(set(rows)),
            "dead-lettered": len(letters),
            "lost": len(lost),
        }
        for name, value in figures.items():
            record(name, value)
        assert not lost, f"{figures}: {sorted(lost)[:5]}"
        assert len(rows) == len(set(rows)), figures
        assert set(rows) <= self.fleet.sent
        assert all(letter["reason"] for letter in letters)
        assert len(letters) == dead, Counter(letter["reason"] for letter in letters)
        return letters


@contextmanager
def scene(folder: Path, *, layout: Layout = LAYOUT, links: bool = True, **options: Any) -> Iterator[Scene]:
    with local_twin(
        config_of(fleet.twin(layout)), folder, options=Options(hasten=HASTEN, **options), links=links
    ) as twin:
        yield Scene(twin, folder, layout)


@contextmanager
def proxies(folder: Path, **fates: Any) -> Iterator[tuple[Between, dict[str, Proxy]]]:
    """For `Options.between`: a proxy per link, all with the same fates, or with those of `fates[link]`."""
    made: dict[str, Proxy] = {}

    def between(link: str, url: str) -> str:
        if link not in made:
            own = fates.get(link, fates)
            made[link] = Proxy(url, trust=folder / "certificates" / "ca.pem", **own)
        return made[link].url

    try:
        yield between, made
    finally:
        for proxy in made.values():
            proxy.close()


def test_a_receiver_is_down_for_half_a_minute(tmp_path: Path, record_property: Any) -> None:
    with scene(tmp_path) as at:
        at.fleet.send(READINGS // 5)
        for role in ("ingestion", "writer"):
            at.function(role).kill()
        at.fleet.send(READINGS * 4 // 5)
        time.sleep(30)
        for role in ("ingestion", "writer"):
            at.function(role).restart()
        at.settle()
        at.check(record_property)


@pytest.mark.parametrize("layout", [LAYOUT, Layout(GCP, AWS, AZURE)], ids=str)
def test_a_fifth_of_the_calls_fails(layout: Layout, tmp_path: Path, record_property: Any) -> None:
    before = at_random(
        0.15,
        lambda: Answer(500),
        lambda: Answer(429, {"retry-after": "1"}),
        lambda: Cut(),
        lambda: Cut(seconds=20),
    )
    # Half of the lost answers are those of requests that were carried out.
    after = at_random(0.05, lambda: Cut(), lambda: Answer(503), seed=2)
    with (
        proxies(tmp_path, before=before, after=after) as (between, made),
        scene(tmp_path, layout=layout, between=between) as at,
    ):
        at.fleet.send(READINGS)
        at.settle()
        at.check(record_property)
        failed = sum(
            count for each in made.values() for name, count in each.counts.items() if name != "requests"
        )
        requests = sum(each.counts["requests"] for each in made.values())
        record_property("requests", f"{requests}, {failed} of them failed")
        assert failed > requests / 10


def test_every_message_is_delivered_twice_in_any_order(tmp_path: Path, record_property: Any) -> None:
    with scene(tmp_path) as at:
        at.fleet.send(READINGS, copies=2, shuffled=True)
        at.settle()
        at.check(record_property)


def test_a_process_dies_between_store_and_acknowledgement(tmp_path: Path, record_property: Any) -> None:
    deaths: list[str] = []
    scenes: list[Scene] = []
    lock = threading.Lock()

    def killed(role: str) -> Callable[[Exchange], None]:
        def after(exchange: Exchange) -> None:
            with lock:
                if exchange.number % 25 or not scenes:
                    return
                deaths.append(role)
                # The receiver has answered, and the sender will never know.
                scenes[0].function(role).kill()
                threading.Thread(target=scenes[0].function(role).restart).start()
            raise Cut

        return after

    fates = {"telemetry": {"after": killed("connector")}, "write": {"after": killed("persister")}}
    with proxies(tmp_path, **fates) as (between, _), scene(tmp_path, between=between) as at:
        scenes.append(at)
        at.fleet.send(READINGS)
        at.settle()
        scenes.clear()
        at.check(record_property)
        record_property("processes killed", len(deaths))
        assert set(deaths) == {"connector", "persister"}


def test_the_links_are_applied_after_the_first_thousand(tmp_path: Path, record_property: Any) -> None:
    with scene(tmp_path, links=False) as at:
        at.fleet.send(1_000)
        time.sleep(5)
        assert at.twin.rows() == []
        at.twin.link()
        at.fleet.send(READINGS - 1_000)
        at.settle()
        at.check(record_property)


def test_keys_rotate_in_mid_stream(tmp_path: Path, record_property: Any) -> None:
    with proxies(tmp_path) as (between, made), scene(tmp_path, between=between) as at:
        sending = threading.Thread(target=lambda: [at.fleet.send(READINGS // 20) for _ in range(20)])
        sending.start()
        at.twin.rotate(2)
        time.sleep(2)
        at.twin.rotate(3)
        sending.join()
        at.settle()
        at.check(record_property)
        record_property("requests", sum(each.counts["requests"] for each in made.values()))


def test_only_poison_is_dead_lettered(tmp_path: Path, record_property: Any) -> None:
    poison = [
        b"not json",
        b"[1, 2",
        b'{"id": "x", "time": "yesterday", "data": {"temperature": 1}}',
        b'{"temperature": NaN}',
        b"\xff\xfe",
        b"[]" * 10,
    ]
    with scene(tmp_path) as at:
        at.fleet.send(READINGS // 2)
        with clients.connect(at.fleet.where, fleet.DEVICES[0]) as client:
            for body in poison:
                client.send(body)
            client.send_as(fleet.DEVICES[1], b'{"temperature": 1}')
        at.fleet.send(READINGS // 2)
        at.settle()
        wanted = len(poison) + 1
        assert until(lambda: len(at.dead_letters()) >= wanted, seconds=60, every=2)
        at.check(record_property, dead=wanted)


@pytest.mark.parametrize(("minutes", "refused"), [(4, False), (6, True), (-4, False), (-6, True)])
def test_a_sender_s_clock_is_off(minutes: int, refused: bool, tmp_path: Path, record_property: Any) -> None:
    with proxies(tmp_path) as (between, made), scene(tmp_path, between=between) as at:
        at.function("persister").restart({CLOCK: str(minutes * 60)})
        at.fleet.send(READINGS)
        if refused:
            assert until(lambda: made["write"].counts["requests"] > 3, seconds=60)
            assert at.twin.rows() == []
            at.function("persister").restart()
        at.settle()
        at.check(record_property)


def test_the_database_refuses_a_twentieth_of_the_writes(tmp_path: Path, record_property: Any) -> None:
    made: list[Proxy] = []
    certificates = tmp_path / "certificates"

    def through(name: str, port: int) -> int:
        if name != "cosmos":
            return port
        fate = at_random(
            0.05,
            lambda: Answer(429, {"x-ms-retry-after-ms": "50"}),
            lambda: Answer(503),
            lambda: Cut(),
        )
        made.append(
            Proxy(
                f"https://127.0.0.1:{port}",
                trust=certificates / "ca.pem",
                certificate=Certificate(certificates / "azure.crt", certificates / "azure.key"),
                before=fate,
            )
        )
        return made[0].port

    with scene(tmp_path, layout=Layout(GCP, GCP, AZURE), through=through) as at:
        at.fleet.send(READINGS)
        at.settle()
        at.check(record_property)
        refused = sum(count for name, count in made[0].counts.items() if name != "requests")
        record_property("writes", f"{made[0].counts['requests']}, {refused} of them refused")
        assert refused > READINGS / 40
    made[0].close()
