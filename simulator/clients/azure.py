"""Azure IoT Hub, by Microsoft's own client with an X.509 certificate."""

from __future__ import annotations

import logging
import time
from typing import Any

from azure.iot.device import X509, IoTHubDeviceClient, Message, MethodRequest, MethodResponse
from azure.iot.device.exceptions import ConnectionDroppedError, ConnectionFailedError, NoConnectionError

from simulator.clients.base import Client, OnCommand
from simulator.clients.hub import said, shut, use_port, within
from simulator.clients.mqtt import Session
from simulator.endpoint import MQTT_TLS, AzureEndpoint
from simulator.errors import NotAcknowledged, NotConnected

_RETRY_S = 1
_API = "2021-04-12"
_DONE, _FAILED = 200, 500
_AGAIN = (ConnectionDroppedError, ConnectionFailedError, NoConnectionError, NotConnected)


class AzureClient(Client):
    """Declares JSON in UTF-8, without which the hub hands on bytes. Answers direct methods with 200."""

    def __init__(self, endpoint: AzureEndpoint, device: str, *, timeout: float) -> None:
        self._endpoint, self._device, self._timeout = endpoint, device, timeout
        self._callback: OnCommand | None = None
        self._hub: IoTHubDeviceClient | None = self._open()

    def send(self, body: bytes) -> None:
        message = Message(body, content_encoding="utf-8", content_type="application/json")
        until = time.monotonic() + self._timeout
        while True:
            try:
                hub = self._hub or self._open()
                self._hub = hub
                within(max(0.0, until - time.monotonic()), lambda hub=hub: hub.send_message(message))
                return
            except ValueError as error:  # too large: the client itself refuses it
                raise NotAcknowledged(f"The message was not sent: {said(error)}") from None
            except Exception as error:
                if isinstance(error, _AGAIN) and until - time.monotonic() > _RETRY_S:
                    time.sleep(_RETRY_S)
                    continue
                # The client would send it later; what was given up must not arrive behind the caller's back.
                self.close()
                raise NotAcknowledged(f"IoT Hub did not take the message: {said(error)}.") from None

    def send_as(self, other: str, body: bytes) -> None:
        """Microsoft's client knows no other device's topic, so this is plain MQTT, under the device's own id,
        which a hub admits once: hence without the client meanwhile.
        """
        self.close()
        properties = "%24.ct=application%2Fjson&%24.ce=utf-8"
        session = None
        try:
            session = Session(
                host=self._endpoint.host,
                port=self._port,
                client_id=self._device,
                certificate=self._endpoint.certificate(self._device),
                ca_file=self._endpoint.ca_file,
                timeout=self._timeout,
                username=f"{self._endpoint.host}/{self._device}/?api-version={_API}",
            )
            session.publish(f"devices/{other}/messages/events/{properties}", body, insist=False)
        except NotConnected as error:
            raise NotAcknowledged(str(error)) from None
        finally:
            if session is not None:
                session.close()

    def on_command(self, callback: OnCommand) -> None:
        self._callback = callback
        if self._hub is not None:
            self._listen(self._hub)

    def close(self) -> None:
        hub, self._hub = self._hub, None
        if hub is not None:
            shut(hub, self._timeout)

    @property
    def _port(self) -> int:
        return self._endpoint.ports.get(self._device, MQTT_TLS)

    def _open(self) -> IoTHubDeviceClient:
        certificate, key = self._endpoint.certificate(self._device)
        authority = self._endpoint.ca_file
        hub = IoTHubDeviceClient.create_from_x509_certificate(
            X509(str(certificate), str(key)),
            hostname=self._endpoint.host,
            device_id=self._device,
            server_verification_cert=authority.read_text("utf-8") if authority else None,
            connection_retry_interval=_RETRY_S,
        )
        if self._port != MQTT_TLS:
            use_port(hub, self._port)
        try:
            within(self._timeout, hub.connect)
            if self._callback is not None:
                self._listen(hub)
        except Exception as error:
            shut(hub, self._timeout)
            raise NotConnected(f"IoT Hub did not let {self._device} in: {said(error)}.") from None
        return hub

    def _listen(self, hub: IoTHubDeviceClient) -> None:
        def run(request: MethodRequest) -> None:
            payload: Any = request.payload
            status = _DONE
            try:
                if self._callback is not None:
                    self._callback(payload)
            except Exception:
                logging.getLogger(__name__).exception("a command could not be handled")
                status = _FAILED
            hub.send_method_response(MethodResponse.create_from_method_request(request, status))

        def subscribe() -> None:
            hub.on_method_request_received = run

        try:
            within(self._timeout, subscribe)
        except Exception as error:
            raise NotConnected(
                f"IoT Hub did not subscribe {self._device} to methods: {said(error)}."
            ) from None
