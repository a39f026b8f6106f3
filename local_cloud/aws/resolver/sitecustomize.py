"""Loaded by the interpreters of MiniStack's functions: names under `localhost` are this machine.

IoT Core's data endpoint is a name of its own, here `<account>.iot.<region>.localhost`. RFC 6761 keeps
`localhost` for the loopback address, but the C library's resolver asks a name server.
"""

import socket
from typing import Any

_getaddrinfo = socket.getaddrinfo


def _with_localhost(host: Any, *rest: Any, **options: Any) -> Any:
    if isinstance(host, str) and host.rstrip(".").endswith(".localhost"):
        host = "127.0.0.1"
    return _getaddrinfo(host, *rest, **options)


socket.getaddrinfo = _with_localhost
