"""Publishes commands to devices through AWS IoT Core."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from twin_aws.clients import calling, code_of
from twin_runtime import jsontext
from twin_runtime.errors import Refused
from twin_runtime.ports import Event

_NEVER = ("InvalidRequestException", "RequestEntityTooLargeException")


class IotBroker:
    """`ports.Broker` at the account's data endpoint.

    A command is published with QoS 1 to `<twin>/devices/<device>/commands`. IoT Core keeps it for a device
    that is away if the device has a persistent session; a device that never comes back is not an error.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def send(self, device: str, command: Event) -> None:
        twin = command["source"].split("/")[2]  # /twins/<twin>/devices/<device>
        with calling("IoT Core"):
            try:
                self._client.publish(
                    topic=f"{twin}/devices/{device}/commands",
                    qos=1,
                    payload=jsontext.dumps(command).encode(),
                    contentType="application/cloudevents+json",
                )
            except ClientError as error:
                if code_of(error) in _NEVER:
                    raise Refused(f"IoT Core refused the command ({code_of(error)}).") from error
                raise
