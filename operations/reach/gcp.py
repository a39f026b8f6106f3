"""Google Cloud, by GOOGLE_OAUTH_ACCESS_TOKEN or the application default credentials."""

from __future__ import annotations

import os
from collections.abc import Mapping

from operations.errors import OperationError
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_runtime.ports import Broker, Objects, Queue, SecretSource, Store

_SERVERS = ("pubsub", "secrets", "storage")
_NO_GOOGLE = (
    "There are no Google credentials: run gcloud auth application-default login, or set "
    "GOOGLE_OAUTH_ACCESS_TOKEN."
)


class GcpReach:
    """`endpoints`: addresses of local servers (see `operations.access`)."""

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        at = {name: endpoints[name] for name in _SERVERS if name in endpoints}
        self.endpoints = Endpoints(**at)
        self.tokens = _tokens(endpoints)
        self._cloud = GcpCloud(endpoints=self.endpoints, tokens=self.tokens)
        if "firestore" in endpoints:  # the one way in which its client learns of a server without TLS
            os.environ["FIRESTORE_EMULATOR_HOST"] = endpoints["firestore"]

    def queue(self, address: str) -> Queue:
        return self._cloud.queue(address)

    def store(self, address: str) -> Store:
        from google.auth.exceptions import DefaultCredentialsError

        token = os.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN")
        if not token or os.environ.get("FIRESTORE_EMULATOR_HOST"):
            try:
                return self._cloud.store(address)
            except DefaultCredentialsError as error:
                raise OperationError(_NO_GOOGLE) from error
        from google.cloud import firestore
        from google.oauth2.credentials import Credentials

        from twin_gcp.store import FirestoreStore

        _, project, _, database = address.split("/")  # projects/<project>/databases/<database>
        return FirestoreStore(
            firestore.Client(project=project, database=database, credentials=Credentials(token))
        )

    def objects(self, address: str) -> Objects:
        return self._cloud.objects(address)

    def broker(self, address: str) -> Broker:
        return self._cloud.broker(address)

    def secret(self, address: str) -> SecretSource:
        return self._cloud.secret(address)


class _Given:
    """`twin_gcp.rest.Tokens`: one token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get(self, *, anew: bool = False) -> str:
        return self._token


class _Default:
    """`twin_gcp.rest.Tokens`: the application default credentials."""

    def __init__(self) -> None:
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError

        try:
            self._credentials, _ = google.auth.default(["https://www.googleapis.com/auth/cloud-platform"])
        except DefaultCredentialsError as error:
            raise OperationError(_NO_GOOGLE) from error

    def get(self, *, anew: bool = False) -> str:
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        if anew or not self._credentials.valid:
            try:
                self._credentials.refresh(Request())
            except GoogleAuthError as error:
                raise OperationError(
                    f"Google gave no token ({type(error).__name__}): log in again."
                ) from error
        return self._credentials.token or ""


def _tokens(endpoints: Mapping[str, str]) -> _Given | _Default | None:
    """None for a local server that asks for none."""
    token = endpoints.get("token") or os.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN")
    if endpoints.keys() - {"token"}:
        return _Given(endpoints["token"]) if "token" in endpoints else None
    return _Given(token) if token else _Default()
