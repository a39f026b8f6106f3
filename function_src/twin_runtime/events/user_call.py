"""A call of the user's code, and what becomes of it."""

from __future__ import annotations

from typing import NamedTuple

from twin_runtime.model import DeviceType
from twin_runtime.ports import Event

DATA = ',"data":'
"""What stands before the data in an event's text."""


class Failure(NamedTuple):
    """Why an event has no results.

    `kind` is safe to log: the class of an exception, or a few words. `text` is one sentence or the text of
    the exception. `detail` has file, line and source line too. `final`: not to be tried again.
    """

    kind: str
    text: str
    detail: str
    final: bool = False


Call = tuple[DeviceType, Event, str]
"""An event with its type and its JSON: compact ASCII with the data last, which may be there alone."""
Made = list[str] | Failure | None
"""What became of one event: its results, as JSON, or a failure; None where the time was over before."""
