"""The results of the user's code, as they come from its process: checked against the event and its type."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Any

from twin_runtime import jsontext, times
from twin_runtime.events import cloudevents, user_child
from twin_runtime.events.clocks import Bounds
from twin_runtime.events.user_call import DATA, Call
from twin_runtime.events.user_process import Frame
from twin_runtime.model import Clock, DeviceType
from twin_runtime.ports import Event
from twin_runtime.values import TYPES

_DEPTH = jsontext.MAX_DEPTH - 1
"""Of the data: the event around it is one level more."""
_JSON_TYPES = {
    bool: "boolean", int: "whole number", float: "number with a fraction", str: "string",
    list: "list", dict: "object",
}  # fmt: skip


_MOST_SHAPES, _MOST_NAMES = 8, 50
"""Of a device type: what is learned stays, and a pattern takes a millisecond to make."""
_INTEGER = "-?(?!0[0-9])[0-9]{1,18}+"
_VALUES = {
    bool: "(?:true|false)",
    int: _INTEGER,
    # Within the range of a double.
    float: _INTEGER + r"(?:\.[0-9]{1,20}+)?+(?:e[+-]?[0-9]{1,2}+)?+",
    str: r"\"[ !#-\[\]-~]*+\"",
    type(None): "null",
}


class Foreign(Exception):
    """A line that the process's program does not write."""


class Checks:
    """Makes events of results: all of an event but its data, time and id is the input's, which nothing that
    comes from the process can change. Raises `ValueError` with one sentence, and `Foreign`.
    """

    def __init__(self) -> None:
        self._shapes: dict[str, list[re.Pattern[str]]] = {}

    def kept(self, call: Call, data: str) -> str:
        """The event with this data, as JSON."""
        device_type, _, text = call
        self._check(data, device_type)
        return f"{text[: text.index(DATA)]}{DATA}{data}}}"

    def results(self, call: Call, fields: Sequence[str]) -> list[str]:
        """The events, as JSON, of the results in a line of the process: three fields each."""
        if len(fields) % 3 or len(fields) > 3 * user_child.MAX_RESULTS:
            raise Foreign
        device_type, event, _ = call
        made: list[str] = []
        kept = False
        for place in range(0, len(fields), 3):
            keeps, moment, data = fields[place : place + 3]
            attributes = {name: value for name, value in event.items() if name != "data"}
            if keeps == "d":
                attributes["id"] = cloudevents.hashed_id(attributes["source"], attributes["id"], place // 3)
            elif keeps != "k" or kept:
                raise Foreign
            kept = kept or keeps == "k"
            self._check(data, device_type)
            if moment:
                attributes["time"] = _time(moment, event, device_type.clock)
            made.append(f"{cloudevents.encode(attributes)[:-1]}{DATA}{data}}}")
        return made

    def _check(self, text: str, device_type: DeviceType) -> None:
        """Nearly all data of a type is of few shapes: the same names in the same order, with values of the
        same types. What is of a shape that was found right before is not read again.
        """
        if len(text) > cloudevents.MAX_DATA_BYTES:
            raise ValueError(f"process returned more than {cloudevents.MAX_DATA_BYTES} bytes of data.")
        shapes = self._shapes.get(device_type.name)
        if shapes is None:
            shapes = self._shapes[device_type.name] = []
        for shape in shapes:
            if shape.fullmatch(text):
                return
        data = _read(text)
        for name, metric in device_type.telemetry.items():
            value = data.get(name)
            if value is not None and type(value) not in TYPES[metric["type"]].python:
                raise ValueError(
                    f"process returned {name} as {_JSON_TYPES[type(value)]}; "
                    f"{device_type.name} declares it as {metric['type']}."
                )
        if len(shapes) < _MOST_SHAPES and (shape := _shape(data)) is not None and shape.fullmatch(text):
            shapes.append(shape)


def _shape(data: dict[str, Any]) -> re.Pattern[str] | None:
    """What data is like that has the same names and types; None where it is more than a few plain values."""
    if not 0 < len(data) <= _MOST_NAMES or not all(type(value) in _VALUES for value in data.values()):
        return None
    pairs = (re.escape(jsontext.dumps(name)) + ":" + _VALUES[type(value)] for name, value in data.items())
    return re.compile(r"\{" + ",".join(pairs) + r"\}")


def _read(text: str) -> dict[str, Any]:
    try:
        read = jsontext.scan_object(text, 0, max_depth=_DEPTH)
    except RecursionError:
        read = None
    if read is None or read[1] != len(text):
        try:
            json.loads(text)
        except ValueError:
            raise Foreign from None
        except RecursionError:
            pass
        jsontext.loads(text, max_bytes=len(text), max_depth=_DEPTH)
        raise Foreign  # JSON, but no object
    return read[0]


def _time(text: str, event: Event, clock: Clock) -> str:
    moment = times.normalise(jsontext.loads(text, max_bytes=1_000))
    if moment != event["time"]:
        Bounds.of(event, clock, time.time()).check(moment)
    return moment


def failure(fields: Sequence[str]) -> tuple[str, str, list[Frame]]:
    """Kind, text and frames of a line of the process."""
    try:
        kind, text, frames = jsontext.loads("".join(fields), max_bytes=1_000_000)
        read = [(str(file), int(line), str(function)) for file, line, function in frames]
    except (TypeError, ValueError):
        raise Foreign from None
    return str(kind), str(text), read
