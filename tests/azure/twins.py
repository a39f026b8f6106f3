"""The stand-in for Azure Digital Twins, in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from local_cloud.azure.digital_twins.api import OWNER, READER, Api
from local_cloud.azure.digital_twins.instance import Instance
from local_cloud.azure.tokens import Tokens
from local_cloud.web import Answer, Request, Server

_TOKENS = Tokens("a key of the tests' own")


class Credential:
    """Of an identity with a role: its tokens are for the scope that is asked for."""

    def __init__(self, principal: str = OWNER) -> None:
        self._principal = principal

    def get_token(self, *scopes: str, **_: Any) -> SimpleNamespace:
        (scope,) = scopes
        return SimpleNamespace(token=_TOKENS.issue(self._principal, scope.removesuffix("/.default")))


@dataclass
class Twins:
    """A running instance, and what it was asked."""

    url: str
    instance: Instance
    asked: list[tuple[Request, Answer]] = field(default_factory=list[tuple[Request, Answer]])


@contextmanager
def running(**options: Any) -> Iterator[Twins]:
    """An empty instance, until the end of the block. The principals are named as their roles."""
    instance = Instance(**options)
    api = Api(_TOKENS, {OWNER: OWNER, READER: READER}, instance)
    known = Twins("", instance)

    def respond(request: Request) -> Answer:
        answer = api(request)
        known.asked.append((request, answer))
        return answer

    with Server(0, respond) as server:
        known.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()
