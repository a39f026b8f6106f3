"""The entry points, as the functions framework loads and calls them."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gcp.servers import ROOT, FakeGoogle
from support.samples import API_KEY, DOCUMENT, KEY_1, batch, command, event, signed
from twin_gcp import devices, entry, triggers
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_runtime import context
from twin_runtime.deadlines import Limits
from twin_runtime.errors import Retry
from twin_runtime.log import Log
from twin_runtime.ports import Message, Request, Response
from twin_runtime.roles import Cloud, Role

functions_framework = pytest.importorskip(
    "functions_framework", reason="functions-framework is not installed"
)

TOPICS = "projects/my-project/topics/"
SECRETS = "projects/my-project/secrets/"
DEAD = {"DEAD_LETTER_QUEUE": TOPICS + "dead"}
ENVIRONMENT: dict[str, dict[str, str]] = {
    "dispatcher": {**DEAD, "PROCESSING_QUEUE": TOPICS + "processing", "FLEET_SECRET": SECRETS + "fleet"},
    "connector": {**DEAD, "LINK_SECRET": SECRETS + "link"},
    "ingestion": {
        **DEAD,
        "PROCESSING_QUEUE": TOPICS + "processing",
        "LINK_SECRET": SECRETS + "link",
        "API_KEYS_SECRET": SECRETS + "keys",
    },
    "processor": {**DEAD, "PERSISTING_QUEUE": TOPICS + "persisting"},
    "event_feedback": {**DEAD, "BROKER": TOPICS + "device-commands"},
}
COMMAND = command()
Client = Callable[..., Any]


@pytest.fixture
def client(tmp_path: Path, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A role's test client, with Google's APIs at the fake and twin.json in a folder of its own. Deploys
    `document`.
    """
    endpoints = Endpoints(pubsub=google.url, secrets=google.url, executions=google.url)

    def load(role: str, **document: Any) -> Any:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))  # each twin.json is read once
        folder.mkdir()
        (folder / "twin.json").write_text(json.dumps(DOCUMENT | document))
        for name, value in {"TWIN_ROLE": role, **ENVIRONMENT[role]}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(entry, "GcpCloud", lambda: GcpCloud(endpoints=endpoints))
        monkeypatch.setattr(context, "package_root", lambda: folder)
        main = ROOT / "function_src/twin_gcp/root/main.py"
        return functions_framework.create_app("handle", str(main), "http").test_client()

    return load


def pushed(data: bytes, attempt: int | None = 1, /, **attributes: str) -> dict[str, Any]:
    message = {
        "data": base64.b64encode(data).decode(),
        "messageId": "1",
        "publishTime": "2024-02-29T12:00:00.123Z",
        "attributes": attributes,
    }
    envelope: dict[str, Any] = {
        "message": message,
        "subscription": "projects/my-project/subscriptions/factory-x",
    }
    return envelope if attempt is None else envelope | {"deliveryAttempt": attempt}


def sent(google: FakeGoogle, topic: str) -> list[Any]:
    """What was published: the JSON bodies, when requests went to `topic`."""
    assert any(topic in request for request in google.requests)
    return [json.loads(base64.b64decode(message["data"])) for message in google.messages]


def signed_push(data: bytes, *, key: int = 1) -> dict[str, Any]:
    """A message of thermostat-1, signed with its key of that number."""
    signing = devices.device_key("fleet", "thermostat-1", key)
    return pushed(data, 1, **devices.attributes(signing, "thermostat-1", 1_709_208_010, data))


def test_a_device_s_message_becomes_an_event(client: Client, google: FakeGoogle) -> None:
    google.versions = ["fleet"]
    answer = client("dispatcher").post("/", json=signed_push(b'{"temperature": 21.5}'))
    assert answer.status_code == 204
    ((made,),) = sent(google, "processing")
    assert made["source"] == "/twins/factory/devices/thermostat-1"
    assert made["data"] == {"temperature": 21.5}


def test_the_same_message_again_is_the_same_event(client: Client, google: FakeGoogle) -> None:
    google.versions = ["fleet"]
    dispatcher = client("dispatcher")
    for _ in range(2):
        assert dispatcher.post("/", json=signed_push(b'{"temperature": 21.5}')).status_code == 204
    first, second = sent(google, "processing")
    assert first[0]["id"] == second[0]["id"]


@pytest.mark.parametrize("reading", [b'{"temperature": 95}', b'{"id": 7, "temperature": 95}'])
def test_one_signed_message_published_three_times_is_one_event(
    reading: bytes, client: Client, google: FakeGoogle
) -> None:
    google.versions = ["fleet"]
    dispatcher = client("dispatcher")
    for second in range(3):
        push = signed_push(reading)
        push["message"]["publishTime"] = f"2024-02-29T12:0{second}:00Z"
        assert dispatcher.post("/", json=push).status_code == 204
    events = [made for (made,) in sent(google, "processing")]
    assert {(made["source"], made["id"], made["time"]) for made in events} == {
        (events[0]["source"], events[0]["id"], "2024-02-29T12:00:10.000000Z")
    }
    assert len({made["received"] for made in events}) == 3


