"""The function apps, as the host indexes and calls them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import zipfile
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure.functions.decorators.function_app import FunctionApp

from support.layouts import Layout, twin_config
from twin_azure import triggers
from twin_azure.entry import app_of
from twin_azure.triggers import Once
from twin_runtime.deadlines import AGAIN_AFTER_S, Limits
from twin_runtime.errors import Retry
from twin_runtime.ports import MAX_DELIVERIES, Message, Request, Response
from twin_runtime.roles import ROLES, SCHEDULES, Cloud, Role, Trigger, roles_of
from twinspan import packaging
from twinspan.azure.functions import PYTHON
from twinspan.sizing import MAX_RECEIVES, at_once

ROOT = packaging.SOURCE / "twin_azure" / "root"
HTTP = ("ingestion", "writer", "hot_reader", "cold_writer", "archive_writer", "twin_reader")
ROLES_HERE = roles_of(Cloud.AZURE)
QUEUE_TRIGGERED = [Role.CONNECTOR, Role.PROCESSOR, Role.PERSISTER, Role.EVENT_CHECKER]


def function(app: FunctionApp) -> Any:
    app.functions_bindings = None  # an app can be indexed once
    (found,) = app.get_functions()
    return found


def bindings(app: FunctionApp) -> list[dict[str, Any]]:
    return json.loads(function(app).get_function_json())["bindings"]


@pytest.mark.parametrize("role", [role for role in ROLES_HERE if role not in SCHEDULES])
def test_an_app_has_its_role_s_function_and_no_other(role: Role) -> None:
    # The event subscription names the function by the role: `<app>/functions/dispatcher`.
    assert function(app_of(role)).get_function_name() == role


@pytest.mark.parametrize("role", QUEUE_TRIGGERED)
def test_a_queue_s_consumer(role: Role) -> None:
    (trigger,) = bindings(app_of(role))
    assert trigger["type"] == "queueTrigger"
    assert (trigger["queueName"], trigger["connection"]) == ("%TRIGGER_QUEUE%", "QUEUES")


@pytest.mark.parametrize("role", [Role(role) for role in HTTP])
def test_a_receiver(role: Role) -> None:
    trigger, answer = bindings(app_of(role))
    assert trigger["type"] == "httpTrigger"
    assert trigger["name"] == "request"
    assert trigger["route"] == role
    # Key and signature are checked by the function itself.
    assert trigger["authLevel"].lower() == "anonymous"
    assert (answer["type"], answer["name"]) == ("http", "$return")


def test_the_dispatcher_is_called_by_event_grid() -> None:
    (trigger,) = bindings(app_of(Role.DISPATCHER))
    assert trigger["type"] == "eventGridTrigger"


@pytest.mark.parametrize(("queue", "kind"), [("factory-commands", "queueTrigger"), ("", "httpTrigger")])
def test_feedback_is_triggered_by_its_variant(queue: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIGGER_QUEUE", queue)
    assert bindings(app_of(Role.EVENT_FEEDBACK))[0]["type"] == kind


class TestFunctionApp:
    def run(self, folder: Path, role: str) -> subprocess.CompletedProcess[str]:
        code = "import function_app; print([f.get_function_name() for f in function_app.app.get_functions()])"
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env={"TWIN_ROLE": role, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )

    @pytest.fixture
    def unpacked(self, tmp_path: Path) -> Path:
        config = twin_config(Layout(Cloud.AZURE, Cloud.AZURE, Cloud.AZURE))
        package = packaging.build(config, Cloud.AZURE, tmp_path)
        folder = tmp_path / "site"
        zipfile.ZipFile(package.path).extractall(folder)
        return folder

    def test_the_package_loads_the_role_of_the_environment(self, unpacked: Path) -> None:
        assert {"function_app.py", "host.json", "requirements.txt", "twin.json"} <= {
            p.name for p in unpacked.iterdir()
        }
        assert "['writer']" in self.run(unpacked, "writer").stdout

    def test_an_unknown_role_is_said(self, unpacked: Path) -> None:
        assert "TWIN_ROLE is 'reader'; it must be one of dispatcher," in self.run(unpacked, "reader").stderr


class Handler:
    """Takes the place of a role's object."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.taken: list[Any] = []

    def handle(self, taken: Any, **_: object) -> Any:
        self.taken.append(taken)
        return self.answer


