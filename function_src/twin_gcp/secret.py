"""Secrets, in Secret Manager."""

from __future__ import annotations

import base64
import json

from twin_runtime.errors import Retry, SecretMissing

from .rest import Rest


class SecretVersion:
    """`ports.SecretSource`: the newest version of `projects/<project>/secrets/<name>`."""

    def __init__(self, rest: Rest, path: str) -> None:
        self._rest = rest
        self._path = path

    def fetch(self) -> str:
        answer = self._rest.get(f"v1/{self._path}/versions/latest:access")
        # 400: the newest version is disabled or destroyed.
        if answer.status in (400, 404):
            raise SecretMissing(f"The secret {self._path.rpartition('/')[2]} has no version yet.")
        if answer.status != 200:
            raise Retry(f"Secret Manager answered {answer.status}.")
        try:
            return base64.b64decode(json.loads(answer.body)["payload"]["data"]).decode()
        except (ValueError, KeyError, TypeError) as error:
            raise Retry(f"Secret Manager's answer is unreadable ({type(error).__name__}).") from error