def test_a_message_without_a_signature_goes_to_the_dead_letters(client: Client, google: FakeGoogle) -> None:
    google.versions = ["fleet"]
    answer = client("dispatcher").post("/", json=pushed(b'{"temperature": 1}', device_id="thermostat-1"))
    assert answer.status_code == 204
    assert "device_time" in json.dumps(sent(google, "topics/dead"))


def test_an_old_key_is_refused_once_its_number_was_raised_and_deployed(
    client: Client, google: FakeGoogle
) -> None:
    google.versions = ["fleet"]
    first, second = signed_push(b'{"temperature": 1}'), signed_push(b'{"temperature": 2}', key=2)
    client("dispatcher").post("/", json=first)
    client("dispatcher").post("/", json=second)
    before, letter = sent(google, "processing")
    assert before[0]["data"] == {"temperature": 1}
    assert "device_signature" in json.dumps(letter)

    google.messages.clear()
    deployed = client("dispatcher", device_keys={"thermostat-1": 2})
    assert deployed.post("/", json=first).status_code == 204
    assert deployed.post("/", json=second).status_code == 204
    letter, after = sent(google, "processing")
    assert "device_signature" in json.dumps(letter)
    assert after[0]["data"] == {"temperature": 2}


@pytest.mark.parametrize("key", [1, 2])
def test_a_revoked_device_s_messages_are_dropped_whoever_signs(
    client: Client, google: FakeGoogle, key: int, capsys: pytest.CaptureFixture[str]
) -> None:
    google.versions = ["fleet"]
    dispatcher = client("dispatcher", revoked=["thermostat-1"])
    assert dispatcher.post("/", json=signed_push(b'{"temperature": 1}', key=key)).status_code == 204
    assert google.messages == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    revoked, dispatched = (line for line in lines if line["event"] in ("revoked", "dispatched"))
    assert (revoked["severity"], revoked["device"], revoked["messages"]) == ("WARNING", "thermostat-1", 1)
    assert (dispatched["events"], dispatched["refused"], dispatched["revoked"]) == (0, 0, 1)


def test_a_revoked_device_gets_no_command(client: Client, google: FakeGoogle) -> None:
    feedback = client("event_feedback", revoked=["thermostat-1"])
    assert feedback.post("/", json=pushed(batch(COMMAND))).status_code == 204
    assert "The device is revoked." in json.dumps(sent(google, "topics/dead"))
    assert not any("device-commands" in request for request in google.requests)


def test_a_message_waits_while_the_next_queue_fails(client: Client, google: FakeGoogle) -> None:
    google.versions = ["fleet"]
    dispatcher = client("dispatcher")
    google.ahead = [200, 403, 403, 403]
    assert dispatcher.post("/", json=signed_push(b'{"temperature": 1}')).status_code == 503


def test_a_message_waits_while_the_fleet_secret_is_missing(client: Client) -> None:
    assert client("dispatcher").post("/", json=signed_push(b"{}")).status_code == 503


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"message": {"data": "%%"}}', b'{"message": 7}', b"\xff"]
)
def test_what_is_no_push_is_not_acknowledged(client: Client, body: bytes) -> None:
    assert client("dispatcher").post("/", data=body).status_code == 400


def test_a_queue_s_message_is_acknowledged_when_the_next_has_it(client: Client, google: FakeGoogle) -> None:
    processor = client("processor")
    assert processor.post("/", json=pushed(batch(event("e1"), event("e2")))).status_code == 204
    assert [each["id"] for body in sent(google, "persisting") for each in body] == ["e1", "e2"]
    google.ahead = [503] * 3
    assert processor.post("/", json=pushed(batch(event("e3")))).status_code == 503


def test_a_sender_without_its_link_lets_the_message_wait(client: Client) -> None:
    assert client("connector").post("/", json=pushed(batch(event()))).status_code == 503


def test_a_receiver_takes_what_is_signed_and_refuses_the_rest(client: Client, google: FakeGoogle) -> None:
    google.versions = [json.dumps({"signing_keys": [KEY_1], "api_keys": [API_KEY]})]
    ingestion = client("ingestion")
    request = signed(batch(event()))
    answer = ingestion.post("/", data=request.body, headers=dict(request.headers))
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "rejected": []})
    assert len(sent(google, "processing")) == 1
    unsigned = {**request.headers, "webhook-signature": "v1,AAAA"}
    assert ingestion.post("/", data=request.body, headers=unsigned).status_code == 401
    assert ingestion.get("/").status_code == 405


def test_commands_reach_the_device_s_subscription(client: Client, google: FakeGoogle) -> None:
    assert client("event_feedback").post("/", json=pushed(batch(COMMAND))).status_code == 204
    (message,) = google.messages
    assert message["attributes"] == {"device_id": "thermostat-1"}


def test_a_wrong_environment_stops_the_deployment(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "processor", DEAD)
    with pytest.raises(Exception, match="PERSISTING_QUEUE"):
        client("processor").post("/", json=pushed(b"[]"))


