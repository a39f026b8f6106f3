"""HTTPS over kept-alive connections, on `http.client`: one exchange, no policy."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from twin_runtime.deadlines import Bounds
from twin_runtime.errors import Retry

MAX_ANSWER_BYTES = 1_000_000
_IDLE_SECONDS = 30.0
"""A connection that was unused for longer is likely closed by the other side, or by a frozen function."""
_SHORTEST_S = 0.05
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


class Unreachable(Retry):
    """No answer came: refused, reset, timed out, or not HTTP."""


class Answer(NamedTuple):
    """An answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Asked(NamedTuple):
    """A request; `until` is the client's clock at its deadline."""

    method: str
    path: str
    body: bytes | None
    headers: Mapping[str, str]
    until: float
    longest_answer: int


class HttpClient:
    """A pool of connections per host. Thread-safe: a connection is used by one thread at a time.

    `plain` are hosts beside loopback that are spoken to in plain HTTP.
    """

    def __init__(
        self,
        *,
        connect_timeout: float = Bounds().connect_s,
        plain: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect_timeout = connect_timeout
        self._plain = plain
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str], list[tuple[http.client.HTTPConnection, float]]] = {}

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Answer:
        """As `request`, of the method POST."""
        return self.request("POST", url, body, headers, timeout=timeout)

    def request(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        timeout: float,
        longest_answer: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """One request, from the connection to the answer's last byte within `timeout` seconds; follows no
        redirect. Raises `Unreachable`, or `Retry` for a URL not allowed.

        It may reach the other side twice, where a kept connection ends meanwhile.
        """
        parts = split_url(url, self._plain)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        asked = _Asked(method, path, body, headers, self._clock() + timeout, longest_answer)
        connection = self._take(parts)
        if connection is not None:
            try:
                return self._exchange(parts, connection, asked)
            except _STALE:
                # The other side closed it while it was idle: that says nothing about its health.
                connection.close()
            except (OSError, http.client.HTTPException) as error:
                raise _unreachable(connection, error) from error
        connection = self._open(parts, asked.until)
        try:
            return self._exchange(parts, connection, asked)
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(connection, error) from error

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            pools, self._idle = self._idle, {}
        for pool in pools.values():
            for connection, _ in pool:
                connection.close()

    def _exchange(self, parts: SplitResult, connection: http.client.HTTPConnection, asked: _Asked) -> Answer:
        if connection.sock is None:
            connection.connect()
        assert connection.sock is not None
        connection.sock.settimeout(max(asked.until - self._clock(), _SHORTEST_S))
        connection.response_class = self._timed(asked.until)
        connection.request(asked.method, asked.path, asked.body, dict(asked.headers))
        response = connection.getresponse()
        content = bytearray()
        while chunk := response.read(65536):
            content += chunk
            if len(content) > asked.longest_answer:
                raise http.client.HTTPException("too large")
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, bytes(content))
        if response.will_close or not response.isclosed():
            connection.close()
        else:
            self._give_back(parts, connection)
        return answer

    def _timed(self, until: float) -> Any:
        """What makes a response that is read until a moment, of a server that sends it byte by byte too."""

        def response(sock: socket.socket, *args: Any, **options: Any) -> http.client.HTTPResponse:
            made = http.client.HTTPResponse(sock, *args, **options)
            # What was read ahead belongs to no answer: nothing has been read yet.
            made.fp = io.BufferedReader(_Timed(sock, made.fp.detach(), until, self._clock))
            return made

        return response

    def _open(self, parts: SplitResult, until: float) -> http.client.HTTPConnection:
        host, timeout = (
            parts.hostname or "",
            min(self._connect_timeout, max(until - self._clock(), _SHORTEST_S)),
        )
        if parts.scheme == "https":
            return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=_tls())
        return http.client.HTTPConnection(host, parts.port, timeout=timeout)

    def _take(self, parts: SplitResult) -> http.client.HTTPConnection | None:
        with self._lock:
            pool = self._idle.get((parts.scheme, parts.netloc), [])
            while pool:
                connection, since = pool.pop()
                if self._clock() - since < _IDLE_SECONDS:
                    return connection
                connection.close()
        return None

    def _give_back(self, parts: SplitResult, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            pool = self._idle.setdefault((parts.scheme, parts.netloc), [])
            pool.append((connection, self._clock()))


class _Timed(io.RawIOBase):
    """The bytes from a socket, until a moment by the clock; raises `TimeoutError` then."""

    def __init__(
        self, sock: socket.socket, raw: io.RawIOBase, until: float, clock: Callable[[], float]
    ) -> None:
        self._sock = sock
        self._raw = raw
        self._until = until
        self._clock = clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - self._clock()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def split_url(url: str, plain: Collection[str] = ()) -> SplitResult:
    """The parts of a URL that may be sent to: https, or http on a loopback host or one of `plain`; raises
    `Retry`.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Retry("The link's URL is not a URL.") from None
    allowed = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in (*_LOOPBACK, *plain))
    if not allowed or not parts.hostname or "@" in parts.netloc:
        raise Retry("The link's URL must be https://host/path.")
    return parts


def _unreachable(connection: http.client.HTTPConnection, error: Exception) -> Unreachable:
    connection.close()
    what = (
        "timed out" if isinstance(error, TimeoutError) else f"could not be reached ({type(error).__name__})"
    )
    return Unreachable(f"The receiver {what}.")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
