"""What Microsoft's client for IoT Hub lacks: another port than 8883, and limits of time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from azure.iot.device import IoTHubDeviceClient


def use_port(hub: IoTHubDeviceClient, port: int) -> None:
    """Let this one client connect to another port than 8883, which Microsoft's client has no option for.

    Its MQTT connection is at the end of its pipeline. Only that object's `connect` is wrapped, so that other
    clients of the process, and all else that this one does, stay as Microsoft wrote them.
    """
    pipeline: Any = hub
    stage = pipeline._mqtt_pipeline._pipeline
    while stage.next is not None:
        stage = stage.next
    mqtt = stage.transport._mqtt_client
    connect = mqtt.connect

    def elsewhere(*, host: str, keepalive: int, **_: Any) -> Any:
        return connect(host, port, keepalive)

    mqtt.connect = elsewhere


def within(seconds: float, call: Callable[[], object]) -> None:
    """Run one of the client's calls, none of which takes a time limit. Raises what it raises, or
    `TimeoutError`.
    """
    failure: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:g} s")
    if failure:
        raise failure[0]


def shut(hub: IoTHubDeviceClient, timeout: float) -> None:
    try:
        within(timeout, hub.shutdown)
    except Exception:
        logging.getLogger(__name__).debug("a client did not shut down in order", exc_info=True)


def said(error: Exception) -> str:
    """The client wraps what happened in an exception of its own."""
    cause = error.__cause__
    return (
        f"{error} ({cause})"
        if cause and str(cause) and str(cause) != str(error)
        else str(error) or repr(error)
    )
