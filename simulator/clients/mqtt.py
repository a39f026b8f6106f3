"""MQTT 3.1.1 over TLS with a client certificate, as both MQTT brokers speak it."""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho

from simulator.clients.base import OnCommand
from simulator.clients.tls import context
from simulator.errors import NotAcknowledged, NotConnected

Consumer = Callable[[bytes], None]
QOS = 1
_KEEP_ALIVE_S = 60
_RECONNECT_S = (1, 8)
_SUBSCRIPTION_FAILED = 0x80
_MOST_EARLY = 100


class Session:
    """One connection, made again when it is lost. Raises `NotConnected` when it cannot be made at first."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        client_id: str,
        certificate: tuple[Path, Path],
        ca_file: Path | None,
        timeout: float,
        username: str | None = None,
    ) -> None:
        self._where = f"{host}:{port}"
        self._timeout = timeout
        self._changed = threading.Condition()
        self._done: set[int] = set()
        self._granted: list[int] | None = None
        self._connected = False
        self._losses = 0
        self._refusal: str | None = None
        # The broker keeps commands for a device that is away: hence a session that outlives the connection.
        self._paho = paho.Client(client_id, clean_session=False, protocol=paho.MQTTv311)
        self._paho.tls_set_context(context(certificate, ca_file))
        self._paho.reconnect_delay_set(*_RECONNECT_S)
        if username is not None:
            self._paho.username_pw_set(username)
        self._paho.on_connect = self._on_connect
        self._paho.on_disconnect = self._on_disconnect
        self._paho.on_publish = self._on_done
        self._paho.on_subscribe = self._on_subscribe
        self._paho.on_message = self._on_message
        self._subscription: str | None = None
        self._consumer: Consumer | None = None
        # A session that was there before brings what was kept for it as soon as it is connected.
        self._early: deque[bytes] = deque(maxlen=_MOST_EARLY)
        self._open(host, port)

    def publish(self, topic: str, body: bytes, *, insist: bool = True) -> None:
        """Returns when the broker has it. With `insist` a message that a lost connection took along is sent
        again on the next one; without, it has failed then. Raises `NotAcknowledged`; the message can be
        on its way still, until `close`.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._connected, self._timeout):
                raise NotAcknowledged(f"The connection to {self._where} is lost.")
            losses = self._losses
        number = self._paho.publish(topic, body, QOS).mid
        with self._changed:
            self._changed.wait_for(
                lambda: number in self._done or (not insist and self._losses > losses), self._timeout
            )
            if number in self._done:
                self._done.remove(number)
                return
            lost = self._losses > losses
        if lost and not insist:
            raise NotAcknowledged("The broker closed the connection on the message.")
        raise NotAcknowledged(f"The broker did not acknowledge the message within {self._timeout:g} s.")

    def subscribe(self, topic: str, consumer: Consumer) -> None:
        """Raises `NotConnected` when the broker refuses, or does not confirm it in time."""
        with self._changed:
            self._consumer = consumer
            early = list(self._early)
            self._early.clear()
        for body in early:
            consumer(body)
        self._subscription = topic
        self._paho.subscribe(topic, QOS)
        with self._changed:
            self._changed.wait_for(lambda: self._granted is not None, self._timeout)
            if self._granted is None or any(code >= _SUBSCRIPTION_FAILED for code in self._granted):
                raise NotConnected(f"The broker did not grant the subscription to {topic}.")

    def close(self) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()

    def _open(self, host: str, port: int) -> None:
        try:
            self._paho.connect(host, port, _KEEP_ALIVE_S)
        except OSError as error:
            raise NotConnected(f"{self._where} could not be reached: {error}.") from None
        self._paho.loop_start()
        with self._changed:
            self._changed.wait_for(lambda: self._connected or self._refusal or self._losses, self._timeout)
            if self._connected:
                return
            reason = self._refusal or ("closed the connection" if self._losses else "did not answer in time")
        self.close()
        raise NotConnected(f"The broker at {self._where} did not let the device in: it {reason}.")

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: int) -> None:
        with self._changed:
            self._connected = code == 0
            self._refusal = None if code == 0 else f"says {paho.connack_string(code)!r}"
            self._changed.notify_all()
        if code == 0 and self._subscription:
            self._paho.subscribe(self._subscription, QOS)

    def _on_disconnect(self, _client: Any, _data: Any, _code: int) -> None:
        with self._changed:
            self._connected = False
            self._losses += 1
            self._changed.notify_all()

    def _on_done(self, _client: Any, _data: Any, number: int) -> None:
        with self._changed:
            self._done.add(number)
            self._changed.notify_all()

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        with self._changed:
            consumer = self._consumer
            if consumer is None:
                self._early.append(message.payload)
        if consumer is not None:
            consumer(message.payload)

    def _on_subscribe(self, _client: Any, _data: Any, _number: int, granted: Any) -> None:
        with self._changed:
            self._granted = list(granted)
            self._changed.notify_all()


def commands(callback: OnCommand) -> Consumer:
    """One of messages that are commands."""

    def hand_over(body: bytes) -> None:
        try:
            callback(json.loads(body))
        except Exception:
            # An exception would end the thread that reads from the broker.
            logging.getLogger(__name__).exception("a command could not be handled")

    return hand_over
