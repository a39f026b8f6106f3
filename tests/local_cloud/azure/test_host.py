"""The front end in place of the Functions host, with small apps of the tests' own."""

from __future__ import annotations

import itertools
import json
import sys
import textwrap
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from local_cloud.azure.apps import Function
from local_cloud.azure.host import log_lines, settings, worker
from local_cloud.azure.host.front import EVENT_GRID_PATH, Front
from local_cloud.azure.host.invocations import Invocations
from local_cloud.azure.host.queue_listener import QueueListener
from local_cloud.azure.identity import PATH, Identities
from local_cloud.azure.storage import Azurite
from local_cloud.azure.tokens import Tokens
from local_cloud.certificates import Authority, Certificate
from local_cloud.errors import MissingProgram
from local_cloud.processes import Processes, free_ports
from local_cloud.standins import Evaluated
from local_cloud.web import Answer, Request, Server
from support.servers import missing

SOURCE = Path(__file__).resolve().parents[3] / "function_src" / "twin_azure" / "root"
QUEUES = "AzureFunctionsJobHost__extensions__queues__"


class TestSettings:
    def test_the_packages_own_host_json(self) -> None:
        loaded = settings.load(SOURCE, {"AzureFunctionsJobHost__functionTimeout": "00:01:30"})
        assert (loaded.function_timeout_s, loaded.route_prefix) == (90.0, "")
        assert loaded.queues == settings.QueueOptions(32, 16, 60, 300.0, 5.0, base64=True)

    def test_an_app_setting_stands_in_its_place_in_any_case(self) -> None:
        environ = {f"{QUEUES}batchsize": "1", f"{QUEUES}newBatchThreshold": "0"}
        loaded = settings.load(SOURCE, environ)
        assert (loaded.queues.batch_size, loaded.queues.new_batch_threshold) == (1, 0)

    def test_what_nobody_says_is_as_the_host_has_it(self, tmp_path: Path) -> None:
        (tmp_path / "host.json").write_text('{"version": "2.0"}')
        loaded = settings.load(tmp_path, {})
        assert (loaded.route_prefix, loaded.function_timeout_s) == ("api", 1800.0)
        assert loaded.queues == settings.QueueOptions(16, 8, 5, 0.0, 60.0, base64=True)

    def test_a_duration_has_three_parts(self) -> None:
        with pytest.raises(ValueError, match="is not a duration"):
            settings.seconds("90")

    def test_references_to_settings_are_filled_in(self) -> None:
        assert settings.resolved("%A%-x", {"A": "b"}) == "b-x"


