"""twin_connector: tells IoT TwinMaker the measurements of devices, as its time-series data connector.

TwinMaker hands over a `DataReader` request and wants its response; both have the shapes of
GetPropertyValueHistory. The entity is named as the device is. A request that names a component type alone is
about all devices of a type: each is then told by the property `DEVICE`, its external id.
"""

from __future__ import annotations

import operator
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from twin_runtime import jsontext, times
from twin_runtime.context import Context
from twin_runtime.deadlines import UNBOUNDED, Budget, Deadline
from twin_runtime.events import clocks
from twin_runtime.graph import graph
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import Event
from twin_runtime.storage.reader_client import Reader
from twin_runtime.values import ValueType

DEVICE = "device-id"
"""No metric has a name with a hyphen."""
DEFAULT_RESULTS = 25
"""What GetPropertyValueHistory takes when it is not told."""
MAX_RESULTS = 200
MAX_SCANNED = 3_000
"""Events that one request looks at: a filter may let none of them pass."""
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class BadRequest(ValueError):
    """TwinMaker gets the sentence as the connector's failure."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a request goes on: at the `value`-th value of the `event`-th event with this time of a device."""

    device: str
    time: str
    event: int = 0
    value: int = 0

    def token(self) -> str:
        text = jsontext.dumps([self.device, self.time, self.event, self.value])
        return urlsafe_b64encode(text.encode("ascii")).decode()

    @classmethod
    def of(cls, token: str, devices: Sequence[str]) -> _Place:
        """The place that a token names; raises `BadRequest` unless it is of one of these devices."""
        try:
            device, moment, event, value = jsontext.loads(urlsafe_b64decode(token), max_bytes=2_000)
            place = cls(device, times.normalise(moment), int(event), int(value))
        except (ValueError, TypeError):
            raise BadRequest("The nextToken is not one that was given for this query.") from None
        if device not in devices or min(place.event, place.value) < 0:
            raise BadRequest("The nextToken is not one that was given for this query.")
        return place


@dataclass(frozen=True, slots=True)
class _Query:
    devices: Sequence[str]
    type: str
    properties: Sequence[str]
    filters: Sequence[tuple[str, Callable[[Any, Any], Any], Any]]
    start: str
    end: str
    """Exclusive."""
    descending: bool
    limit: int
    by_type: bool


