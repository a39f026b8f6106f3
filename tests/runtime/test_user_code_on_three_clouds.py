"""The user's code behind the entry point of each cloud, from the thread that its platform calls on."""

from __future__ import annotations

import base64
import importlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import azure.functions as func
import pytest

from support.memory import MemoryCloud
from support.samples import DOCUMENT, event
from twin_runtime import context
from twin_runtime.delivery import dead_letters
from twin_runtime.functions.processor import Processor
from twin_runtime.roles import Cloud, Role
from twin_runtime.settings import expected

CODE = """
import ctypes, os, re, sys, time

def process(event):
    exec(event["data"].get("do", ""))
    event["data"]["seen"] = True
    return event
"""
HOSTILE = {
    "stuck": ("time.sleep(60)", 1, "a call took longer than 3 s"),
    "stuck in C": ("re.match('(a+)+$', 'a' * 60 + 'b')", 1, "a call took longer than 3 s"),
    "exit": ("sys.exit(1)", 3, "SystemExit"),
    "os._exit": ("os._exit(1)", 3, "its process ended (exit status 1)"),
    "crash": ("ctypes.string_at(0)", 3, "its process ended (SIGSEGV)"),
    "memory": ("[bytes(10 ** 8) for _ in range(100)]", 3, "MemoryError"),
    "files": (
        "os.closerange(0, max(map(int, os.listdir('/dev/fd'))) + 1)",
        3,
        "its process ended (it closed its pipe)",
    ),
    "interrupt": ("raise KeyboardInterrupt", 3, "KeyboardInterrupt"),
}
Entry = Callable[[str, int], bool]
"""Hands over a body on a delivery; returns whether the message is done."""


class Lambda:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def on_aws(_: pytest.MonkeyPatch) -> Entry:
    from twin_aws import entry

    handle = entry.handler_of(Role.PROCESSOR)

    def hand(body: str, attempt: int) -> bool:
        record = {"messageId": "m", "body": body, "attributes": {"ApproximateReceiveCount": str(attempt)}}
        return handle({"Records": [record]}, Lambda()) == {"batchItemFailures": []}

    return hand


def on_azure(monkeypatch: pytest.MonkeyPatch) -> Entry:
    from twin_azure import entry, triggers

    (function,) = entry.app_of(Role.PROCESSOR).get_functions()
    run = function.get_user_function()
    pool = ThreadPoolExecutor(1)

    def hand(body: str, attempt: int) -> bool:
        monkeypatch.setattr(func.QueueMessage, "dequeue_count", property(lambda _: attempt))
        failure = pool.submit(run, func.QueueMessage(id="m", body=body.encode())).exception(60)
        assert failure is None or isinstance(failure, triggers.DeliverAgain)
        return failure is None

    return hand


def on_gcp(monkeypatch: pytest.MonkeyPatch) -> Entry:
    """By the functions framework, on a server's thread."""
    framework = pytest.importorskip("functions_framework", reason="functions-framework is not installed")
    from werkzeug.serving import make_server

    monkeypatch.setenv("TWIN_ROLE", "processor")
    main = Path(importlib.import_module("twin_gcp").__file__ or "").parent / "root" / "main.py"
    server = make_server("127.0.0.1", 0, framework.create_app("handle", str(main), "http"), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def hand(body: str, attempt: int) -> bool:
        from http.client import HTTPConnection

        data = base64.b64encode(body.encode()).decode()
        pushed = {"message": {"data": data, "messageId": "1", "publishTime": "2024-02-29T12:00:00Z"}}
        envelope = {**pushed, "subscription": "projects/p/subscriptions/s", "deliveryAttempt": attempt}
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        connection.request("POST", "/", json.dumps(envelope), {"Content-Type": "application/json"})
        status = connection.getresponse().status
        connection.close()
        assert status in (204, 503)
        return status == 204

    return hand


ENTRIES = {Cloud.AWS: on_aws, Cloud.AZURE: on_azure, Cloud.GCP: on_gcp}


@pytest.mark.matrix
@pytest.mark.parametrize(("do", "deliveries", "kind"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("cloud", Cloud)
def test_code_costs_its_own_event_alone(
    cloud: Cloud, do: str, deliveries: int, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = {**DOCUMENT["device_types"]}
    types["thermostat"] = {**types["thermostat"], "processor": "processors/thermostat.py"}
    (tmp_path / "processors").mkdir()
    (tmp_path / "processors" / "thermostat.py").write_text(CODE)
    (tmp_path / "twin.json").write_text(json.dumps(DOCUMENT | {"device_types": types}))
    monkeypatch.setattr(context, "package_root", lambda: tmp_path)
    defaults = Processor.__init__.__kwdefaults__
    assert defaults is not None
    # Code that is not stuck has time on a busy machine.
    monkeypatch.setitem(defaults, "limit_s", 3.0 if "longer" in kind else 60.0)
    for name in expected(Role.PROCESSOR, cloud, remote=False):
        monkeypatch.setenv(name, "processor" if name == "TWIN_ROLE" else name)
    memory = MemoryCloud(cloud)
    module = importlib.import_module(f"twin_{cloud}.entry")
    for made in ("Aws", "AzureCloud", "GcpCloud"):
        if hasattr(module, made):
            monkeypatch.setattr(module, made, lambda: memory)
    hand = ENTRIES[cloud](monkeypatch)
    events = [event("a"), event("b", {"do": do}), event("c")]
    body = json.dumps(events)
    for attempt in range(1, deliveries):
        assert hand(body, attempt) is False
    assert hand(body, deliveries) is True
    out = [each for text in memory.queue("PERSISTING_QUEUE").bodies for each in json.loads(text)]
    assert [each["id"] for each in out] == ["a", "c"] * deliveries
    assert all(each["data"]["seen"] for each in out)
    (letter,) = [
        letter for text in memory.queue("DEAD_LETTER_QUEUE").bodies for letter in dead_letters.decode(text)
    ]
    assert letter.event == events[1]
    assert letter.reason == f"The processor of thermostat failed: {kind}."
