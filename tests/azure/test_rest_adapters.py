"""Commands and workflow starts, against a server on loopback that answers as Azure documents it.

Direct methods: learn.microsoft.com/azure/iot-hub/iot-hub-devguide-direct-methods and -devguide-error-codes
style codes 404001 (unknown device), 404103 (not online). Nothing of IoT Hub's service side or Logic Apps can
be run here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError

from twin_azure.broker import SCOPE, HubBroker
from twin_azure.workflow import LogicApp
from twin_runtime.errors import Refused, Retry, Throttled

COMMAND = {
    "specversion": "1.0",
    "type": "twinspan.command.v1",
    "source": "/twins/factory/devices/thermostat-1",
    "id": "c1",
    "subject": "set_point",
    "data": {"command": "set_point", "value": 20, "rule": "overheating", "event_id": "e1"},
}


@dataclass
class Service:
    """What the server answers, and what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b'{"status":200,"payload":null}'
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[SimpleNamespace] = field(default_factory=list)


class Credential:
    """Gives a token that names its scope."""

    def get_token(self, *scopes: str, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(token=f"token-for-{scopes[0]}")


class NoIdentity:
    def get_token(self, *_scopes: str, **_: Any) -> Any:
        raise ClientAuthenticationError("no identity")


@pytest.fixture
def service() -> Iterator[Service]:
    known = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            known.requests.append(
                SimpleNamespace(path=self.path, headers=self.headers, body=json.loads(body))
            )
            self.send_response(known.status)
            for name, value in known.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(known.body)))
            self.end_headers()
            self.wfile.write(known.body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield known
        server.shutdown()
        thread.join()


class TestBroker:
    def test_a_command_is_a_direct_method_of_its_name(self, service: Service) -> None:
        HubBroker(service.url, Credential()).send("thermostat-1", COMMAND)
        (request,) = service.requests
        assert request.path == "/twins/thermostat-1/methods?api-version=2021-04-12"
        assert request.headers["authorization"] == f"Bearer token-for-{SCOPE}"
        assert request.body["methodName"] == "set_point"
        assert request.body["payload"] == COMMAND

    def test_the_method_s_time_is_what_iot_hub_takes_and_shorter_than_the_function_s(
        self, service: Service
    ) -> None:
        # responseTimeoutInSeconds 5 to 300, connectTimeoutInSeconds 0 to 300: the same page.
        HubBroker(service.url, Credential()).send("thermostat-1", COMMAND)
        body = service.requests[0].body
        assert 5 <= body["responseTimeoutInSeconds"] <= 45
        assert 0 <= body["connectTimeoutInSeconds"] <= body["responseTimeoutInSeconds"]

    def test_a_host_is_reached_by_https(self) -> None:
        assert HubBroker("factory-hub.azure-devices.net", Credential())._base.startswith(
            "https://factory-hub."
        )

    def test_a_device_s_name_cannot_leave_its_place_in_the_path(self, service: Service) -> None:
        HubBroker(service.url, Credential()).send("../a?b/c", COMMAND)
        assert service.requests[0].path.startswith("/twins/..%2Fa%3Fb%2Fc/methods?")

    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            (404, b'{"Message":"ErrorCode:DeviceNotOnline;404103"}', Retry),
            (404, b'{"errorCode":404103,"message":"offline"}', Retry),
            (404, b'{"errorCode":404001,"message":"not found"}', Refused),
            (404, b"no such hub", Retry),
            (504, b'{"errorCode":504101}', Retry),
            (400, b"{}", Refused),
            (401, b"{}", Retry),
            (403, b"{}", Retry),
            (429, b"{}", Throttled),
            (500, b"{}", Retry),
            (200, b'{"status":404,"payload":null}', Refused),
            (200, b'{"status":500,"payload":null}', Retry),
            (200, b'{"payload":null}', Retry),
            (200, b"gateway page", Retry),
        ],
    )
    def test_what_an_answer_means(self, service: Service, status: int, body: bytes, error: type) -> None:
        service.status, service.body = status, body
        with pytest.raises((Retry, Refused)) as raised:
            HubBroker(service.url, Credential()).send("thermostat-1", COMMAND)
        assert raised.type is error

    def test_without_a_token_it_is_tried_again(self, service: Service) -> None:
        with pytest.raises(Retry, match="IoT Hub failed"):
            HubBroker(service.url, NoIdentity()).send("thermostat-1", COMMAND)
        assert not service.requests

    def test_how_long_a_busy_hub_asks_to_wait_is_kept(self, service: Service) -> None:
        service.status, service.headers = 429, {"retry-after": "7"}
        with pytest.raises(Throttled) as raised:
            HubBroker(service.url, Credential()).send("thermostat-1", COMMAND)
        assert raised.value.after == 7


class TestWorkflow:
    def test_a_start_carries_the_event_the_name_and_a_token(self, service: Service) -> None:
        service.status, service.body = 202, b""
        LogicApp(f"{service.url}/triggers/fired/paths/invoke?api-version=2016-10-01", Credential()).start(
            "overheating-1", {"rule": "overheating"}
        )
        (request,) = service.requests
        assert request.path == "/triggers/fired/paths/invoke?api-version=2016-10-01"
        assert request.body == {"rule": "overheating"}
        assert request.headers["x-ms-client-tracking-id"] == "overheating-1"
        # A token's audience is the scope without `/.default`: the trigger's policy compares it as text.
        assert (
            request.headers["authorization"]
            == "Bearer token-for-https://management.core.windows.net//.default"
        )

    @pytest.mark.parametrize(
        ("status", "error"), [(400, Refused), (401, Retry), (404, Retry), (429, Throttled), (502, Retry)]
    )
    def test_what_an_answer_means(self, service: Service, status: int, error: type) -> None:
        service.status = status
        with pytest.raises((Retry, Refused)) as raised:
            LogicApp(service.url, Credential()).start("name", {})
        assert raised.type is error
