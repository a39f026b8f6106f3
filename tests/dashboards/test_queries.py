"""Every query of the dashboards is asked of a real hot_reader over HTTP, as the Infinity data source asks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from support.infinity import Infinity, QueryFailed, time_range
from support.memory import MemorySecret, MemoryStore
from support.samples import log
from twin_runtime import model, times
from twin_runtime.events import cloudevents
from twin_runtime.functions.hot_reader import HotReader
from twin_runtime.ports import Request
from twin_runtime.roles import Cloud
from twin_runtime.storage import rows
from twin_runtime.wire.callers import Callers
from twin_runtime.wire.secret_cache import CachedSecret
from twinspan import datasource, packaging
from twinspan.dashboards import queries

from .grafana_panels import device_names, figure, shown
from .twins import asked_by, boards, config, panel, panels

KEY = "key-of-grafana"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = config(Cloud.AWS)
TWIN = model.parse(json.loads(json.dumps(packaging.manifest(CONFIG))))
BOARDS = boards(CONFIG)
TYPE = BOARDS["factory-type-thermostat"]
DAY = time_range(START - timedelta(hours=1), START + timedelta(hours=23))
ONE = {"device": "thermostat-1", **DAY}


class Reader(ThreadingHTTPServer):
    """hot_reader on loopback, over a store in memory."""

    daemon_threads = True

    def __init__(self) -> None:
        self.store = MemoryStore()
        callers = Callers(CachedSecret(MemorySecret(json.dumps({"api_keys": [KEY]}))))
        self.role = HotReader(twin=TWIN, store=self.store, log=log("hot_reader")[0], callers=callers)
        super().__init__(("127.0.0.1", 0), _Handler)

    def measure(self, device: str, at: datetime, data: dict[str, Any]) -> None:
        event = cloudevents.make(
            cloudevents.TELEMETRY,
            twin=TWIN.name,
            device=device,
            subject=TWIN.devices[device],
            data=data,
            time=times.normalise(at.isoformat()),
            id=f"e{len(self.store.rows)}",
        )
        self.store.put([rows.from_event(event, TWIN, datetime.now(UTC).timestamp())])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hot_reader"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Reader)
        query = dict(parse_qs(urlsplit(self.path).query, True).items())
        answer = server.role.handle(Request("GET", dict(self.headers), b"", query))
        self.send_response(answer.status)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def grafana(reader: Reader, key: str = KEY) -> Infinity:
    """The data source as dashboard_sync writes it."""
    known = datasource.settings(CONFIG, Cloud.AWS)["events"]
    return Infinity(
        reader.url, {**known["jsonData"], "allowedHosts": [reader.url]}, {"httpHeaderValue1": key}
    )


def test_a_metrics_panel_shows_its_values_in_the_order_of_time(reader: Reader) -> None:
    for minute in range(5):
        at = START + timedelta(minutes=minute)
        reader.measure("thermostat-1", at, {"temperature": 20 + minute, "open": minute > 2, "mode": "auto"})
        reader.measure("thermostat-2", at, {"temperature": -1})
    frame = shown(TYPE, panel(TYPE, "temperature"), grafana(reader), ONE)
    minutes = [START + timedelta(minutes=minute) for minute in range(5)]
    assert frame == {
        queries.TIME: ("timestamp", minutes),
        "temperature": ("number", [20.0, 21.0, 22.0, 23.0, 24.0]),
    }
    opened = shown(TYPE, panel(TYPE, "open"), grafana(reader), ONE)
    assert opened["open"] == ("boolean", [False, False, False, True, True])
    assert shown(TYPE, panel(TYPE, "mode"), grafana(reader), ONE)["mode"] == ("string", ["auto"] * 5)


def test_a_metric_that_some_events_lack_has_gaps(reader: Reader) -> None:
    reader.measure("thermostat-1", START, {"temperature": 1})
    reader.measure("thermostat-1", START + timedelta(minutes=1), {"humidity": 2})
    frame = shown(TYPE, panel(TYPE, "temperature"), grafana(reader), ONE)
    assert frame["temperature"] == ("number", [1.0, None])


def test_the_time_range_is_the_dashboards(reader: Reader) -> None:
    for hour in (-2, 0, 30):
        reader.measure("thermostat-1", START + timedelta(hours=hour), {"temperature": hour})
    frame = shown(TYPE, panel(TYPE, "temperature"), grafana(reader), ONE)
    assert frame["temperature"][1] == [0.0]
    assert (
        figure(
            panel(TYPE, "Events", "stat"), shown(TYPE, panel(TYPE, "Events", "stat"), grafana(reader), ONE)
        )
        == 1
    )


def test_the_table_shows_what_the_processor_added(reader: Reader) -> None:
    reader.measure("thermostat-1", START, {"temperature": 1, "dew_point": 0.5})
    table = panel(TYPE, "Events", "table")
    frame = shown(TYPE, table, grafana(reader), ONE)
    assert next(iter(frame)) == queries.TIME
    assert list(frame)[-1] == queries.DATA
    assert json.loads(frame[queries.DATA][1][0]) == {"temperature": 1, "dew_point": 0.5}


def test_pages_are_put_together(reader: Reader) -> None:
    for second in range(2 * queries.PAGE + 1):
        reader.measure("thermostat-1", START + timedelta(seconds=second), {"temperature": second})
    source = grafana(reader)
    frame = shown(TYPE, panel(TYPE, "temperature"), source, ONE)
    assert frame["temperature"][1] == [float(n) for n in range(2 * queries.PAGE + 1)]
    assert len(source.asked) == 3


def test_of_more_than_it_reads_a_panel_shows_the_newest(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the description of the panel says."""
    for second in range(100):
        reader.measure("thermostat-1", START + timedelta(seconds=second), {"temperature": second})
    query = asked_by(TYPE, panel(TYPE, "temperature"))
    small = json.loads(json.dumps(query).replace(f'"{queries.PAGE}"', '"10"'))
    source = grafana(reader)
    frame = source.run(small, ONE)
    assert len(source.asked) == queries.MAX_PAGES + 1 == queries.MOST // queries.PAGE
    assert sorted(frame["temperature"][1]) == [float(n) for n in range(40, 100)]
    assert f"{queries.MOST:,}" in panel(TYPE, "Events", "stat")["description"]


