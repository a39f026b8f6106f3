"""What the Functions host is told: host.json of the deployed package, and the app settings that stand in its
place.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from twin_runtime.roles import Cloud
from twinspan import packaging

HOST_JSON = packaging.SOURCE / f"twin_{Cloud.AZURE}" / "root" / "host.json"
QUEUES = ("extensions", "queues")
"""The path to the section on queue triggers."""
_OVERRIDE = "AzureFunctionsJobHost__"
_DURATION = re.compile(r"(\d+):([0-5]\d):([0-5]\d)")
_KNOWN: Mapping[tuple[str, ...], frozenset[str]] = {
    (): frozenset({"version", "extensionBundle", "extensions", "functionTimeout", "logging"}),
    ("extensions",): frozenset({"http", "queues"}),
    ("extensions", "http"): frozenset({"routePrefix"}),
    ("extensions", "queues"): frozenset(
        {
            *("batchSize", "newBatchThreshold", "maxDequeueCount", "maxPollingInterval", "messageEncoding"),
            "visibilityTimeout",
        }
    ),
}
"""What host.json may say, by the path to it."""


class Host:
    """The host's figures for one app: host.json, where no app setting says otherwise. The host's own defaults
    are not known here: what is not said raises KeyError.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._document: dict[str, Any] = json.loads(HOST_JSON.read_text(encoding="utf-8"))
        for name, value in settings.items():
            if name.startswith(_OVERRIDE):
                _put(self._document, name.removeprefix(_OVERRIDE).split("__"), value)
        for path, known in _KNOWN.items():
            if more := sorted(set(self._found(path) or {}) - known):
                raise KeyError(f"host.json has {', '.join(more)}, which the guides do not know")

    def text(self, *path: str) -> str:
        """What is said at a path: `text("extensions", "http", "routePrefix")`."""
        found = self._found(path)
        if found is None:
            raise KeyError(f"host.json says nothing of {'.'.join(path)}")
        return str(found)

    def number(self, *path: str) -> int:
        said = self.text(*path)
        if not said.isdecimal():
            raise KeyError(f"{'.'.join(path)} is {said!r}, which is no number")
        return int(said)

    def seconds(self, *path: str) -> int:
        """A duration, `hh:mm:ss`."""
        said = self.text(*path)
        if not (match := _DURATION.fullmatch(said)):
            raise KeyError(f"{'.'.join(path)} is {said!r}, which is no duration as hh:mm:ss")
        hours, minutes, seconds = (int(part) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds

    def _found(self, path: tuple[str, ...]) -> Any:
        found: Any = self._document
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        return found


def _put(document: dict[str, Any], path: list[str], value: str) -> None:
    *sections, last = path
    for section in sections:
        document = document.setdefault(section, {})
    document[last] = value
