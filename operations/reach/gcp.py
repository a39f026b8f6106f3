"""Google Cloud, with GOOGLE_OAUTH_ACCESS_TOKEN or the application default credentials."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from operations.errors import OperationError
from twin_gcp.cloud import Endpoints, GcpCloud

if TYPE_CHECKING:
    from twin_gcp.graph import FirestoreGraph
    from twin_gcp.state import FirestoreStateStore
    from twin_gcp.store import FirestoreStore
    from twin_runtime.model import Twin

_SERVERS = ("pubsub", "secrets", "storage")
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class GcpReach(GcpCloud):
    """`Reach`; `endpoints` has the addresses and the token of emulators (see `operations.access`)."""

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        emulated = endpoints.keys() - {"token"}
        open_to_all = emulated and "token" not in endpoints
        self.endpoints = Endpoints(**{name: endpoints[name] for name in _SERVERS if name in endpoints})
        self._credentials = None if open_to_all else _credentials(endpoints.get("token"))
        self.tokens = CredentialTokens(self._credentials) if self._credentials else None
        super().__init__(endpoints=self.endpoints, tokens=self.tokens)
        if "firestore" in endpoints:  # the client takes an address without TLS from this variable alone
            os.environ["FIRESTORE_EMULATOR_HOST"] = endpoints["firestore"]

    def store(self, address: str) -> FirestoreStore:
        from twin_gcp.store import FirestoreStore

        return FirestoreStore(self._database(address))

    def graph(self, address: str, twin: Twin) -> FirestoreGraph:
        from twin_gcp.graph import FirestoreGraph

        return FirestoreGraph(self._database(address))

    def state_store(self, address: str) -> FirestoreStateStore:
        from twin_gcp.state import FirestoreStateStore

        return FirestoreStateStore(self._database(address))

    def identity(self) -> str | None:
        return getattr(self._credentials, "service_account_email", None)

    @staticmethod
    def _database(address: str) -> Any:
        """Firestore's client, at the emulator where there is one."""
        from google.cloud import firestore

        _, project, _, database = address.split("/")  # projects/<project>/databases/<database>
        emulated = bool(os.environ.get("FIRESTORE_EMULATOR_HOST"))
        credentials = None if emulated else _credentials()
        return firestore.Client(project=project, database=database, credentials=credentials)


def connect(_region: str | None, endpoints: Mapping[str, str]) -> GcpReach:
    """Connect to Google Cloud, or to the emulators at `endpoints`."""
    return GcpReach(endpoints)


class CredentialTokens:
    """`twin_gcp.rest.Tokens` from Google credentials."""

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def get(self, *, anew: bool = False) -> str:
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        # A token that was given as text has no expiry, and nothing renews it.
        if not self._credentials.valid or (anew and self._credentials.expiry):
            try:
                self._credentials.refresh(Request())
            except GoogleAuthError as error:
                raise OperationError(
                    f"Google issued no token ({type(error).__name__}): log in again."
                ) from error
        return self._credentials.token or ""


def _credentials(token: str | None = None) -> Any:
    """Return the credentials of `token`, of GOOGLE_OAUTH_ACCESS_TOKEN or of the machine."""
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError
    from google.oauth2.credentials import Credentials

    if token := token or os.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN"):
        return Credentials(token)
    try:
        return google.auth.default([_SCOPE])[0]
    except DefaultCredentialsError as error:
        raise OperationError(
            "Google credentials are missing: run gcloud auth application-default login, or set "
            "GOOGLE_OAUTH_ACCESS_TOKEN."
        ) from error