def test_no_event_is_no_error(reader: Reader) -> None:
    for board in BOARDS.values():
        for each in panels(board):
            if each.get("datasource", {}).get("uid") in (datasource.UID, "-- Dashboard --"):
                frame = shown(board, each, grafana(reader), {"device": "thermostat-1", **DAY})
                assert all(values == [] for _, values in frame.values())


def test_a_page_without_events_is_no_error(reader: Reader) -> None:
    """Of the first thousand devices none may have reported, and the cold tier says what it has searched."""
    answers = [
        {"events": [], "cursor": "a"},
        {"events": [event("thermostat-1", 1)], "cursor": "b"},
        {"events": [], "cursor": None},
    ]
    source = grafana(reader)
    source._get = lambda *_: answers.pop(0)  # type: ignore[method-assign]
    frame = shown(TYPE, panel(TYPE, "temperature"), source, ONE)
    assert frame["temperature"] == ("number", [1.0])


def event(device: str, temperature: float) -> dict[str, Any]:
    return {
        "source": f"/twins/factory/devices/{device}",
        "time": "2026-03-01T12:00:00.000000Z",
        "data": {"temperature": temperature},
    }


def test_the_fleet_shows_each_devices_latest(reader: Reader) -> None:
    for number in range(2):
        for minute in range(3):
            at = START + timedelta(minutes=minute + number)
            reader.measure(f"thermostat-{number}", at, {"temperature": 10 * number + minute})
    fleet = BOARDS["factory-fleet"]
    table = panel(fleet, "Latest values of thermostat")
    frame = shown(fleet, table, grafana(reader), DAY)
    assert list(frame)[:3] == [queries.DEVICE, "Newest event", "temperature"]
    assert device_names(table, frame[queries.DEVICE][1]) == ["thermostat-0", "thermostat-1"]
    assert frame["temperature"] == ("number", [2.0, 12.0])
    first, *_ = (p for p in panels(fleet) if p["title"] == "Reporting")
    assert figure(first, shown(fleet, first, grafana(reader), DAY)) == 2
    newest, *_ = (p for p in panels(fleet) if p["title"] == "Newest event")
    assert figure(newest, shown(fleet, newest, grafana(reader), DAY)) == START + timedelta(minutes=3)


def test_operations_tell_how_old_the_newest_event_is(reader: Reader) -> None:
    reader.measure("door-1", START, {"open": True})
    board = BOARDS["factory-operations"]
    newest = panel(board, "Newest door")
    assert figure(newest, shown(board, newest, grafana(reader), DAY)) == START


def test_metrics_may_be_called_like_columns(reader: Reader) -> None:
    (uid,) = (uid for uid in BOARDS if uid.startswith("factory-type-big"))
    (query,) = {id(each): each for p in panels(BOARDS[uid]) if (each := asked_by(BOARDS[uid], p))}.values()
    titles = [column["text"] for column in query["columns"]]
    assert len(set(titles)) == len(titles) == 5


def test_another_key_shows_why(reader: Reader) -> None:
    with pytest.raises(QueryFailed, match="401"):
        shown(TYPE, panel(TYPE, "temperature"), grafana(reader, key="old"), ONE)


def test_the_data_source_sends_its_key_nowhere_else(reader: Reader) -> None:
    source = grafana(reader)
    source.json_data = {**source.json_data, "allowedHosts": ["http://127.0.0.1:1/other"]}
    with pytest.raises(QueryFailed, match="not allowed"):
        shown(TYPE, panel(TYPE, "temperature"), source, ONE)
