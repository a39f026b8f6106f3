"""Which devices are connected and listen for methods, as mosquitto's log says on its own topics."""

from __future__ import annotations

import re
import threading

LOG_TOPICS = "$SYS/broker/log/#"
SUBSCRIBED = "$SYS/broker/log/M/subscribe"
_CONNECTED = re.compile(r"New client connected from \S+ as (?P<client>.+) \(p\d.*u'(?P<device>.*)'\)\.?$")
_GONE = re.compile(
    r"Client (?P<client>.+?) (?:\[.*\] )?"
    r"(?:disconnected|closed its connection|has exceeded timeout|already connected)"
)
_METHODS = re.compile(r"(?P<client>.+) \d (?P<device>[^/]+)/\$iothub/methods/POST/#$")


class Presence:
    """Fed with mosquitto's messages. A subscription outlives its connection, as the session does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[str, str] = {}
        self._listening: set[str] = set()

    def hear(self, topic: str, line: str) -> None:
        """One message of `LOG_TOPICS`."""
        if topic == SUBSCRIBED:
            if found := _METHODS.search(line):
                with self._lock:
                    self._listening.add(found["device"])
        elif found := _CONNECTED.search(line):
            with self._lock:
                self._clients[found["client"]] = found["device"]
        elif found := _GONE.search(line):
            with self._lock:
                self._clients.pop(found["client"], None)

    def reachable(self, device: str) -> bool:
        with self._lock:
            return device in self._listening and device in self._clients.values()
