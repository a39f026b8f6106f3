"""The envelope of a push, as Google's emulator sends it."""

from __future__ import annotations

import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from gcp.servers import call
from twin_gcp import devices, envelope
from twin_runtime import times


@pytest.mark.servers
def test_what_pubsub_pushes_can_be_read(pubsub_url: str) -> None:
    bodies: list[bytes] = []
    arrived = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    path = f"{pubsub_url}/v1/projects/my-project"
    call(f"{path}/topics/pushed", {}, method="PUT")
    subscription = {
        "topic": "projects/my-project/topics/pushed",
        "pushConfig": {"pushEndpoint": f"http://127.0.0.1:{server.server_port}/"},
    }
    call(f"{path}/subscriptions/pushed", subscription, method="PUT")
    data = b'{"temperature": 21.5}'
    sent = devices.attributes(devices.device_key("fleet", "d"), "d", 1_709_208_000, data)
    message = {"data": base64.b64encode(data).decode(), "attributes": sent}
    call(f"{path}/topics/pushed:publish", {"messages": [message]})
    assert arrived.wait(20)
    server.shutdown()
    server.server_close()

    read = envelope.parse(bodies[0])
    assert (read.data, read.attributes) == (data, sent)
    assert read.id
    assert times.normalise(read.published) == read.published


@pytest.mark.parametrize(("attempt", "read"), [(1, 1), (50, 50), (0, None), (None, None), ("5", None)])
def test_the_attempt_is_a_number_or_unknown(attempt: object, read: int | None) -> None:
    message = {"data": "", "publishTime": "2024-02-29T12:00:00Z"}
    body = json.dumps({"message": message, "deliveryAttempt": attempt}).encode()
    assert envelope.parse(body).attempt == read
