"""A stand-in for IoT Hub behind its MQTT side, with Event Grid: our own bridge from mosquitto to the
dispatcher's function app, and from direct methods to mosquitto.

Run as `python -m local_cloud.azure.iot_hub.bridge <config>`; `configuration` says what is in the file.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from azure.core.credentials import AccessToken
from azure.storage.blob import BlobClient

from local_cloud.azure.event_grid import Delivery, Policy, dead_letter_name
from local_cloud.azure.iot_hub import mqtt as broker
from local_cloud.azure.iot_hub import telemetry_event
from local_cloud.azure.iot_hub.direct_methods import ANSWERS, DirectMethods
from local_cloud.azure.iot_hub.presence import LOG_TOPICS, Presence
from local_cloud.azure.tokens import Tokens
from local_cloud.certificates import Certificate
from local_cloud.web import Server

TELEMETRY = "+/devices/+/messages/events/#"
_TELEMETRY = re.compile(r"(?P<device>[^/]+)/devices/(?P<named>[^/]+)/messages/events/(?P<bag>[^/]*)/?")
_STORAGE = "https://storage.azure.com"


def configuration(
    *,
    key: str,
    certificate: Certificate,
    ca_file: Path,
    port: int,
    mqtt_port: int,
    hub_id: str,
    devices: Collection[str],
    hasten: float,
    subscriptions: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """A JSON object of all that it needs.

    A subscription has `name`, `url` (the function app's), `policy` (fields of `event_grid.Policy`),
    `container` (URL of the container for dead letters) and `principal` (who writes there).
    """
    return {
        "key": key,
        "certificate": [str(certificate.certificate), str(certificate.key)],
        "ca_file": str(ca_file),
        "port": port,
        "mqtt_port": mqtt_port,
        "hub_id": hub_id,
        "devices": sorted(devices),
        "hasten": hasten,
        "subscriptions": list(subscriptions),
    }


class DeadLetterContainer:
    """Writes blobs of dead letters with the topic's own identity."""

    def __init__(self, subscription: Mapping[str, Any], tokens: Tokens, ca_file: str) -> None:
        self._subscription = subscription
        self._tokens = tokens
        self._ca_file = ca_file

    def __call__(self, letters: Sequence[str]) -> None:
        url = f"{self._subscription['container']}/{dead_letter_name(self._subscription['name'])}"
        credential: Any = _Credential(self._tokens, self._subscription["principal"])
        with BlobClient.from_blob_url(url, credential, connection_verify=self._ca_file) as blob:
            blob.upload_blob("[" + ",".join(letters) + "]")


class _Credential:
    def __init__(self, tokens: Tokens, principal: str) -> None:
        self._tokens = tokens
        self._principal = principal

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(self._tokens.issue(self._principal, _STORAGE), int(time.time()) + 3600)


class Bridge:
    """Between mosquitto, Event Grid's subscriptions and the service's REST interface."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        tokens = Tokens(config["key"])
        self._presence = Presence()
        self._client = mqtt.Client("iot-hub", clean_session=False)
        self._client.username_pw_set(broker.BRIDGE)
        self._client.on_connect = self._subscribe
        self._client.on_message = self._message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._subscribed = threading.Event()
        self._deliveries = [
            Delivery(
                url=subscription["url"],
                policy=Policy(**subscription["policy"]),
                give_up=DeadLetterContainer(subscription, tokens, config["ca_file"]),
                ca_file=config["ca_file"],
                hasten=config["hasten"],
            )
            for subscription in config["subscriptions"]
        ]
        self._methods = DirectMethods(config["devices"], self._presence, tokens, self._publish)

    def run(self) -> None:
        """Answers REST calls once it has subscribed: whoever finds the port open can have devices send."""
        for delivery in self._deliveries:
            delivery.start()
        self._client.connect("127.0.0.1", self._config["mqtt_port"])
        self._client.loop_start()
        certificate, key = (Path(path) for path in self._config["certificate"])
        self._subscribed.wait()
        Server(self._config["port"], self._methods, (certificate, key)).serve_forever()

    def _subscribe(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe([(TELEMETRY, 1), (ANSWERS, 1), (LOG_TOPICS, 0)])

    def _publish(self, topic: str, payload: bytes) -> None:
        # Of quality 0: mosquitto keeps it for no device that has just gone.
        self._client.publish(topic, payload, qos=0)

    def _message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            self._sort(message)
        except Exception:  # else the client's thread would end
            logging.exception("A message on %s was lost.", message.topic)

    def _sort(self, message: mqtt.MQTTMessage) -> None:
        if message.topic.startswith("$SYS/"):
            self._presence.hear(message.topic, message.payload.decode("utf-8", "replace"))
        elif found := _TELEMETRY.fullmatch(message.topic):
            self._telemetry(found, message.payload)
        else:
            self._methods.answered(message.topic, message.payload)

    def _telemetry(self, found: re.Match[str], body: bytes) -> None:
        device = found["device"]
        if found["named"] != device:  # the hub ends the connection of who writes in another's name
            logging.error("%s sent in the name of %s.", device, found["named"])
            return
        text = telemetry_event.event(self._config["hub_id"], device, found["bag"], body, time.time())
        for delivery in self._deliveries:
            delivery.publish(text)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    Bridge(json.loads(Path(sys.argv[1]).read_text("utf-8"))).run()
