"""Google's REST APIs on the standard library: one exchange, with the function's own token.

The official clients bring gRPC, which costs a cold start more than all else together; publishing, reading a
secret and starting a workflow are one request each.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twin_runtime import deadlines
from twin_runtime.deadlines import Bounds
from twin_runtime.errors import Refused, Retry, Throttled
from twin_runtime.wire.http_client import MAX_ANSWER_BYTES, Answer, HttpClient

_METADATA_HOST = "metadata.google.internal"
_TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - a path
_METADATA = {"Metadata-Flavor": "Google"}
_RENEW_S = 240.0
"""The metadata server gives out the same token until a few minutes before its end."""
_TOKEN_TRY_S = deadlines.TOKEN.try_s
_BOUNDS = Bounds()
_LONGEST_FILE = 100_000_000


class Tokens(Protocol):
    """Where a request's token comes from, within a few seconds."""

    def get(self, *, anew: bool = False) -> str: ...


class MetadataTokens:
    """Tokens of the function's service account, from the metadata server. Thread-safe."""

    def __init__(self, *, host: str = _METADATA_HOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = f"http://{host}{_TOKEN_PATH}"
        self._client = HttpClient(plain=(host.partition(":")[0],))
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._ends = float("-inf")

    def get(self, *, anew: bool = False) -> str:
        """A valid token; raises `Retry`."""
        # Whoever waits for another's try would begin the next one when that has failed.
        if not self._lock.acquire(timeout=_TOKEN_TRY_S):
            raise Retry("The metadata server gave no token in time.")
        try:
            if anew or self._clock() > self._ends - _RENEW_S:
                self._fetch()
            return self._token
        finally:
            self._lock.release()

    def _fetch(self) -> None:
        try:
            answer = self._client.request("GET", self._url, None, _METADATA, timeout=_TOKEN_TRY_S)
            document = json.loads(answer.body)
            self._token = document["access_token"]
            self._ends = self._clock() + float(document["expires_in"])
        except (Retry, ValueError, KeyError) as error:
            raise Retry(f"The metadata server gave no token ({type(error).__name__}).") from error


class Rest:
    """JSON requests to one API. Thread-safe. `tokens` is None for a server on loopback that asks for none."""

    def __init__(self, base: str, tokens: Tokens | None, *, service: str, bounds: Bounds = _BOUNDS) -> None:
        self._base = base.rstrip("/")
        self._tokens = tokens
        self._service = service
        self.bounds = bounds
        self._client = HttpClient()

    def post(self, path: str, document: Any) -> Answer:
        """POST a document as JSON; any answer is returned. Raises `Retry` when there is none."""
        body = json.dumps(document).encode("ascii")
        return self._request("POST", path, body, "application/json")

    def upload(self, path: str, body: bytes, content_type: str) -> Answer:
        """POST bytes, as `post` does a document."""
        return self._request("POST", path, body, content_type)

    def get(self, path: str) -> Answer:
        """GET; any answer is returned. Raises `Retry` when there is none."""
        return self._request("GET", path)

    def download(self, path: str, part: str = "") -> Answer:
        """GET what may be as large as a file, or a part of it: a range of bytes as HTTP writes it."""
        return self._request("GET", path, part=part, longest_answer=_LONGEST_FILE)

    def delete(self, path: str) -> Answer:
        """DELETE; any answer is returned. Raises `Retry` when there is none."""
        return self._request("DELETE", path)

    def failure(self, answer: Answer) -> Retry | Refused:
        """The error that an answer stands for: what the request itself is blamed for will never succeed."""
        sentence = f"{self._service} answered {answer.status}."
        if answer.status == 429:
            return Throttled(sentence)
        return Refused(sentence) if answer.status in (400, 413) else Retry(sentence)

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "",
        *,
        part: str = "",
        longest_answer: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """One try: its tokens are got in its time."""
        until = time.monotonic() + self.bounds.try_s
        given = {"content-type": content_type, "range": part}
        headers = {name: value for name, value in given.items() if value}

        def send(authorization: Mapping[str, str]) -> Answer:
            left = until - time.monotonic()
            if left <= 0:
                raise Retry(f"There was no time left for {self._service}.")
            return self._client.request(
                method,
                f"{self._base}/{path}",
                body,
                {**headers, **authorization},
                timeout=left,
                longest_answer=longest_answer,
            )

        return self._authorised(send)

    def _authorised(self, send: Callable[[Mapping[str, str]], Answer]) -> Answer:
        if self._tokens is None:
            return send({})
        answer = send({"authorization": f"Bearer {self._tokens.get()}"})
        if answer.status == 401:
            answer = send({"authorization": f"Bearer {self._tokens.get(anew=True)}"})
        return answer
