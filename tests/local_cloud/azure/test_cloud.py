"""A twin wholly on the local Azure: stack by real Terraform, device by Microsoft's client, real adapters."""

from __future__ import annotations

import contextlib
import json
import time
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from local_cloud.azure.storage import Azurite
from local_cloud.errors import LocalCloudError
from local_cloud.processes import Process, Processes, listens
from simulator.errors import NotAcknowledged
from support.local import arrival
from support.local_azure import DEVICE, OTHER, QUIET, Twin, running
from support.servers import is_there
from twin_runtime.delivery import dead_letters
from twin_runtime.delivery.dead_letters import DeadLetter

pytestmark = [
    pytest.mark.servers,
    pytest.mark.terraform,
    pytest.mark.filterwarnings("ignore:Unverified HTTPS request"),
    pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLSv1_2"),
]
ROLES = {"dispatcher", "processor", "persister", "hot_reader", "event_checker", "event_feedback"}
QUEUES = "AzureFunctionsJobHost__extensions__queues__"


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with running(tmp_path_factory.mktemp("azure")) as twin:
        yield twin


def newest(twin: Twin, device: str = DEVICE) -> dict[str, object]:
    _, answer = twin.read(device=device, latest="true")
    return answer["events"][0]["data"] if answer.get("events") else {}


def letters(twin: Twin, queue: str) -> list[DeadLetter]:
    messages = twin.cloud.messages(f"factory-{queue}-poison")
    return [letter for message in messages for letter in dead_letters.decode(message)]


def test_every_function_of_the_stack_runs(twin: Twin) -> None:
    assert set(twin.cloud.functions) == ROLES
    assert all(function.process.running for function in twin.cloud.functions.values())
    assert set(twin.endpoint["ports"]) == {DEVICE, OTHER, QUIET}


def test_a_reading_goes_all_the_way_and_is_read_back(twin: Twin) -> None:
    before, began = len(twin.rows()), time.time()
    twin.send({"temperature": 21.5})
    arrival(lambda: newest(twin) == {"temperature": 21.5})
    rows = twin.rows()
    assert len(rows) == before + 1
    assert {device for device, _ in rows} == {DEVICE}
    logged = [json.loads(line) for _, line in twin.cloud.log_lines(began) if line.startswith("{")]
    traced: dict[str, set[str]] = {}
    for entry in logged:
        traced.setdefault(entry.get("traceparent", ""), set()).add(entry["role"])
    assert any({"dispatcher", "processor", "persister"} <= roles for roles in traced.values())


def test_the_hot_reader_refuses_another_key(twin: Twin) -> None:
    assert twin.read(key="another", device=DEVICE, latest="true")[0] == 401


def test_a_rule_fires_a_direct_method_and_the_workflow(twin: Twin) -> None:
    commands: list[dict[str, object]] = []
    with twin.device(commands=commands) as device:
        device.send(b'{"temperature": 95}')
        arrival(lambda: commands)
    assert commands[0]["type"] == "twinspan.command.v1"
    assert commands[0]["data"]["value"] == 20  # type: ignore[index]
    (run,) = arrival(twin.cloud.workflow_runs)
    assert (run["input"]["rule"], run["input"]["device"]) == ("overheating", DEVICE)
    assert run["input"]["event"]["data"] == {"temperature": 95}


def test_a_command_waits_for_a_device_that_is_offline(twin: Twin) -> None:
    """Its answer 404 with the hub's code 404103 has the command delivered again."""
    commands: list[dict[str, object]] = []
    began = time.time()
    twin.send({"temperature": 96}, OTHER)
    arrival(
        lambda: [line for _, line in twin.cloud.log_lines(began) if "not connected" in line],
    )
    with twin.device(OTHER, commands):
        arrival(lambda: commands)
    assert commands[0]["source"] == f"/twins/factory/devices/{OTHER}"


def test_a_device_cannot_send_as_another(twin: Twin) -> None:
    with twin.device() as device:
        with contextlib.suppress(NotAcknowledged):
            device.send_as(OTHER, b'{"temperature": 66}')
        device.send(b'{"temperature": 22}')
        arrival(lambda: newest(twin) == {"temperature": 22})
    assert newest(twin, OTHER) != {"temperature": 66}


def test_what_is_not_json_is_dead_lettered_with_the_reason(twin: Twin) -> None:
    with twin.device() as device:
        device.send(b"nonsense")
    (letter,) = arrival(lambda: letters(twin, "telemetry"))
    assert (letter.role, letter.device) == ("dispatcher", DEVICE)
    assert b64decode(json.loads(letter.body or "")) == b"nonsense"


def test_what_fails_is_delivered_again_and_moved_by_the_host(twin: Twin) -> None:
    """To the poison queue, after as many deliveries as the host's setting says; it carries no reason then."""
    persister = twin.cloud.functions["persister"]
    store = twin.evaluated.of("azurerm_cosmosdb_account")["store"]["endpoint"]
    persister.restart({"STORE": f"{store}dbs/twin/colls/absent", f"{QUEUES}maxDequeueCount": "3"})
    began = time.time()
    try:
        twin.send({"temperature": 24})
        (letter,) = arrival(lambda: letters(twin, "persisting"))
    finally:
        persister.restart()
    assert letter.reason == dead_letters.MOVED_BY_QUEUE
    assert letter.event is not None
    assert letter.event["data"] == {"temperature": 24}
    lines = [line for _, line in twin.cloud.log_lines(began)]
    assert len([line for line in lines if line.startswith("persister failed")]) == 3
    assert [line for line in lines if "'factory-persisting-poison'" in line]