def _app() -> func.FunctionApp:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.route(route="echo", methods=["POST"], trigger_arg_name="request")
    def echo(request: func.HttpRequest) -> func.HttpResponse:
        told = {"query": request.params["q"], "body": request.get_body().decode()}
        return func.HttpResponse(json.dumps(told), status_code=201, headers={"x-own": "1"})

    @app.route(route="fails", trigger_arg_name="request")
    def fails(request: func.HttpRequest) -> func.HttpResponse:
        raise RuntimeError("no")

    @app.route(route="guarded", auth_level=func.AuthLevel.FUNCTION, trigger_arg_name="request")
    def guarded(request: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("in")

    @app.event_grid_trigger(arg_name="event")
    def take(event: func.EventGridEvent) -> None:
        if event.get_json()["bad"]:
            raise RuntimeError("bad event")

    @app.event_grid_trigger(arg_name="event")
    def returns(event: func.EventGridEvent) -> str:
        return "what no binding takes"

    return app


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Front:
    module: Any = types.ModuleType("function_app")
    module.app = _app()
    monkeypatch.setitem(sys.modules, "function_app", module)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    never = Invocations(60, lambda: None)
    return Front(worker.load(tmp_path), route_prefix="", invocations=never)


def ask(front: Front, method: str, path: str, body: bytes = b"", **query: str) -> Answer:
    url = f"https://h{path}?" + "&".join(f"{name}={value}" for name, value in query.items())
    return front(Request(method, url, path, query, {"aeg-event-type": "Notification"}, body))


class TestFront:
    def test_a_route_gets_the_request_and_its_answer_goes_back(self, front: Front) -> None:
        answer = ask(front, "POST", "/echo", b"text", q="1")
        assert (answer.status, answer.headers["x-own"]) == (201, "1")
        assert json.loads(answer.body) == {"query": "1", "body": "text"}

    def test_other_methods_and_routes_are_not_found(self, front: Front) -> None:
        assert ask(front, "GET", "/echo").status == 404
        assert ask(front, "POST", "/other").status == 404

    def test_a_function_that_fails_answers_500(self, front: Front) -> None:
        assert ask(front, "POST", "/fails").status == 500

    def test_there_are_no_function_keys(self, front: Front) -> None:
        assert ask(front, "GET", "/guarded").status == 401

    @pytest.mark.parametrize(
        ("events", "status"),
        [
            ([{"data": {"bad": False}}] * 3, 202),
            ([{"data": {"bad": False}}, {"data": {"bad": True}}], 500),
            ("no list", 400),
        ],
    )
    def test_one_event_that_fails_fails_the_batch(self, front: Front, events: Any, status: int) -> None:
        body = json.dumps(events).encode()
        assert ask(front, "POST", EVENT_GRID_PATH, body, functionName="take").status == status

    def test_a_value_that_no_binding_takes_is_an_error(self, front: Front) -> None:
        body = json.dumps([{"data": {}}]).encode()
        assert ask(front, "POST", EVENT_GRID_PATH, body, functionName="returns").status == 500

    def test_an_unknown_function_is_not_found(self, front: Front) -> None:
        assert ask(front, "POST", EVENT_GRID_PATH, b"[]", functionName="nobody").status == 404


HOST_JSON = {
    "version": "2.0",
    "functionTimeout": "00:00:02",
    "extensions": {
        "queues": {"maxDequeueCount": 3, "visibilityTimeout": "00:00:01", "messageEncoding": "base64"}
    },
}
APP = """\
import logging, os, time
import azure.functions as func

app = func.FunctionApp()

@app.function_name("work")
@app.queue_trigger(arg_name="message", queue_name="%TRIGGER_QUEUE%", connection="QUEUES")
def work(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    logging.getLogger("twinspan").info("%s %d %d", text, message.dequeue_count, os.getpid())
    if text == "fails":
        raise RuntimeError("it fails")
    if text == "hangs" and message.dequeue_count == 1:
        time.sleep(60)
"""


class Site:
    """One queue-triggered app, its queue, and what it logged."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        authority = Authority(folder / "certificates")
        certificate = authority.server()
        queue_port, blob_port, table_port, identity_port, port = free_ports(5)
        self.azurite = Azurite(
            ["account1"],
            queue_port=queue_port,
            blob_port=blob_port,
            table_port=table_port,
            ca_file=str(authority.ca_file),
        )
        processes.wait(self.azurite.start(processes, certificate), port=queue_port)
        queues = {
            f"azurerm_storage_queue.{name}": {"name": name, "storage_account_id": "/a/account1"}
            for name in ("work", "work-poison")
        }
        self.azurite.create(Evaluated(queues, {}))
        self.identities = Server(identity_port, Identities(Tokens("k"), {"app": {"c": "p"}}))
        threading.Thread(target=self.identities.serve_forever, args=(0.05,)).start()
        site = folder / "site"
        site.mkdir()
        (site / "host.json").write_text(json.dumps(HOST_JSON))
        (site / "function_app.py").write_text(textwrap.dedent(APP))
        environment = {
            **authority.trust(),
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{identity_port}{PATH}",
            "IDENTITY_HEADER": "app",
            "QUEUES__clientId": "c",
            "QUEUES__queueServiceUri": f"https://127.0.0.1:{queue_port}/account1/",
            "TRIGGER_QUEUE": "work",
        }
        self.function = self._start(processes, site, port, certificate, environment)

    @staticmethod
    def _start(
        processes: Processes, site: Path, port: int, certificate: Certificate, environment: dict[str, str]
    ) -> Function:
        function = Function(
            "work",
            processes,
            site=site,
            port=port,
            certificate=certificate,
            environment=environment,
            public=False,
            hasten=1.0,
        )
        function.wait()
        return function

    def queue(self, name: str = "work") -> QueueClient:
        return self.azurite.queues("account1").get_queue_client(
            name,
            message_encode_policy=TextBase64EncodePolicy(),
            message_decode_policy=TextBase64DecodePolicy(),
        )

    def calls(self, text: str) -> list[tuple[int, int, float]]:
        """Delivery, process and time of each call with a message of that text."""
        lines = [(at, line.split()) for at, line in log_lines.read(self.function.log)]
        return [(int(words[1]), int(words[2]), at) for at, words in lines if words[0] == text]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("host")
    with Processes(folder / "logs") as processes:
        try:
            site = Site(processes, folder)
        except MissingProgram as error:
            missing(str(error))
        yield site
        site.identities.shutdown()
        site.identities.server_close()


def until(found: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)
    return result


@pytest.mark.servers
class TestQueueTrigger:
    def test_what_is_done_is_deleted(self, site: Site) -> None:
        site.queue().send_message("fine")
        until(lambda: site.calls("fine"))
        until(lambda: site.queue().get_queue_properties().approximate_message_count == 0)
        assert [delivery for delivery, _, _ in site.calls("fine")] == [1]

    def test_what_fails_comes_back_after_its_time_and_goes_to_the_poison_queue(self, site: Site) -> None:
        site.queue().send_message("fails")
        (message,) = until(lambda: site.queue("work-poison").peek_messages())
        assert message.content == "fails"
        calls = site.calls("fails")
        assert [delivery for delivery, _, _ in calls] == [1, 2, 3]
        assert all(0.9 < later[2] - sooner[2] < 5 for sooner, later in itertools.pairwise(calls))
        site.queue("work-poison").clear_messages()

    def test_what_is_not_base64_is_not_handed_over(self, site: Site) -> None:
        site.azurite.queues("account1").get_queue_client("work").send_message("{no base64}")
        client = site.azurite.queues("account1").get_queue_client("work-poison")
        (message,) = until(lambda: client.peek_messages())
        assert message.content == "{no base64}"
        client.clear_messages()

    def test_a_function_that_takes_too_long_ends_with_its_worker(self, site: Site) -> None:
        """The message is delivered again, to a worker that has started anew."""
        site.queue().send_message("hangs")
        first, second = until(lambda: len(calls := site.calls("hangs")) == 2 and calls)
        assert (first[0], second[0]) == (1, 2)
        assert second[2] - first[2] > 2
        assert "took longer than 2 s" in site.function.log.read_text()

    def test_the_network_does_not_reach_it(self, site: Site) -> None:
        import urllib3

        port = site.function.port
        pool = urllib3.HTTPSConnectionPool("127.0.0.1", port, ca_certs=_trust(site))
        assert pool.request("GET", "/").status == 403


def _trust(site: Site) -> str:
    return str(site.function.log.parents[1] / "certificates" / "ca.pem")


def test_log_lines_have_a_time_in_front(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('2026-01-31T12:00:00.250Z {"event": "x"}\nTraceback\n  no time\n')
    assert list(log_lines.read(log)) == [(1_769_860_800.25, '{"event": "x"}')]


def test_a_message_that_cannot_be_worked_on_is_logged_and_comes_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of the stand-in's own ends neither its threads nor in silence."""

    def wrong(_held: object) -> None:
        raise ValueError("an error of ours")

    queue: Any = types.SimpleNamespace(queue_name="telemetry")
    nobody: Any = None
    listener = QueueListener(
        nobody,
        nobody,
        queue=queue,
        poison=queue,
        options=settings.QueueOptions(1, 0, 5, 0.0, 60.0, base64=True),
        invocations=nobody,
    )
    monkeypatch.setattr(listener, "_run", wrong)
    held: Any = types.SimpleNamespace(message=types.SimpleNamespace(id="1"))
    listener._held["1"] = held
    listener._work(held)
    assert not listener._held
    assert "A message could not be worked on." in caplog.text
    assert "an error of ours" in caplog.text