def call(app: FunctionApp, argument: Any) -> Any:
    return function(app).get_user_function()(argument)


def test_a_message_reaches_the_role_with_its_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(func.QueueMessage, "dequeue_count", property(lambda _: 3))
    role: Any = Handler(answer=[])
    call(
        triggers.queue_app(Limits(Role.PROCESSOR, Cloud.AZURE), Once(lambda: role)),
        func.QueueMessage(id="m1", body=b"[]"),
    )
    assert role.taken == [[Message("m1", b"[]", 3)]]


def test_a_message_that_is_not_done_is_an_error_of_the_function() -> None:
    role: Any = Handler(answer=["m1"])
    with pytest.raises(triggers.DeliverAgain):
        call(
            triggers.queue_app(Limits(Role.PROCESSOR, Cloud.AZURE), Once(lambda: role)),
            func.QueueMessage(id="m1", body=b"[]"),
        )


def test_messages_side_by_side_are_one_batch_and_each_has_its_own_outcome() -> None:
    class Picky(Handler):
        def handle(self, taken: list[Message], **_: object) -> list[str]:
            self.taken.append(len(taken))
            return [message.id for message in taken if message.body == b"[1]"]

    role: Any = Picky()
    run = function(
        triggers.queue_app(Limits(Role.PERSISTER, Cloud.AZURE), Once(lambda: role), together=True)
    ).get_user_function()
    # The same message may be handed over twice at a time.
    messages = [func.QueueMessage(id="m", body=f"[{number}]".encode()) for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        failures = [future.exception() for future in [pool.submit(run, each) for each in messages]]
    assert [type(failure) for failure in failures] == [type(None), triggers.DeliverAgain, type(None)]
    assert role.taken == [3]


@pytest.mark.parametrize("role", [Role.CONNECTOR, Role.PERSISTER])
def test_what_crosses_to_another_service_goes_in_batches(role: Role) -> None:
    # As on Google Cloud: a message of one event each would make a request of each.
    code = function(app_of(role)).get_user_function().__closure__
    assert any(type(cell.cell_contents).__name__ == "Coalescer" for cell in code)


def test_the_sdks_do_not_log_their_calls() -> None:
    for name in ("azure.core.pipeline.policies.http_logging_policy", "azure.identity", "azure.cosmos"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
        assert logging.getLogger(name).isEnabledFor(logging.WARNING)


def test_a_request_and_its_answer_pass_unchanged() -> None:
    role: Any = Handler(
        answer=Response(202, b'{"accepted":1}', {"content-type": "application/json", "retry-after": "2"})
    )
    request = func.HttpRequest(
        method="GET",
        url="https://factory.example/hot_reader?device=a%2Bb&x=1&x=2&empty=",
        headers={"X-Api-Key": "k"},
        params={},
        body=b"raw \xff" * 600_000,
    )
    answer = call(triggers.http_app("hot_reader", Once(lambda: role)), request)
    (taken,) = role.taken
    assert isinstance(taken, Request)
    assert (taken.method, taken.body, taken.header("x-api-key")) == ("GET", b"raw \xff" * 600_000, "k")
    assert taken.query == {"device": "a+b", "x": ["1", "2"], "empty": ""}
    assert (answer.status_code, answer.get_body(), answer.mimetype) == (
        202,
        b'{"accepted":1}',
        "application/json",
    )
    assert answer.headers["retry-after"] == "2"


def test_an_event_reaches_the_dispatcher() -> None:
    role: Any = Handler()
    event = func.EventGridEvent(
        id="e",
        data={"systemProperties": {"iothub-connection-device-id": "t1"}, "body": b64encode(b"{}").decode()},
        topic="hub",
        subject="devices/t1",
        event_type="Microsoft.Devices.DeviceTelemetry",
        event_time=datetime(2024, 2, 29, tzinfo=UTC),
        data_version="",
    )
    call(triggers.event_grid_app(Limits(Role.DISPATCHER, Cloud.AZURE), Once(lambda: role)), event)
    ((message,),) = role.taken
    assert (message.device, message.body, message.received) == ("t1", b"{}", "2024-02-29T00:00:00+00:00")


def test_the_events_of_a_batch_are_dispatched_as_one_and_fail_as_one() -> None:
    class Failing(Handler):
        def handle(self, taken: list[Any], **_: object) -> None:
            self.taken.append(len(taken))
            raise Retry("The queue failed.")

    role: Any = Failing()
    run = function(
        triggers.event_grid_app(Limits(Role.DISPATCHER, Cloud.AZURE), Once(lambda: role))
    ).get_user_function()
    data = {"systemProperties": {"iothub-connection-device-id": "t1"}, "body": ""}
    event = func.EventGridEvent(
        id="e", data=data, topic="", subject="", event_type="", event_time=None, data_version=""
    )
    with ThreadPoolExecutor(4) as pool:
        failures = [future.exception() for future in [pool.submit(run, event) for _ in range(4)]]
    assert role.taken == [4]
    assert all(isinstance(failure, Retry) for failure in failures)


def test_a_role_is_put_together_once() -> None:
    made: list[Any] = []
    app = triggers.http_app(
        Role.WRITER, Once(lambda: made.append(Handler(Response(200, b"{}", {}))) or made[-1])
    )
    for _ in range(3):
        call(app, func.HttpRequest(method="POST", url="https://h/writer", body=b""))
    assert len(made) == 1


class TestHost:
    host = json.loads((ROOT / "host.json").read_text())

    def test_a_message_is_given_up_after_the_twin_s_number_of_deliveries(self) -> None:
        # maxDequeueCount: Microsoft's documentation, functions-bindings-storage-queue, host.json settings
        assert self.host["extensions"]["queues"]["maxDequeueCount"] == MAX_RECEIVES

    def test_queue_settings_are_within_the_host_s_bounds(self) -> None:
        # The same page: batchSize at most 32, newBatchThreshold, encodings base64 and none.
        queues = self.host["extensions"]["queues"]
        assert 1 <= queues["batchSize"] <= 32
        assert queues["messageEncoding"] in ("base64", "none")

    def test_no_message_waits_for_a_thread_in_its_own_time(self) -> None:
        # A function that is not done in its time-out ends with its process, and all else that this one does.
        queues = self.host["extensions"]["queues"]
        threads = at_once(Role.PERSISTER, Cloud.AZURE, Trigger.QUEUE)
        assert queues["batchSize"] + queues["newBatchThreshold"] <= threads

    def test_a_message_waits_for_hours_before_it_is_given_up(self) -> None:
        # For a receiver in another cloud that is down, or for `links`. As long as on AWS.
        hours, minutes, seconds = map(int, self.host["extensions"]["queues"]["visibilityTimeout"].split(":"))
        pause = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        assert pause == timedelta(seconds=AGAIN_AFTER_S)
        assert pause * (MAX_DELIVERIES - 1) >= timedelta(hours=4)

    def test_no_trace_is_left_out_of_the_logs_that_alarms_read(self) -> None:
        sampling = self.host["logging"]["applicationInsights"]["samplingSettings"]
        assert {"Trace", "Exception"} <= set(sampling["excludedTypes"].split(";"))
        assert self.host["logging"]["logLevel"]["Function"] == "Information"

    def test_receivers_are_found_at_their_role(self) -> None:
        assert self.host["extensions"]["http"]["routePrefix"] == ""

    def test_a_function_s_own_time_is_shorter_than_the_time_of_its_app(self) -> None:
        # Flex Consumption has no upper bound; a message is hidden for 10 minutes while it is worked on.
        assert max(ROLES[role].timeout_s for role in QUEUE_TRIGGERED) < 600

    def test_the_library_is_of_the_line_for_the_apps_python(self) -> None:
        """azure-functions 1 asks for a Python below 3.13, and 2 for 3.13 or newer: with the other one the
        remote build installs nothing.
        """
        lines = (ROOT / "requirements.txt").read_text().split()
        (pinned,) = (line.partition("==")[2] for line in lines if line.startswith("azure-functions=="))
        newer = tuple(map(int, PYTHON.split("."))) >= (3, 13)
        assert pinned.partition(".")[0] == ("2" if newer else "1")

    def test_requirements_are_pinned(self) -> None:
        lines = (ROOT / "requirements.txt").read_text().split()
        assert all(line.count("==") == 1 for line in lines)
        assert [line.partition("==")[0] for line in lines] == sorted(
            line.partition("==")[0] for line in lines
        )
