"""Brokers for device clients: mosquitto with client certificates, and a capture of Pub/Sub's REST calls."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho

from local_cloud.certificates import Authority
from support.servers import free_port, missing, running

OBSERVER = "observer"
LARGEST_PACKET = 200_000
_CONFIG = """\
user root
persistence false
allow_anonymous true
acl_file {folder}/acl
max_packet_size {largest}
log_type error
listener {port} 127.0.0.1
cafile {folder}/ca.pem
certfile {folder}/server.crt
keyfile {folder}/server.key
require_certificate true
use_identity_as_username true
"""
_ACL = f"""\
user {OBSERVER}
topic readwrite #
topic readwrite $iothub/#
pattern write +/devices/%u/telemetry
pattern read +/devices/%u/commands
pattern write devices/%u/messages/events/#
pattern read $iothub/methods/POST/#
pattern write $iothub/methods/res/#
"""


@dataclass
class Mosquitto:
    """A running broker, and all that devices published."""

    port: int
    folder: Path
    command: tuple[str, ...]
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _observer: Any = None

    def wait(self, enough: Callable[[list[tuple[str, bytes]]], bool]) -> list[tuple[str, bytes]]:
        with self.changed:
            assert self.changed.wait_for(lambda: enough(self.messages), 10), self.messages
            return list(self.messages)

    def publish(self, topic: str, document: Any) -> None:
        self._observer.publish(topic, json.dumps(document), 1).wait_for_publish(10)


@contextlib.contextmanager
def mosquitto(folder: Path, *devices: str) -> Iterator[Mosquitto]:
    """With a certificate per device in `folder`; a device may touch its own topics only."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        missing("mosquitto is not on this machine: apt-get install mosquitto.")
    authority = Authority(folder)
    authority.server()
    for name in (*devices, OBSERVER):
        authority.client(name)
    broker = Mosquitto(free_port(), folder, (program, "-c", str(folder / "conf")))
    (folder / "acl").write_text(_ACL)
    (folder / "conf").write_text(_CONFIG.format(folder=folder, port=broker.port, largest=LARGEST_PACKET))
    with running(*broker.command, port=broker.port), _observed(broker):
        yield broker


@contextlib.contextmanager
def _observed(broker: Mosquitto) -> Iterator[None]:
    ready = threading.Event()

    def on_message(_client: Any, _data: Any, message: Any) -> None:
        with broker.changed:
            broker.messages.append((message.topic, message.payload))
            broker.changed.notify_all()

    client = paho.Client(OBSERVER)
    client.tls_set(*(str(broker.folder / name) for name in ("ca.pem", "observer.crt", "observer.key")))
    client.on_connect = lambda *_: client.subscribe([("#", 1), ("$iothub/methods/res/#", 1)])
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = on_message
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    assert ready.wait(10)
    broker._observer = client
    yield
    client.disconnect()
    client.loop_stop()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is ended leaves its connection open."""


class PubSubCapture:
    """Answers publish, pull and acknowledge, and keeps what it got. Use it as a context manager."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.published: list[tuple[str, dict[str, str], bytes]] = []
        self.authorizations: set[str | None] = set()
        self.waiting: dict[str, list[dict[str, Any]]] = {}
        self.acknowledged: list[str] = []
        self.refuse: Callable[[dict[str, str]], bool] = lambda _: False
        capture = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, answer = capture._answer(self.path, document, self.headers["authorization"])
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def endpoint(self, **more: str) -> dict[str, str]:
        """The document by which devices find it."""
        return {"cloud": "gcp", "twin": "factory", "project": "my-project", "fleet_secret": "fleet"} | {
            "url": self.url,
            **more,
        }

    def send(self, subscription: str, command: dict[str, Any]) -> None:
        """A command for the device that pulls the subscription."""
        with self.lock:
            data = base64.b64encode(json.dumps(command).encode()).decode()
            received = {"ackId": f"ack-{command['id']}", "message": {"data": data}}
            self.waiting.setdefault(subscription, []).append(received)

    def _answer(self, path: str, document: Any, authorization: str | None) -> tuple[int, Any]:
        prefix, verb = path.rsplit(":", 1)
        name = prefix.rsplit("/", 1)[1]
        with self.lock:
            self.authorizations.add(authorization)
            if not prefix.startswith("/v1/projects/my-project/"):
                return 404, {"error": {"message": f"no {path}"}}
            if verb == "publish":
                for message in document["messages"]:
                    if self.refuse(message["attributes"]):
                        return 403, {"error": {"message": "not this device"}}
                    entry = (name, message["attributes"], base64.b64decode(message["data"]))
                    self.published.append(entry)
                return 200, {"messageIds": [str(len(self.published))]}
            if verb == "pull":
                return 200, {"receivedMessages": self.waiting.pop(name, [])}
            self.acknowledged += document["ackIds"]
            return 200, {}

    def __enter__(self) -> PubSubCapture:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
