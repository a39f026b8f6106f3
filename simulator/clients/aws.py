"""AWS IoT Core: a topic of its own for each device, which the policy ties to its certificate."""

from __future__ import annotations

from simulator.clients.base import Client, OnCommand
from simulator.clients.mqtt import Session, commands
from simulator.endpoint import AwsEndpoint
from simulator.errors import NotAcknowledged, NotConnected

LARGEST_BYTES = 128 * 1024
"""AWS IoT Core closes the connection on a larger message."""


class AwsClient(Client):
    """The client id is the device's id, as the policy `<twin>-device` demands."""

    def __init__(self, endpoint: AwsEndpoint, device: str, *, timeout: float) -> None:
        self._endpoint, self._device, self._timeout = endpoint, device, timeout
        self._callback: OnCommand | None = None
        self._session: Session | None = self._open()

    def send(self, body: bytes) -> None:
        self._publish(self._device, body, insist=len(body) <= LARGEST_BYTES)

    def send_as(self, other: str, body: bytes) -> None:
        self._publish(other, body, insist=False)

    def on_command(self, callback: OnCommand) -> None:
        self._callback = callback
        if self._session is not None:
            self._subscribe(self._session)

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _publish(self, device: str, body: bytes, *, insist: bool) -> None:
        try:
            if self._session is None:
                self._session = self._open()
            self._session.publish(f"{self._endpoint.twin}/devices/{device}/telemetry", body, insist=insist)
        except NotConnected as error:
            raise NotAcknowledged(str(error)) from error
        except NotAcknowledged:
            # What was given up must not be sent again behind the caller's back, nor get the connection
            # closed time after time: the next message gets a session without it.
            self.close()
            raise

    def _open(self) -> Session:
        session = Session(
            host=self._endpoint.host,
            port=self._endpoint.port,
            client_id=self._device,
            certificate=self._endpoint.certificate(self._device),
            ca_file=self._endpoint.ca_file,
            timeout=self._timeout,
        )
        if self._callback is not None:
            self._subscribe(session)
        return session

    def _subscribe(self, session: Session) -> None:
        if self._callback is not None:
            topic = f"{self._endpoint.twin}/devices/{self._device}/commands"
            session.subscribe(topic, commands(self._callback))
