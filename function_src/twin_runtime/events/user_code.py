"""The user's processors: one Python file per device type, in the package, with `def process(event)`.

`process` gets one event as a plain dict (a copy) and returns an event, a list of events, or None for none. A
returned event may change `data` and `time`, which is not ahead of the clock (see `clocks`); `source`, `type`,
`subject` and `traceparent` are the input's, whether it repeats them or leaves them out, and another value is
an error. The event that keeps the input's `id` (or has none, where one event is returned) keeps its identity;
any other gets an id made of the input's id and its place in the list, so that processing an event again gives
the same events. `process` should therefore not depend on the clock.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from time import time as now
from typing import Any

from twin_runtime import jsontext, times
from twin_runtime.events import clocks, cloudevents
from twin_runtime.model import DeviceType
from twin_runtime.ports import Event

MAX_DERIVED = 1_000
_DEPTH = jsontext.MAX_DEPTH - 1
"""Of the data: the event around it is one level more."""
_FEW, _SHORT = 100, 500
"""Measurements, and characters of a name or a text: far within an event's bound."""
_LARGEST = sys.float_info.max
_FIXED = ("specversion", "type", "source", "subject", "datacontenttype", "traceparent")


class UserError(Exception):
    """The user's code failed on an event. `kind` is safe to log; the text is the code's own."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class UserCode:
    """The processors of a package, each loaded once, when its device type is first seen. Thread-safe."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._lock = threading.Lock()
        self._loaded: dict[str, Callable[[Event], Any]] = {}

    def process(self, device_type: DeviceType, event: Event) -> list[Event]:
        """The events that follow from `event`; itself where its type has no processor. Raises `UserError`."""
        if device_type.processor is None:
            return [event]
        try:
            result = self._function(device_type.processor)(_copy(event))
        except (Exception, SystemExit) as error:
            raise UserError(type(error).__name__, _text(error)) from error
        try:
            return _derived(event, result)
        except ValueError as error:
            raise UserError("what it returned", str(error)) from None

    def _function(self, path: str) -> Callable[[Event], Any]:
        loaded = self._loaded.get(path)
        if loaded is not None:
            return loaded
        with self._lock:
            if path not in self._loaded:
                self._loaded[path] = _load(self._root, path)
            return self._loaded[path]


def _copy(event: Event) -> Event:
    """All attributes of a checked event but `data` are text."""
    return {**event, "data": jsontext.copy(event["data"])}


def _text(error: BaseException) -> str:
    """The exception's class and text; the text is the user's code too, and may fail itself."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


def _load(root: Path, path: str) -> Callable[[Event], Any]:
    file = (root / path).resolve()
    if not file.is_relative_to(root):
        raise ImportError(f"{path} is outside the package.")
    name = "twin_processor_" + "".join(c if c.isalnum() else "_" for c in path.removesuffix(".py"))
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file.")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    function = getattr(module, "process", None)
    if not callable(function):
        raise ImportError(f"{path} has no function process.")
    return function


def _derived(event: Event, result: Any) -> list[Event]:
    """The events of what `process` returned; raises `ValueError` with one sentence."""
    if result is None:
        return []
    results: list[Any] = result if isinstance(result, list) else [result]
    if len(results) > MAX_DERIVED:
        raise ValueError(f"process returned more than {MAX_DERIVED} events.")
    single = len(results) == 1
    made: list[Event] = []
    kept = False
    for place, item in enumerate(results):
        if not isinstance(item, dict):
            raise ValueError(
                f"process must return an event, a list of events or None, not {type(item).__name__}."
            )
        keeps = not kept and item.get("id", event["id"] if single else None) == event["id"]
        kept = kept or keeps
        made.append(_event(event, item, event["id"] if keeps else _derived_id(event, place)))
    return made


def _derived_id(event: Event, place: int) -> str:
    return cloudevents.hashed_id(event["source"], event["id"], place)


def _event(event: Event, item: dict[str, Any], id: str) -> Event:
    for name in _FIXED:
        if name in item and item[name] != event[name]:
            raise ValueError(f"process must not change {name}.")
    if not cloudevents.ATTRIBUTES.issuperset(item):
        unknown = sorted(str(name) for name in item.keys() - cloudevents.ATTRIBUTES)
        raise ValueError(f"process returned an event with the unknown attribute {unknown[0][:40]!r}.")
    data = item.get("data")
    if not isinstance(data, dict):
        raise ValueError("process returned an event without data.")
    if _plain(data):
        data = dict(data)
    else:
        # Through text and back: what the next role would refuse (NaN, a key twice) is the user's error here.
        data = jsontext.loads(jsontext.dumps(data), max_bytes=cloudevents.MAX_EVENT_BYTES, max_depth=_DEPTH)
    time = item.get("time", event["time"])
    if time is not event["time"]:
        time = times.normalise(time)
        if time > clocks.latest(now()):
            raise ValueError(f"process returned a time more than {clocks.AHEAD_S // 60} minutes ahead.")
    return {**event, "id": id, "time": time, "data": data}


def _plain(data: dict[Any, Any]) -> bool:
    """Whether the data is a few short scalars that text would give back as they are, which most is."""
    if len(data) > _FEW:
        return False
    for key, value in data.items():
        kind = type(value)
        if type(key) is not str or len(key) > _SHORT:
            return False
        if kind is float or kind is int:
            if not -_LARGEST <= value <= _LARGEST:
                return False
        elif kind is str:
            if len(value) > _SHORT:
                return False
        elif kind is not bool and value is not None:
            return False
    return True
