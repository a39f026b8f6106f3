"""The MQTT clients against mosquitto, which asks for a client certificate and checks the device's name."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from simulator import clients, endpoint
from simulator.errors import NotAcknowledged, NotConnected
from simulator.faults import OVERSIZED_BYTES, Fault
from simulator.options import Options
from simulator.run import Run
from support.brokers import Mosquitto, mosquitto
from support.fleets import fleet
from support.servers import running

pytestmark = pytest.mark.servers
COMMAND = {"id": "c-1", "subject": "set_point", "data": {"command": "set_point", "value": 20}}
DEVICES = ("d-1", "d-2", "d-3")


@pytest.fixture(scope="module")
def running_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path_factory.mktemp("mosquitto"), *DEVICES) as broker:
        yield broker


@pytest.fixture
def broker(running_broker: Mosquitto) -> Mosquitto:
    running_broker.messages.clear()
    return running_broker


def where(broker: Mosquitto, cloud: str, **more: Any) -> endpoint.Endpoint:
    document = {"cloud": cloud, "twin": "factory", "host": "localhost", "certificates": "."}
    ports = {"port": broker.port} if cloud == "aws" else {"ports": dict.fromkeys(DEVICES, broker.port)}
    return endpoint.parse({**document, "ca_file": "ca.pem", **ports, **more}, {}, folder=broker.folder)


def telemetry_topic(cloud: str, device: str) -> str:
    if cloud == "aws":
        return f"factory/devices/{device}/telemetry"
    return f"devices/{device}/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8"


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_a_message_is_at_the_broker_when_send_returns(broker: Mosquitto, cloud: str) -> None:
    with clients.connect(where(broker, cloud), "d-1") as client:
        for number in range(3):
            client.send(b"[%d]" % number)
    messages = broker.wait(lambda found: len(found) >= 3)
    assert {topic for topic, _ in messages} == {telemetry_topic(cloud, "d-1")}
    assert [body for _, body in messages] == [b"[0]", b"[1]", b"[2]"]


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_what_is_spoofed_goes_under_the_other_name_and_the_device_goes_on(
    broker: Mosquitto, cloud: str
) -> None:
    with clients.connect(where(broker, cloud), "d-1") as client:
        client.send(b"1")
        client.send_as("d-2", b"2")  # mosquitto acknowledges and drops it: MQTT 3.1.1 has no refusal
        client.send(b"3")
    messages = broker.wait(lambda found: len(found) >= 2)
    assert [body for _, body in messages] == [b"1", b"3"]


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_an_oversized_message_is_refused_and_the_device_goes_on(broker: Mosquitto, cloud: str) -> None:
    with clients.connect(where(broker, cloud), "d-1") as client:
        with pytest.raises(NotAcknowledged, match=r"closed the connection|256 KB"):
            client.send(b" " * OVERSIZED_BYTES)
        client.send(b"2")
    assert [body for _, body in broker.wait(lambda found: len(found) >= 1)] == [b"2"]


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_a_certificate_of_another_authority_is_not_let_in(
    broker: Mosquitto, cloud: str, tmp_path: Path
) -> None:
    from local_cloud.certificates import Authority

    Authority(tmp_path).client("d-1")
    with pytest.raises(NotConnected):
        clients.connect(where(broker, cloud, certificates=str(tmp_path)), "d-1", timeout=5)


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_a_broker_of_another_authority_is_not_trusted(broker: Mosquitto, cloud: str, tmp_path: Path) -> None:
    from local_cloud.certificates import Authority

    other = Authority(tmp_path).ca_file
    with pytest.raises(NotConnected):
        clients.connect(where(broker, cloud, ca_file=str(other)), "d-1", timeout=5)


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_a_message_outlasts_a_broker_that_starts_again(cloud: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with mosquitto(tmp_path, "d-1") as broker:
            client = clients.connect(where(broker, cloud), "d-1", timeout=20)
            client.send(b"1")
        sending = pool.submit(client.send, b"2")
        time.sleep(0.5)
        assert not sending.done()
        with running(*broker.command, port=broker.port):
            assert sending.result(30) is None
            client.close()


def test_commands_arrive_also_after_a_new_connection(broker: Mosquitto) -> None:
    heard: list[Any] = []
    with clients.connect(where(broker, "aws"), "d-1") as client:
        client.on_command(heard.append)
        broker.publish("factory/devices/d-1/commands", COMMAND)
        broker.publish("factory/devices/d-2/commands", {"id": "not mine"})
        _until(lambda: heard)
        with pytest.raises(NotAcknowledged):
            client.send(b" " * OVERSIZED_BYTES)
        broker.publish("factory/devices/d-1/commands", {**COMMAND, "id": "c-2"})  # while it is away
        client.send(b"1")
        _until(lambda: len(heard) == 2)
    assert heard == [COMMAND, {**COMMAND, "id": "c-2"}]


def test_a_direct_method_is_a_command_and_is_answered(broker: Mosquitto) -> None:
    heard: list[Any] = []

    def fail_once(command: Any) -> None:
        heard.append(command)
        if len(heard) == 2:
            raise ValueError("stuck")

    with clients.connect(where(broker, "azure"), "d-1") as client:
        client.on_command(fail_once)
        for request in (1, 2):
            broker.publish(f"$iothub/methods/POST/set_point/?$rid={request}", COMMAND)
            _until(lambda request=request: len(heard) == request)
        answers = broker.wait(
            lambda found: sum(topic.startswith("$iothub/methods/res") for topic, _ in found) == 2
        )
    topics = sorted(topic for topic, _ in answers if topic.startswith("$iothub/methods/res"))
    assert topics == ["$iothub/methods/res/200/?$rid=1", "$iothub/methods/res/500/?$rid=2"]
    assert heard == [COMMAND, COMMAND]


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_a_fleet_sends_all_that_it_records(broker: Mosquitto, cloud: str, tmp_path: Path) -> None:
    shares = {Fault.DUPLICATE: 0.1, Fault.SPOOFED: 0.05, Fault.OUT_OF_ORDER: 0.1}
    options = Options(rate=500, count=120, per_message=2, trip=0.1, seed=5, shares=shares)
    report = Run(fleet(3, cloud), where(broker, cloud), options, record=tmp_path / "record").go()
    assert report.good, report.reasons
    assert report.faults["spoofed"] > 0
    lines = [json.loads(line) for line in (tmp_path / "record").read_text().splitlines()]
    expected = sorted(
        (telemetry_topic(cloud, line["device"]), line["id"], json.dumps(line["data"]))
        for line in lines
        if line["fault"] != "spoofed"
    )
    messages = broker.wait(lambda found: sum(len(json.loads(body)) for _, body in found) >= len(expected))
    arrived = sorted(
        (topic, reading["id"], json.dumps(reading["data"]))
        for topic, body in messages
        for reading in json.loads(body)
    )
    assert arrived == expected


def _until(condition: Any) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
