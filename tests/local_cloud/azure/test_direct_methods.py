"""Direct methods of the hub's stand-in, called by the real adapter's form of request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_cloud.azure.iot_hub.direct_methods import AUDIENCE, DirectMethods
from local_cloud.azure.iot_hub.presence import SUBSCRIBED, Presence
from local_cloud.azure.tokens import Tokens
from local_cloud.web import Answer, Request

TOKENS = Tokens("a key")
NOTICE = "$SYS/broker/log/N"
CONNECTED = "New client connected from 127.0.0.1:4711 as pump-1 (p2, c0, k60, u'pump-1')."
LISTENS = "pump-1 1 pump-1/$iothub/methods/POST/#"


def presence(*lines: tuple[str, str]) -> Presence:
    made = Presence()
    for topic, line in lines:
        made.hear(topic, line)
    return made


class TestPresence:
    def test_a_device_that_is_connected_and_listens_is_reachable(self) -> None:
        assert presence((NOTICE, CONNECTED), (SUBSCRIBED, LISTENS)).reachable("pump-1")

    def test_a_device_that_listens_to_nothing_is_not(self) -> None:
        assert not presence((NOTICE, CONNECTED)).reachable("pump-1")

    @pytest.mark.parametrize(
        "line",
        [
            "Client pump-1 disconnected.",
            "Client pump-1 closed its connection.",
            "Client pump-1 has exceeded timeout, disconnecting.",
            "Client pump-1 disconnected: Protocol error.",
        ],
    )
    def test_a_device_that_went_is_not_until_it_comes_back(self, line: str) -> None:
        heard = presence((NOTICE, CONNECTED), (SUBSCRIBED, LISTENS), (NOTICE, line))
        assert not heard.reachable("pump-1")
        heard.hear(NOTICE, CONNECTED)
        assert heard.reachable("pump-1")

    def test_another_device_makes_no_difference(self) -> None:
        heard = presence((NOTICE, CONNECTED), (SUBSCRIBED, LISTENS), (NOTICE, "Client pump-2 disconnected."))
        assert heard.reachable("pump-1")
        assert not heard.reachable("pump-2")


class Device:
    """Answers a method with `status` at once, or not at all."""

    def __init__(self, status: int | None = 200) -> None:
        self.status = status
        self.heard: list[tuple[str, Any]] = []
        self.methods: DirectMethods | None = None

    def publish(self, topic: str, payload: bytes) -> None:
        self.heard.append((topic, json.loads(payload)))
        if self.status is not None and self.methods:
            device, _, rest = topic.partition("/")
            rid = rest.partition("$rid=")[2]
            self.methods.answered(f"{device}/$iothub/methods/res/{self.status}/?$rid={rid}", b'{"a":1}')


def call(
    device: Device | None = None,
    name: str = "pump-1",
    *,
    online: bool = True,
    audience: str = AUDIENCE,
    seconds: float = 5,
) -> Answer:
    device = device or Device()
    heard = presence((NOTICE, CONNECTED), (SUBSCRIBED, LISTENS)) if online else Presence()
    device.methods = DirectMethods(["pump-1"], heard, TOKENS, device.publish)
    path = f"/twins/{name}/methods"
    asked = {"methodName": "stop", "responseTimeoutInSeconds": seconds, "payload": {"value": 1}}
    headers = {"authorization": f"Bearer {TOKENS.issue('checker', audience)}"}
    query = {"api-version": "2021-04-12"}
    return device.methods(
        Request("POST", f"https://h{path}", path, query, headers, json.dumps(asked).encode())
    )


def test_the_device_gets_the_payload_and_its_answer_goes_back() -> None:
    device = Device(status=409)
    answer = call(device)
    assert (answer.status, json.loads(answer.body)) == (200, {"status": 409, "payload": {"a": 1}})
    ((topic, payload),) = device.heard
    assert topic.startswith("pump-1/$iothub/methods/POST/stop/?$rid=")
    assert payload == {"value": 1}


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (lambda: call(online=False), 404, 404103),
        (lambda: call(name="stranger"), 404, 404001),
        (lambda: call(Device(status=None), seconds=0.05), 504, 504101),
    ],
)
def test_refusals_have_the_hubs_codes(answer: Any, status: int, code: int) -> None:
    given = answer()
    assert given.status == status
    assert json.loads(json.loads(given.body)["Message"])["errorCode"] == code


def test_a_token_for_another_service_does_not_do() -> None:
    assert call(audience="https://storage.azure.com").status == 401