class TwinConnector:
    """Thread-safe."""

    def __init__(
        self,
        *,
        twin: Twin,
        reader: Reader,
        log: Log,
        budget: Budget = UNBOUNDED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._twin = twin
        self._reader = reader
        self._log = log
        self._budget = budget
        self._clock = clock

    def handle(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The response to a request; raises `BadRequest`, or `Retry` when the store cannot be read now."""
        query = self._query(request)
        token = request.get("nextToken")
        place = _Place.of(token, query.devices) if token else None
        found: dict[tuple[str, str], list[dict[str, Any]]] = {}
        given, rest = 0, None
        for device, name, entry, here in self._walk(query, place, self._budget.deadline()):
            if name is None or given == query.limit:
                rest = here
                break
            found.setdefault((device, name), []).append(entry)
            given += 1
        self._log.info("told", values=given, more=rest is not None)
        values = [
            {"entityPropertyReference": _reference(device, name, query, request), "values": entries}
            for (device, name), entries in found.items()
        ]
        return {"propertyValues": values, **({"nextToken": rest.token()} if rest else {})}

    def _query(self, request: Mapping[str, Any]) -> _Query:
        if request.get("interpolation"):
            raise BadRequest("This connector does not interpolate; ask for the values as they were measured.")
        devices = self._devices(request)
        type_ = self._twin.devices[devices[0]]
        telemetry = self._twin.device_types[type_].telemetry
        selected = request.get("selectedProperties") or list(telemetry)
        return _Query(
            devices=devices,
            type=type_,
            properties=[name for name in selected if name in telemetry],
            filters=[_filter(each) for each in request.get("propertyFilters") or ()],
            start=_time(request, "startTime", "startDateTime", times.EARLIEST),
            # An event far ahead of the clock would be the latest value until its time.
            end=min(
                _after(_time(request, "endTime", "endDateTime", times.LATEST)), clocks.latest(self._clock())
            ),
            descending=request.get("orderByTime") == "DESCENDING",
            limit=min(int(request.get("maxResults") or DEFAULT_RESULTS), MAX_RESULTS),
            by_type=not request.get("entityId"),
        )

    def _devices(self, request: Mapping[str, Any]) -> Sequence[str]:
        entity, type_id = request.get("entityId"), request.get("componentTypeId")
        if entity:
            if entity not in self._twin.devices:
                raise BadRequest("The entity is no device of this twin.")
            return [entity]
        # `<twin>.<type>`: neither holds a dot.
        type_ = str(type_id or "").rpartition(".")[2]
        devices = sorted(device for device, its in self._twin.devices.items() if its == type_)
        if not devices:
            raise BadRequest("The request names neither an entity nor the component type of a device.")
        return devices

    def _walk(
        self, query: _Query, place: _Place | None, deadline: Deadline
    ) -> Iterator[tuple[str, str | None, dict[str, Any], _Place]]:
        """Every value in order, with the place at which to go on if it is not taken. Ends with a name of None
        where it gave up looking.
        """
        scanned = 0
        first = query.devices.index(place.device) if place else 0
        for device in query.devices[first:]:
            here = place if place and place.device == device else None
            for event, at in self._events(query, device, here, deadline):
                if scanned == MAX_SCANNED:
                    yield device, None, {}, at
                    return
                scanned += 1
                skipped = here.value if here and (at.time, at.event) == (here.time, here.event) else 0
                values = list(self._values(query, device, event))
                for position in range(skipped, len(values)):
                    name, entry = values[position]
                    yield device, name, entry, _Place(device, at.time, at.event, position)

    def _events(
        self, query: _Query, device: str, place: _Place | None, deadline: Deadline
    ) -> Iterator[tuple[Event, _Place]]:
        """A device's events in order, from a place on."""
        start, end, skip = query.start, query.end, 0
        if place:
            start, end = _from(place.time, query)
            skip = place.event
        events = self._reader.range(device, start, end, descending=query.descending, deadline=deadline)
        moment, number = "", 0
        for position, event in enumerate(events):
            number = number + 1 if event["time"] == moment else 0
            moment = event["time"]
            if position >= skip:
                yield event, _Place(device, moment, number)

    def _values(self, query: _Query, device: str, event: Event) -> Iterator[tuple[str, dict[str, Any]]]:
        telemetry = self._twin.device_types[query.type].telemetry
        measured = graph.measured(event["data"], telemetry)
        known = {**measured, DEVICE: device}
        if all(name in known and compare(known[name], value) for name, compare, value in query.filters):
            for name in query.properties:
                if name in measured:
                    field = ValueType(telemetry[name]["type"]).spec.field
                    yield name, {"time": event["time"], "value": {field: measured[name]}}


def _reference(device: str, name: str, query: _Query, request: Mapping[str, Any]) -> dict[str, Any]:
    if query.by_type:
        return {"externalIdProperty": {DEVICE: device}, "propertyName": name}
    component = request.get("componentName")
    named = {"componentName": component} if component else {}
    return {"entityId": device, **named, "propertyName": name}


def _filter(given: Mapping[str, Any]) -> tuple[str, Callable[[Any, Any], Any], Any]:
    compare = _OPERATORS.get(str(given.get("operator")))
    value = given.get("value")
    if compare is None or not isinstance(value, Mapping) or len(value) != 1:
        raise BadRequest(f"A property filter must have one of {', '.join(_OPERATORS)} and a value.")
    constant = next(iter(value.values()))

    def compared(found: Any, wanted: Any) -> bool:
        alike = isinstance(found, str) == isinstance(wanted, str)
        return bool(compare(found, wanted)) if alike else compare is operator.ne

    return str(given.get("propertyName")), compared, constant


def _time(request: Mapping[str, Any], name: str, seconds: str, default: str) -> str:
    """RFC 3339, or the older field in seconds."""
    if text := request.get(name):
        try:
            return times.normalise(str(text))
        except ValueError:
            raise BadRequest(f"{name} is not a time.") from None
    moment = request.get(seconds)
    return times.from_epoch(float(moment)) if moment else default


def _from(time: str, query: _Query) -> tuple[str, str]:
    """The range that begins with the events of a time."""
    return (query.start, _after(time)) if query.descending else (time, query.end)


def _after(time: str) -> str:
    """The next microsecond, as far as there is one."""
    if time >= times.LATEST:
        return times.LATEST
    return times.normalise((datetime.fromisoformat(time) + timedelta(microseconds=1)).isoformat())


def assemble(context: Context) -> TwinConnector:
    return TwinConnector(
        twin=context.twin, reader=context.reader(), log=context.log, budget=context.limits.budget()
    )
