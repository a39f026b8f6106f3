"""A twin wholly on the local Google Cloud: stack by real Terraform, functions by Google's framework."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from local_cloud.errors import LocalCloudError
from local_cloud.gcp.function import CLOCK_OFFSET
from local_cloud.gcp.rest import call
from local_cloud.processes import listens
from local_cloud.standins import Evaluated
from support.local import arrival
from support.local_gcp import DEVICE, QUIET, Twin, running
from twin_runtime.delivery import dead_letters
from twin_runtime.delivery.dead_letters import DeadLetter
from twin_runtime.ports import MAX_DELIVERIES

pytestmark = [pytest.mark.servers, pytest.mark.terraform]
ROLES = {"dispatcher", "processor", "persister", "hot_reader", "event_checker", "event_feedback"}


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with running(tmp_path_factory.mktemp("gcp")) as twin:
        yield twin


def newest(twin: Twin) -> dict[str, object]:
    _, answer = twin.read(device=DEVICE, latest="true")
    return answer["events"][0]["data"] if answer.get("events") else {}


def letters(twin: Twin, queue: str, count: int = 1) -> list[DeadLetter]:
    """The dead letters of a queue, once there are so many."""
    found: list[DeadLetter] = []

    def enough() -> bool:
        for message in twin.pull(f"{queue}-dead"):
            found.extend(dead_letters.decode(message["data"]))
        return len(found) >= count

    arrival(enough, seconds=60)
    return found


def test_every_function_of_the_stack_runs(twin: Twin) -> None:
    assert set(twin.cloud.functions) == ROLES
    assert all(function.process.running for function in twin.cloud.functions.values())
    assert (twin.endpoint["cloud"], twin.endpoint["twin"]) == ("gcp", "factory")


def test_a_reading_goes_all_the_way_and_is_read_back(twin: Twin) -> None:
    before, began = len(twin.rows()), time.time()
    twin.publish({"temperature": 21.5})
    arrival(lambda: newest(twin) == {"temperature": 21.5})
    rows = twin.rows()
    assert len(rows) == before + 1
    assert {device for device, _ in rows} == {DEVICE}
    logged = [json.loads(line) for _, line in twin.cloud.log_lines(began)]
    traced = {entry["traceparent"]: set[str]() for entry in logged if "traceparent" in entry}
    for entry in logged:
        traced.get(entry.get("traceparent", ""), set()).add(entry["role"])
    assert {"dispatcher", "processor", "persister"} <= next(iter(traced.values()))


def test_the_hot_reader_refuses_another_key(twin: Twin) -> None:
    assert twin.read(key="another", device=DEVICE, latest="true")[0] in (401, 403)


def test_a_rule_fires_a_command_and_the_workflow(twin: Twin) -> None:
    twin.publish({"temperature": 95})
    (message,) = arrival(lambda: twin.pull(f"command-{DEVICE}"))
    command = json.loads(message["data"])
    assert command["type"] == "twinspan.command.v1"
    assert (command["data"]["command"], command["data"]["value"]) == ("set_point", 20)
    (run,) = arrival(twin.cloud.workflow_runs)
    assert (run["argument"]["rule"], run["argument"]["device"]) == ("overheating", DEVICE)
    assert run["argument"]["event"]["data"]["temperature"] == 95
    assert run["state"] == "ACTIVE"


def test_who_is_not_the_device_is_dead_lettered_with_the_reason(twin: Twin) -> None:
    twin.publish({"temperature": 1}, key="0" * 64)
    twin.publish_raw(b'{"temperature": 2}', {"device_id": DEVICE})
    found = letters(twin, "telemetry", 2)
    assert {letter.role for letter in found} == {"dispatcher"}
    assert {letter.reason for letter in found} == {
        "The attribute device_signature is not that of the device.",
        "The attribute device_time is not Unix time in seconds.",
    }


def test_what_waits_for_a_function_that_was_killed_arrives(twin: Twin) -> None:
    persister = twin.cloud.functions["persister"]
    persister.kill()
    assert not listens(persister.port)
    twin.publish({"temperature": 23})
    arrival(lambda: twin.cloud.counters()["factory-persisting"]["backlog"] == 1)
    persister.restart()
    arrival(lambda: newest(twin) == {"temperature": 23})
    assert twin.cloud.counters()["factory-persisting"]["backlog"] == 0


def test_the_clock_of_a_function_can_be_shifted(twin: Twin) -> None:
    dispatcher = twin.cloud.functions["dispatcher"]
    dispatcher.restart({CLOCK_OFFSET: "7200"})
    try:
        twin.publish_raw(b"{}", {})
        (letter,) = letters(twin, "telemetry")
    finally:
        dispatcher.restart()
    assert letter.time is not None
    assert 7_190 < datetime.fromisoformat(letter.time).timestamp() - time.time() < 7_210


def test_a_secret_that_no_stack_made_is_a_mistake(twin: Twin) -> None:
    with pytest.raises(LocalCloudError, match="There is no secret projects/x"):
        twin.cloud.write_secret({"secret": "projects/x/secrets/y", "secret_data": "z"})


def test_a_rotation_writes_the_new_keys(twin: Twin) -> None:
    kind, name = "google_secret_manager_secret_version", "hot_reader_api_keys"
    address = f"{kind}.{name}"
    written = twin.evaluated.resources[address]
    path = f"v1/{written['secret']}/versions/latest:access"
    rotated = {**written, "secret_data": '{"api_keys": ["b", "c"]}'}
    twin.cloud.update(Evaluated({**twin.evaluated.resources, address: rotated}, twin.evaluated.outputs))
    access = call(twin.cloud.ports["secrets"], "GET", path)
    assert base64.b64decode(access["payload"]["data"]).decode() == rotated["secret_data"]
    twin.cloud.update(twin.evaluated)
    assert call(twin.cloud.ports["secrets"], "GET", path)["name"].endswith("/versions/3")


def test_a_function_that_cannot_be_loaded_says_why(twin: Twin) -> None:
    reader = twin.cloud.functions["hot_reader"]
    try:
        with pytest.raises(LocalCloudError, match="TWIN_ROLE is 'nobody'"):
            reader.restart({"TWIN_ROLE": "nobody"})
    finally:
        reader.restart()


def test_the_same_over_googles_emulator_and_everything_ends(tmp_path: Path) -> None:
    """It applies no filter and tells no `deliveryAttempt`; see `local_cloud.gcp.pubsub`."""
    with running(tmp_path, pubsub="google") as twin:
        twin.publish({"temperature": 95})
        arrival(lambda: newest(twin) == {"temperature": 95})
        (message,) = arrival(lambda: twin.pull(f"command-{DEVICE}"))
        assert json.loads(message["data"])["data"]["rule"] == "overheating"
        arrival(twin.cloud.workflow_runs)
        twin.publish({"temperature": 1}, key="0" * 64)
        assert letters(twin, "telemetry")[0].reason.startswith("The attribute device_signature")
        functions = list(twin.cloud.functions.values())
        ports = [*(function.port for function in functions), *twin.cloud.ports.values()]
        assert all(listens(port) for port in ports)
    assert not any(function.process.running for function in functions)
    assert not any(listens(port) for port in ports)


@pytest.fixture(scope="module")
def given_up(twin: Twin) -> Iterator[tuple[DeadLetter, dict[str, Any]]]:
    """What comes out of `events-dead` and `telemetry-dead` when two functions fail at every attempt: the
    event_checker, whose workflow is not there, and the dispatcher, whose secret is not.
    """
    checker, dispatcher = (twin.cloud.functions[role] for role in ("event_checker", "dispatcher"))
    before = twin.cloud.counters()["factory-events"]["delivered"]
    checker.restart({"WORKFLOW": "projects/my-project/locations/europe-west1/workflows/absent"})
    twin.publish({"temperature": 99}, device=QUIET)
    arrival(lambda: twin.cloud.counters()["factory-events"]["delivered"] > before)
    dispatcher.restart({"FLEET_SECRET": "projects/my-project/secrets/absent"})
    twin.publish_raw(b"{}", {"device_id": "lost"})
    (event,) = letters(twin, "events")
    (message,) = arrival(lambda: twin.pull("telemetry-dead"), seconds=60)
    yield event, message
    checker.restart()
    dispatcher.restart()


def test_a_consumer_gives_up_before_its_queue_and_says_why(
    twin: Twin, given_up: tuple[DeadLetter, dict[str, Any]]
) -> None:
    """By `deliveryAttempt`, which the queue tells."""
    letter, _ = given_up
    assert (letter.role, letter.event and letter.event["data"]) == ("event_checker", {"temperature": 99})
    assert "Workflows answered 404." in letter.reason
    counters = arrival(lambda: (c := twin.cloud.counters()["factory-events"])["backlog"] == 0 and c)
    assert counters["delivered"] - counters["acknowledged"] == MAX_DELIVERIES - 1
    assert counters["dead_lettered"] == 0


def test_what_always_fails_is_dead_lettered_by_its_queue(
    twin: Twin, given_up: tuple[DeadLetter, dict[str, Any]]
) -> None:
    """After as many attempts as the stack says."""
    _, letter = given_up
    policy = twin.evaluated.of("google_pubsub_subscription")["telemetry"]["dead_letter_policy"]
    source = letter["attributes"]
    assert source["CloudPubSubDeadLetterSourceDeliveryCount"] == str(policy["max_delivery_attempts"])
    assert source["CloudPubSubDeadLetterSourceSubscription"] == "factory-telemetry"
    assert (letter["data"], source["device_id"]) == (b"{}", "lost")