def test_messages_that_come_together_are_worked_on_together() -> None:
    calls: list[int] = []

    class Taker:
        def handle(self, messages: list[Message], **_: float) -> list[str]:
            calls.append(len(messages))
            return [each.id for each in messages if each.body == b"bad"]

    class Push:
        def __init__(self, data: bytes) -> None:
            self._body = json.dumps(pushed(data)).encode()
            self.content_length = len(self._body)

        def get_data(self) -> bytes:
            return self._body

    handle = triggers.consumer(Taker(), None, Limits(Role.PERSISTER, Cloud.GCP), together=True)  # type: ignore[arg-type]
    answers: dict[int, int] = {}

    def one(number: int) -> None:
        answers[number] = handle(Push(b"bad" if number == 3 else b"[]"))[1]

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(calls) == 8 and len(calls) < 8
    assert answers == {n: 503 if n == 3 else 204 for n in range(8)}
    assert time.monotonic() - started < 5


class Runs:
    """Takes the place of a role's object."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.fails = fails
        self.taken: list[tuple[int, int, float]] = []

    def run(self, partition: int, partitions: int, *, budget: float) -> None:
        self.taken.append((partition, partitions, budget))
        if self.fails:
            raise self.fails


class Job:
    """Cloud Scheduler's request."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def get_data(self) -> bytes:
        return self._body


JOB = b'{"partition": 2, "partitions": 4}'
MOVER = Limits(Role.COLD_MOVER, Cloud.GCP)


def test_a_scheduled_run_gets_its_partition_and_less_than_the_function_s_time() -> None:
    role = Runs()
    assert triggers.scheduled(role, Log("cold_mover", print), MOVER)(Job(JOB)) == triggers.DONE
    assert role.taken == [(2, 4, MOVER.budget().budget)]


def test_a_scheduled_run_that_fails_is_told_to_the_scheduler_and_logged() -> None:
    lines: list[tuple[str, str]] = []
    log = Log("cold_mover", lambda level, line: lines.append((level, line)))
    assert triggers.scheduled(Runs(Retry("The store is away.")), log, MOVER)(Job(JOB))[1] == 500
    ((level, line),) = lines
    assert level == "error"
    assert json.loads(line) | {"reason": "The store is away.", "partition": 2} == json.loads(line)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"partition": 1}', b"\xff"])
def test_a_job_that_is_not_understood_runs_nothing(body: bytes) -> None:
    role = Runs()
    assert triggers.scheduled(role, Log("cold_mover", lambda *_: None), MOVER)(Job(body))[1] == 400
    assert role.taken == []


def test_a_binary_body_of_some_megabytes_reaches_a_receiver_unchanged() -> None:
    from flask import Flask, request

    body, taken = bytes(range(256)) * 12_000, []

    class Receiver:
        def handle(self, request: Request) -> Response:
            taken.append(request.body)
            return Response(200, b"{}", {})

    with Flask(__name__).test_request_context(method="POST", data=body):
        assert triggers.receiver(Receiver())(request)[1] == 200
    assert taken == [body]


def test_log_lines_have_the_severity_of_cloud_logging(capsys: pytest.CaptureFixture[str]) -> None:
    Log("writer", triggers.to_cloud_logging).warning("refused", status=401)
    line = json.loads(capsys.readouterr().out)
    assert line == {
        "severity": "WARNING",
        "role": "writer",
        "level": "warning",
        "event": "refused",
        "status": 401,
    }


def test_what_needs_no_database_loads_none_of_google_s_packages() -> None:
    """They cost a cold start more than everything else."""
    code = (
        "import sys, twin_gcp.entry, twin_gcp.pubsub, twin_gcp.secret, twin_gcp.objects, twin_gcp.workflow;"
        "heavy = ('google.api_core', 'google.auth', 'google.cloud.', 'grpc', 'requests', 'urllib3');"
        "print(*(name for name in sys.modules if name.startswith(heavy)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "function_src"
    )
    assert run.stdout.split() == []


def test_requirements_are_pinned() -> None:
    lines = (ROOT / "function_src/twin_gcp/root/requirements.txt").read_text().split()
    assert {line.partition("==")[0] for line in lines} == {"functions-framework", "google-cloud-firestore"}
    assert all(re.fullmatch(r"[a-z-]+==[0-9.]+", line) for line in lines)


def test_a_push_that_is_too_long_is_not_read_and_comes_again() -> None:
    """Pub/Sub moves it to the dead letters by itself, whole."""

    class Longest:
        content_length = triggers.MAX_PUSH_BYTES + 1

        def get_data(self) -> bytes:
            raise AssertionError("it was read")

    lines: list[dict[str, str]] = []
    log = Log("persister", lambda _level, line: lines.append(json.loads(line)))
    assert triggers.consumer(None, log, Limits(Role.PERSISTER, Cloud.GCP))(Longest()) == triggers.AGAIN  # type: ignore[arg-type]
    assert lines[0]["reason"] == f"The push request is longer than {triggers.MAX_PUSH_BYTES} bytes."
