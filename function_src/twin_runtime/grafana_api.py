"""The part of Grafana's HTTP API that keeping dashboards takes, as it is in Grafana 10 to 13.

A request is tried again while Grafana starts or is busy. Errors are sentences, without a key or a token.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from twin_runtime import jsontext
from twin_runtime.errors import Retry, Throttled
from twin_runtime.wire.http_client import Answer, HttpClient, Unreachable

MAX_ANSWER_BYTES = 4_000_000
"""Of JSON, which takes a multiple of it in memory. A search that finds 5,000 dashboards has about 2.5 MB."""
MAX_DEPTH = 64
_TIMEOUT_S = 30.0
_INSTALL_S = 120.0
_TRIES = 3
_FIRST_DELAY_S = 1.0
_PASSING = (408, 429, 500, 502, 503, 504)
_LISTED = 5_000
"""Dashboards of one answer of a search, the most that Grafana gives."""


class GrafanaApi:
    """Requests with one authorization, until `deadline` (`time.monotonic`)."""

    def __init__(
        self,
        url: str,
        authorization: str,
        *,
        deadline: float,
        client: HttpClient | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._authorization = authorization
        self._deadline = deadline
        self._client = client or HttpClient()
        self._sleep = sleep

    def has_plugin(self, plugin: str) -> bool:
        return self._found(f"/api/plugins/{quote(plugin)}/settings") is not None

    def install_plugin(self, plugin: str, version: str | None) -> bool:
        """Whether Grafana took it; it does not where its catalog has no such version."""
        wanted = {"version": version} if version else {}
        answer = self._ask("POST", f"/api/plugins/{quote(plugin)}/install", _json(wanted), timeout=_INSTALL_S)
        # 409: another run, or a person, was first, or the version does not fit this Grafana.
        return answer.status in (200, 201) or (answer.status == 409 and self.has_plugin(plugin))

    def data_source(self, uid: str) -> dict[str, Any] | None:
        return self._found(f"/api/datasources/uid/{quote(uid)}")

    def put_data_source(self, wanted: Mapping[str, Any], *, exists: bool) -> None:
        """Create or replace. One that was changed meanwhile, or whose name another one has, is left alone."""
        method, path = (
            ("PUT", f"/api/datasources/uid/{quote(wanted['uid'])}")
            if exists
            else ("POST", "/api/datasources")
        )
        answer = self._ask(method, path, _json(wanted))
        if answer.status == 409:
            raise Retry(
                f"Grafana has another data source named {wanted['name']!r} (rename it), or this one was "
                "changed just now."
            )
        _expect(answer, "data source", (200, 201))

    def has_folder(self, uid: str) -> bool:
        return self._found(f"/api/folders/{quote(uid)}") is not None

    def create_folder(self, uid: str, title: str) -> None:
        answer = self._ask("POST", "/api/folders", _json({"uid": uid, "title": title}))
        if answer.status not in (409, 412):  # another run was first
            _expect(answer, "folder", (200, 201))

    def dashboards(self, tag: str) -> Sequence[Mapping[str, Any]]:
        """What a search for the tag finds: `uid`, and `folderUid` of one that is in a folder."""
        query = urlencode({"type": "dash-db", "tag": tag, "limit": _LISTED})
        answer = self._ask("GET", f"/api/search?{query}")
        _expect(answer, "search", (200,))
        found = _parsed(answer)
        return found if isinstance(found, list) else []

    def last_message(self, uid: str) -> str | None:
        """The message that a dashboard's newest version was saved with; None where there is no dashboard."""
        found = self._found(f"/api/dashboards/uid/{quote(uid)}/versions?limit=1&start=0")
        versions = found.get("versions") if isinstance(found, dict) else found  # a list, before Grafana 11
        if found is None or not isinstance(versions, list):
            return None
        newest = versions[0] if versions else {}
        return newest.get("message", "") if isinstance(newest, dict) else ""

    def put_dashboard(self, content: bytes, *, folder: str, message: str) -> None:
        """Create or replace by the uid in `content`, JSON that is put into the request as it is."""
        rest = _json({"folderUid": folder, "message": message, "overwrite": True})
        answer = self._ask("POST", "/api/dashboards/db", b'{"dashboard":' + content.strip() + b"," + rest[1:])
        _expect(answer, "dashboard", (200,))

    def delete_dashboard(self, uid: str) -> None:
        """One that is not there is success."""
        _expect(self._ask("DELETE", f"/api/dashboards/uid/{quote(uid)}"), "dashboard", (200, 404))

    def _found(self, path: str) -> Any:
        """What is there; None where nothing is."""
        answer = self._ask("GET", path)
        if answer.status == 404:
            return None
        _expect(answer, path.split("/")[2], (200,))
        return _parsed(answer)

    def _ask(
        self, method: str, path: str, body: bytes | None = None, *, timeout: float = _TIMEOUT_S
    ) -> Answer:
        """The first answer that is not a passing fault; raises `Retry` when there is none, `NotAllowed` on
        401 and 403.
        """
        asked = f"{method} {path.partition('?')[0]}"
        headers = {"accept": "application/json", "authorization": self._authorization}
        if body is not None:
            headers["content-type"] = "application/json"
        problem = Retry("There was no time left for Grafana.")
        for attempt in range(_TRIES):
            left = self._deadline - time.monotonic()
            if left <= 0.05:
                break
            try:
                answer = self._client.request(
                    method,
                    f"{self._url}{path}",
                    body,
                    headers,
                    timeout=min(left, timeout),
                    longest_answer=MAX_ANSWER_BYTES,
                )
            except Unreachable:
                problem = Retry("Grafana could not be reached.")
            else:
                if answer.status in (401, 403):
                    raise NotAllowed(
                        f"Grafana answered {answer.status} to {asked}: the function must be an "
                        "administrator of it."
                    )
                if answer.status not in _PASSING:
                    return answer
                kind = Throttled if answer.status == 429 else Retry
                problem = kind(f"Grafana answered {answer.status} to {asked}.")
            self._sleep(min(_FIRST_DELAY_S * 2**attempt, max(0.0, self._deadline - time.monotonic())))
        raise problem


class NotAllowed(Retry):
    """Nothing else will be allowed either: a new role takes minutes to hold, in some clouds."""


def _expect(answer: Answer, what: str, statuses: tuple[int, ...]) -> None:
    if answer.status not in statuses:
        raise Retry(f"Grafana answered {answer.status} to the request for a {what}.")


def _parsed(answer: Answer) -> Any:
    try:
        return jsontext.loads(answer.body, max_bytes=MAX_ANSWER_BYTES, max_depth=MAX_DEPTH)
    except jsontext.Malformed:
        raise Retry("Grafana's answer is not JSON.") from None


def _json(document: Mapping[str, Any]) -> bytes:
    return jsontext.dumps(document).encode("ascii")