def test_a_consumer_gives_up_before_the_host_and_says_why(twin: Twin) -> None:
    checker = twin.cloud.functions["event_checker"]
    workflow = twin.evaluated.of("azapi_resource")["workflow"]
    access = workflow["output"]["properties"]["accessEndpoint"]
    checker.restart({"WORKFLOW": f"{access}/triggers/absent/paths/invoke"})
    try:
        twin.send({"temperature": 99}, QUIET)
        (letter,) = arrival(lambda: letters(twin, "events"), seconds=60)
    finally:
        checker.restart()
    assert letter.role == "event_checker"
    assert "The logic app answered 404." in letter.reason


def test_event_grid_writes_what_it_cannot_deliver_into_the_container(twin: Twin) -> None:
    dispatcher = twin.cloud.functions["dispatcher"]
    dispatcher.kill()
    url = (
        f"{twin.evaluated.of('azurerm_storage_account')['twin']['primary_blob_endpoint']}factory-broker-dead"
    )
    storage = twin.cloud.storage
    try:
        twin.send({"temperature": 25})
        container = blobs(storage, url)
        (blob,) = arrival(lambda: list(container.list_blobs()))
        (event,) = json.loads(container.download_blob(blob.name).readall())
    finally:
        dispatcher.restart()
    assert blob.name.startswith("DISPATCHER/")
    assert event["deadLetterReason"] == "TimeToLiveExceeded"
    assert event["deliveryAttempts"] > 1
    assert event["data"]["body"] == {"temperature": 25}
    assert event["data"]["systemProperties"]["iothub-connection-device-id"] == DEVICE


def blobs(storage: Azurite, url: str) -> ContainerClient:
    account, name = url.split("/")[-2:]
    return storage.blobs(account).get_container_client(name)


def test_what_waits_for_a_function_that_was_killed_arrives(twin: Twin) -> None:
    processor = twin.cloud.functions["processor"]
    processor.kill()
    twin.send({"temperature": 23})
    arrival(lambda: twin.cloud.messages("factory-processing"))
    assert newest(twin) != {"temperature": 23}
    processor.restart()
    arrival(lambda: newest(twin) == {"temperature": 23})


def test_the_clock_of_a_function_can_be_shifted(twin: Twin) -> None:
    dispatcher = twin.cloud.functions["dispatcher"]
    before = len(letters(twin, "telemetry"))
    dispatcher.restart({"LOCAL_CLOUD_CLOCK_OFFSET_S": "7200"})
    try:
        with twin.device() as device:
            device.send(b"nothing")
        arrival(lambda: len(letters(twin, "telemetry")) > before)
    finally:
        dispatcher.restart()
    letter = letters(twin, "telemetry")[-1]
    assert letter.time is not None
    assert 7_100 < datetime.fromisoformat(letter.time).timestamp() - time.time() < 7_210


def test_a_rotated_key_is_taken(twin: Twin) -> None:
    secret = twin.evaluated.of("azurerm_key_vault_secret")["hot_reader_api_keys"]
    try:
        twin.cloud.write_secret({**secret, "value": json.dumps({"api_keys": ["new-key"]})})
        arrival(lambda: twin.read(key="new-key", device=DEVICE, latest="true")[0] == 200)
    finally:
        twin.cloud.write_secret(secret)


def test_an_operator_reaches_what_the_functions_do(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the credentials of azure-identity, and its real adapters."""
    for name, value in twin.cloud.operator_environment().items():
        monkeypatch.setenv(name, value)
    from azure.identity import DefaultAzureCredential

    from twin_azure.secrets import VaultSecret

    secret = twin.evaluated.of("azurerm_key_vault_secret")["hot_reader_api_keys"]
    found = VaultSecret.at(secret["versionless_id"], DefaultAzureCredential()).fetch()
    assert found == secret["value"]


def test_an_app_that_cannot_be_loaded_says_why(twin: Twin) -> None:
    reader = twin.cloud.functions["hot_reader"]
    try:
        with pytest.raises(LocalCloudError, match=r"TWIN_ROLE is \S*nobody\S*; it must be one of"):
            reader.restart({"TWIN_ROLE": "nobody"})
    finally:
        reader.restart()


def test_everything_ends(tmp_path: Path) -> None:
    with running(tmp_path) as twin:
        processes = [process.pid for process in _all(twin)]
        ports = list(twin.endpoint["ports"].values())
        assert all(listens(port) for port in ports)
    assert not any(listens(port) for port in ports)
    assert not [pid for pid in processes if is_there(pid)]


def _all(twin: Twin) -> list[Process]:
    processes: Processes = twin.cloud._processes
    assert len(processes._running) >= len(ROLES) + 5  # storage, database, services, mosquitto, bridge
    return list(processes._running)
