"""A stand-in for Secret Manager: the newest version of a secret, and adding one. Nobody is refused."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from threading import Lock

from local_cloud.errors import LocalCloudError
from local_cloud.gcp.json_server import ApiError, Document, JsonServer

_ACCESS = "/versions/latest:access"
_ADD = ":addVersion"


class SecretManager:
    """`GET v1/<secret>/versions/latest:access` and `POST v1/<secret>:addVersion`, on `port`.

    A secret is `projects/<project>/secrets/<name>`. Reading one without a version, or one that is not there,
    is a 404. Thread-safe.
    """

    def __init__(self, port: int) -> None:
        self._versions: dict[str, list[str]] = {}
        self._lock = Lock()
        self._server = JsonServer(self._route, port=port)
        self.close = self._server.close
        self._server.start()

    def create(self, secrets: Iterable[str]) -> None:
        with self._lock:
            for secret in secrets:
                self._versions.setdefault(secret, [])

    def add(self, secret: str, text: str) -> None:
        """Give the secret a new version; raises `LocalCloudError` for one that no stack has made."""
        with self._lock:
            if secret not in self._versions:
                raise LocalCloudError(f"There is no secret {secret}: the stack that writes it names another.")
            self._versions[secret].append(text)

    def newest(self, secret: str) -> str | None:
        with self._lock:
            versions = self._versions.get(secret)
            return versions[-1] if versions else None

    def _route(self, method: str, path: str, document: Document) -> tuple[int, Document]:
        name = path.removeprefix("v1/")
        if method == "GET" and name.endswith(_ACCESS):
            return 200, self._access(name.removesuffix(_ACCESS))
        if method == "POST" and name.endswith(_ADD):
            return 200, self._add(name.removesuffix(_ADD), document)
        raise ApiError(404, f"There is no {method} {path}.")

    def _access(self, secret: str) -> Document:
        with self._lock:
            versions = self._versions.get(secret)
            if not versions:
                raise ApiError(404, f"Secret [{secret}] not found or has no versions.")
            number, text = len(versions), versions[-1]
        data = base64.b64encode(text.encode()).decode()
        return {"name": f"{secret}/versions/{number}", "payload": {"data": data}}

    def _add(self, secret: str, document: Document) -> Document:
        try:
            text = base64.b64decode(document["payload"]["data"], validate=True).decode()
        except (KeyError, TypeError, binascii.Error, UnicodeDecodeError) as error:
            raise ApiError(400, "The version has no payload in base64.") from error
        try:
            self.add(secret, text)
        except LocalCloudError as error:
            raise ApiError(404, str(error)) from error
        return {"name": f"{secret}/versions/{len(self._versions[secret])}", "state": "ENABLED"}
