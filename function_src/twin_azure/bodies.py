"""Claim check: a body that is too long for a message of a storage queue is a blob, and the message has a
claim to it.

A queue and its poison queue have one container, in the storage account of the queue, so the claim stays right
where the Functions host moves the message. A blob has one message, which is done before the blob goes.
"""

from __future__ import annotations

import re
import secrets
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from twin_runtime.deadlines import BODY
from twin_runtime.errors import ConfigurationError

from .failures import translated

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

MAX_BODY_BYTES = 1_000_000
"""A dead letter of the longest message that IoT Hub takes (256 KiB) has less than half of it."""
_SERVICE = "Blob storage"
_CLAIM = re.compile(rb'\{"claim":"([0-9a-f]{32})"\}')
# The message is tried again as a whole.
_BOUNDS: dict[str, Any] = {
    "connection_timeout": BODY.connect_s,
    "read_timeout": BODY.answer_s,
    "retry_total": BODY.tries - 1,
}


def split(address: str) -> tuple[str, str]:
    """The URL of a queue and that of its container, from `<queue>?bodies=<container>`; raises
    `ConfigurationError`.
    """
    queue, _, query = address.partition("?")
    containers = parse_qs(query).get("bodies", [])
    if not queue or len(containers) != 1:
        raise ConfigurationError(
            "A queue's address must be <URL of the queue>?bodies=<URL of the container>."
        )
    return queue, containers[0]


def claimed(message: bytes) -> str | None:
    """The name of the blob that a message has a claim to; None where it is a body itself."""
    found = _CLAIM.fullmatch(message)
    return found and found[1].decode()


class Bodies:
    """The bodies of one queue that are outside its messages. Thread-safe, as the client is.

    The SDK is loaded with the first body: few functions ever see one.
    """

    def __init__(self, container_url: str, credential: Any) -> None:
        self._url = container_url
        self._credential = credential

    def put(self, body: str) -> str:
        """Make the body a blob; returns the message in its place. Raises `Retry`."""
        name = secrets.token_hex(16)
        with translated(_SERVICE):
            self._container.upload_blob(name, body.encode("ascii"))
        return f'{{"claim":"{name}"}}'

    def get(self, name: str) -> bytes | None:
        """The body; None where it is gone. Raises `Retry`."""
        from azure.core.exceptions import ResourceNotFoundError

        with translated(_SERVICE):
            try:
                return self._container.download_blob(name).readall()
            except ResourceNotFoundError as error:
                if getattr(error, "error_code", "") == "ContainerNotFound":
                    raise
                return None

    def delete(self, name: str) -> None:
        """Delete the body; one that is gone is no error. Raises `Retry`."""
        from azure.core.exceptions import ResourceNotFoundError

        with translated(_SERVICE):
            try:
                self._container.delete_blob(name)
            except ResourceNotFoundError:
                return

    @cached_property
    def _container(self) -> ContainerClient:
        from azure.storage.blob import ContainerClient

        return ContainerClient.from_container_url(self._url, credential=self._credential, **_BOUNDS)
