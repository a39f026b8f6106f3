"""A stand-in for Amazon Managed Grafana, which MiniStack has not: one workspace, the tokens of its service
account, and Grafana itself.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from local_cloud.certificates import Certificate
from local_cloud.grafana import GrafanaApi
from local_cloud.web import Answer, Request, Server, json_answer

WORKSPACE = "g-0123456789"
ACCOUNT = "1"
PLUGINS = {"yesoreyeram-infinity-datasource": ("3.11.1",)}
"""Versions that can be installed."""
MAX_LIFE_S = 2_592_000
TYPES = (
    "aws_grafana_role_association",
    "aws_grafana_workspace",
    "aws_grafana_workspace_service_account",
)
"""What the stack's resources are that Terraform makes elsewhere."""
_TOKENS = f"/workspaces/{WORKSPACE}/serviceaccounts/{ACCOUNT}/tokens"
_NAME = re.compile(r".{1,128}")


@dataclass(frozen=True)
class _Token:
    id: str
    name: str
    key: str
    created: float
    expires: float


class ManagedGrafana:
    """Serves in threads of this process until `close`. `url` is the endpoint of AWS's own API, `host` the
    workspace's; `grafana` is what runs in it. Functions sign requests with the local account's keys, which
    nobody checks.
    """

    def __init__(self, certificate: Certificate, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._tokens: dict[str, _Token] = {}
        self._administrator = secrets.token_hex(16)
        self.grafana = GrafanaApi(self._administers, catalog=PLUGINS)
        files: tuple[Path, Path] = (certificate.certificate, certificate.key)
        self._servers = [Server(0, self._answer), Server(0, self.grafana, files)]
        own, workspace = (int(server.server_address[1]) for server in self._servers)
        self.url, self.host = f"http://localhost:{own}", f"127.0.0.1:{workspace}"
        for server in self._servers:
            Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def token(self) -> str:
        """A token of an administrator who signed in: none of the service account's."""
        return self._administrator

    @property
    def tokens(self) -> list[str]:
        """Names of the tokens that are not deleted, expired or not."""
        with self._lock:
            return [token.name for token in self._tokens.values()]

    def _administers(self, authorization: str | None) -> bool | None:
        with self._lock:
            now = self._clock()
            keys = [token.key for token in self._tokens.values() if token.expires > now]
        given = (authorization or "").removeprefix("Bearer ")
        return True if given in (self._administrator, *keys) else None

    def _answer(self, request: Request) -> Answer:
        with self._lock:
            if request.path == _TOKENS and request.method == "POST":
                return self._create(request.json())
            if request.path == _TOKENS and request.method == "GET":
                return json_answer(200, {**_WHERE, "serviceAccountTokens": self._list()})
            where, _, token = request.path.rpartition("/")
            if where == _TOKENS and request.method == "DELETE" and self._tokens.pop(token, None):
                return json_answer(200, {**_WHERE, "tokenId": token})
        return _refused(404, "ResourceNotFoundException", f"There is no {request.method} {request.path}.")

    def _create(self, asked: Mapping[str, Any]) -> Answer:
        name, life = asked.get("name"), asked.get("secondsToLive")
        if asked.keys() - {"name", "secondsToLive"} or not isinstance(name, str) or not _NAME.fullmatch(name):
            return _refused(400, "ValidationException", "A token has a name of 1 to 128 characters.")
        if not isinstance(life, int) or not 1 <= life <= MAX_LIFE_S:
            return _refused(400, "ValidationException", f"A token lives 1 to {MAX_LIFE_S} seconds.")
        if name in {token.name for token in self._tokens.values()}:
            return _refused(409, "ConflictException", "There is a token of this name.")
        now = self._clock()
        made = _Token(secrets.token_hex(4), name, f"glsa_{secrets.token_hex(16)}", now, now + life)
        self._tokens[made.id] = made
        return json_answer(
            200, {**_WHERE, "serviceAccountToken": {"id": made.id, "name": name, "key": made.key}}
        )

    def _list(self) -> list[dict[str, Any]]:
        return [
            {"id": token.id, "name": token.name, "createdAt": token.created, "expiresAt": token.expires}
            for token in self._tokens.values()
        ]


@dataclass(frozen=True)
class Computed:
    """`standins.Computed` of a stack's resources of Managed Grafana; nothing for any other's. `host` is the
    workspace's.
    """

    host: str
    region: str

    def __call__(self, kind: str, _name: str, _body: Mapping[str, Any]) -> Mapping[str, Any]:
        if kind == "aws_grafana_workspace":
            arn = f"arn:aws:grafana:{self.region}:000000000000:/workspaces/{WORKSPACE}"
            return {"id": WORKSPACE, "arn": arn, "endpoint": self.host}
        if kind == "aws_grafana_workspace_service_account":
            return {"id": f"{WORKSPACE},{ACCOUNT}", "service_account_id": ACCOUNT}
        return {}


_WHERE = {"workspaceId": WORKSPACE, "serviceAccountId": ACCOUNT}


def _refused(status: int, code: str, message: str) -> Answer:
    return json_answer(status, {"message": message}, {"x-amzn-errortype": code})
