"""Each role is put together from its environment, and an event goes through all of them in one piece."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from support.memory import MemoryCloud
from support.samples import API_KEY, DOCUMENT, KEY_1, Lines, batch, event, message, signed
from twin_runtime import functions, settings, times
from twin_runtime.context import Context
from twin_runtime.errors import ConfigurationError
from twin_runtime.functions.event_feedback import EventFeedback, FeedbackReceiver
from twin_runtime.functions.hot_reader import InTurn
from twin_runtime.ports import BrokerMessage, Request
from twin_runtime.roles import SCHEDULES, Cloud, Role
from twin_runtime.tiers.file_sinks import LocalFiles, RemoteFiles
from twin_runtime.tiers.tier_reader import TierReader


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "twin.json").write_text(json.dumps(DOCUMENT))
    known = {"plugin": {}, "folder": {}, "metrics": {}, "events": {}}
    (tmp_path / "grafana.json").write_text(json.dumps(known))
    return tmp_path


def assembled(name: str, cloud: MemoryCloud, root: Path, *, remote: bool = False, **changes: str) -> Any:
    role = Role(name)
    environ = {name: name.lower() for name in settings.expected(role, cloud.name, remote=remote)}
    if "API_KEY_READS" in environ:
        environ |= {"API_KEY_READS": "true", "COLD_LINK_SECRET": ""}
    environ.pop("API_CLIENTS", None)
    if "TWIN_ROLE" in environ:
        environ["TWIN_ROLE"] = role
    context = Context(role, cloud, environ=environ | changes, root=root, sink=Lines())
    return functions.assemble(context)


@pytest.mark.parametrize("cloud", Cloud)
@pytest.mark.parametrize("role", Role)
def test_every_role_of_every_cloud(role: Role, cloud: Cloud, root: Path) -> None:
    for remote in (False, True):
        made = assembled(role, MemoryCloud(cloud), root, remote=remote)
        assert callable(made.run if role in SCHEDULES else made.handle)


def test_a_hot_reader_lets_nobody_in_who_cannot_be_told(root: Path) -> None:
    for value in ("", "false", "TRUE"):
        with pytest.raises(ConfigurationError, match="API_KEY_READS=true, or LINK_SECRET"):
            assembled("hot_reader", MemoryCloud(), root, API_KEY_READS=value)
    assert assembled("hot_reader", MemoryCloud(), root, remote=True, API_KEY_READS="")


def test_where_a_hot_reader_finds_the_cold_tier(root: Path) -> None:
    def cold(**changes: Any) -> Any:
        return assembled("hot_reader", MemoryCloud(), root, **changes)._cold

    assert isinstance(cold(), TierReader)
    assert isinstance(cold(COLD_STORE="", COLD_LINK_SECRET="l"), InTurn)
    assert cold(COLD_STORE="") is None


def test_where_movers_put_files(root: Path) -> None:
    def sink(role: str, remote: bool) -> Any:
        made = assembled(role, MemoryCloud(), root, remote=remote)
        return made._means.sink if role == "cold_mover" else made._sink

    assert isinstance(sink("cold_mover", False), LocalFiles)
    assert isinstance(sink("cold_mover", True), RemoteFiles)
    assert isinstance(sink("archive_mover", False), RemoteFiles)


@pytest.mark.parametrize("name", Cloud)
def test_a_state_store_keeps_out_the_second_effect_on_every_cloud(root: Path, name: Cloud) -> None:
    cloud = MemoryCloud(name)
    hot = event("a", {"temperature": 81}, at=times.from_epoch(time.time()))
    for attempt in range(1, 51):
        checker = assembled("event_checker", cloud, root)
        assert checker.handle([message(hot, attempt=attempt)]) == []
    assert cloud.workflow("workflow").calls == 1
    assert len(cloud.queue("commands_queue").bodies) == 1
    assert list(cloud.state_stores) == ["state_store"]


def test_feedback_is_received_over_https_in_the_remote_variant(root: Path) -> None:
    def made(*, remote: bool) -> object:
        return assembled("event_feedback", MemoryCloud("gcp"), root, remote=remote)

    assert isinstance(made(remote=True), FeedbackReceiver)
    assert isinstance(made(remote=False), EventFeedback)


def test_from_the_device_to_the_reader_and_back(root: Path) -> None:
    cloud = MemoryCloud("gcp")
    cloud.secret("api_keys_secret").text = json.dumps({"api_keys": [API_KEY]})

    def messages(queue: str) -> Any:
        return cloud.queue(queue).take()

    sent = {"temperature": 99.5, "note": "é"}
    dispatcher = assembled("dispatcher", cloud, root)
    now = times.from_epoch(time.time())
    dispatcher.handle([BrokerMessage("thermostat-1", json.dumps(sent).encode(), now)])
    assert assembled("processor", cloud, root).handle(messages("processing_queue")) == []
    assert assembled("persister", cloud, root).handle(messages("persisting_queue")) == []
    assert assembled("event_checker", cloud, root).handle(messages("events_queue")) == []
    assert assembled("event_feedback", cloud, root).handle(messages("commands_queue")) == []
    ((device, command),) = cloud.broker("broker").sent
    assert (device, command["data"]["value"]) == ("thermostat-1", 20)
    assert len(cloud.workflow("workflow").started) == 1
    reader = assembled("hot_reader", cloud, root)
    response = reader.handle(
        Request("GET", {"X-API-Key": API_KEY}, b"", {"device": "thermostat-1", "latest": "true"})
    )
    (read,) = json.loads(response.body)["events"]
    assert read["data"] == sent
    assert read["traceparent"] == command["traceparent"]
    assert cloud.queue("dead_letter_queue").bodies == []


def test_on_aws_the_gateway_has_checked_the_key(root: Path) -> None:
    cloud = MemoryCloud("aws")
    cloud.secret("link_secret").text = json.dumps({"signing_keys": [KEY_1]})
    ingestion = assembled("ingestion", cloud, root)
    assert ingestion.handle(signed(batch(event()), api_key=None)).status == 200


def test_events_off(root: Path) -> None:
    cloud = MemoryCloud("aws")
    persister = assembled("persister", cloud, root, EVENTS_QUEUE="")
    cloud.queue("persisting_queue").send([json.dumps([event()])])
    assert persister.handle(cloud.queue("persisting_queue").take()) == []
    assert "events_queue" not in cloud.queues
