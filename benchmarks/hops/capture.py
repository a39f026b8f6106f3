"""A server on loopback that keeps the bytes of each request as they came, head and body."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


@dataclass(slots=True)
class Captured:
    """Head and body of each request, in order. `accepts` is what the answers say of the next ones."""

    url: str
    accepts: int = 0
    requests: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])


@contextlib.contextmanager
def capturing() -> Iterator[Captured]:
    """Until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        captured = Captured(f"http://127.0.0.1:{server.getsockname()[1]}/api/ingestion")
        threading.Thread(target=_accept, args=(server, captured), daemon=True).start()
        yield captured


def _accept(server: socket.socket, captured: Captured) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_serve, args=(connection, captured), daemon=True).start()


def _serve(connection: socket.socket, captured: Captured) -> None:
    with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError):
        while head := _head(stream.readline):
            found = _LENGTH.search(head)
            body = stream.read(int(found[1]) if found else 0)
            captured.requests.append((head, body))
            content = json.dumps({"accepted": captured.accepts, "rejected": []}).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(content), content))


def _head(readline: Callable[[], bytes]) -> bytes:
    """The request line and the headers with the empty line; empty at the end of the connection."""
    lines: list[bytes] = []
    for line in iter(readline, b""):
        lines.append(line)
        if line == b"\r\n":
            return b"".join(lines)
    return b""
