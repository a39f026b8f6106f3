"""The twin graph in a workspace of IoT TwinMaker, as it is read.

An entity is named as its twin is. It has a component named after the twin's type, whose values TwinMaker asks
twin_connector for, and components with the edges that leave it: a list property for each relationship's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from twin_aws.clients import calling, code_of
from twin_runtime.errors import Refused, Retry
from twin_runtime.model import Twin
from twin_runtime.ports import GraphTwin, Relationship

EDGES = "graph-edges"
"""Component type and first component of the edges. No type in twin.yaml has a name with a hyphen."""
MOST_SELECTED = 10
MOST_LISTED = 200
MOST_ROWS = 100
"""Most that GetPropertyValueHistory, ListEntities and ExecuteQuery take."""
_AT_A_TIME = 8
_EARLIEST, _LATEST = "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
_ASKED = 4
"""How often the latest values of a device are asked for: an event may hold some of its metrics alone."""
_EDGES_INTO = (
    "SELECT relationship FROM EntityGraph MATCH (source)-[relationship]->(target) WHERE target.entityId = '?'"
)
_ENTITY_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z_\-0-9.:]*")

Api = Mapping[str, Any]


def component_type(twin: str, type_: str) -> str:
    """The id of a component type, such as `factory.thermostat`."""
    return f"{twin}.{type_}"


class TwinMakerReader:
    """`ports.GraphReader` in a workspace. Incoming edges are some seconds behind (see `_incoming`)."""

    def __init__(self, workspace: str, twin: Twin, client: Any) -> None:
        self._workspace = workspace
        self._twin = twin
        self._client = client
        self._edges = component_type(twin.name, EDGES)

    def twins(
        self, *, type: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[GraphTwin], str | None]:
        page = self._list(type, cursor, limit)
        ids = [each["entityId"] for each in page["entitySummaries"]]
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            found = list(pool.map(self.twin, ids))
        return [each for each in found if each is not None], page.get("nextToken") or None

    def twin(self, id: str) -> GraphTwin | None:
        entity = self._get(id)
        if entity is None or entity["status"]["state"] == "DELETING":
            return None
        for type_, component in entity.get("components", {}).items():
            if type_ != EDGES and component["componentTypeId"] == component_type(self._twin.name, type_):
                break
        else:
            return None
        name = entity["entityName"]
        if type_ not in self._twin.device_types:
            return GraphTwin(id, type_, name, dict(stored(component)))
        values, moment = self._latest(id, type_)
        return GraphTwin(id, type_, name, {}, values, moment)

    def relationships(
        self, id: str, *, incoming: bool, cursor: str | None, limit: int
    ) -> tuple[Sequence[Relationship], str | None]:
        if incoming:
            return self._incoming(id, cursor, limit)
        start = _position(cursor)
        entity = self._get(id)
        edges = sorted(self._outgoing(entity), key=lambda edge: (edge.name, edge.target)) if entity else []
        end = start + limit
        return edges[start:end], str(end) if end < len(edges) else None

    def _list(self, type_: str | None, cursor: str | None, limit: int) -> Api:
        filters = [{"componentTypeId": component_type(self._twin.name, type_)}] if type_ else []
        query: dict[str, Any] = {"filters": filters} if filters else {}
        if cursor is not None:
            query["nextToken"] = cursor
        with _reading(cursor):
            return self._client.list_entities(
                workspaceId=self._workspace, maxResults=min(limit, MOST_LISTED), **query
            )

    def _get(self, id_: str) -> Api | None:
        with calling("IoT TwinMaker"):
            try:
                return self._client.get_entity(workspaceId=self._workspace, entityId=id_)
            except ClientError as error:
                # An id that TwinMaker's pattern does not allow is none of its entities'.
                if code_of(error) in ("ResourceNotFoundException", "ValidationException"):
                    return None
                raise

    def _latest(self, id_: str, type_: str) -> tuple[dict[str, Any], str | None]:
        """The newest value of each metric, and the time of the newest of all."""
        values: dict[str, Any] = {}
        newest: str | None = None
        metrics = list(self._twin.device_types[type_].telemetry)
        for first in range(0, len(metrics), MOST_SELECTED):
            missing = metrics[first : first + MOST_SELECTED]
            for _ in range(_ASKED):
                found = self._history(id_, type_, missing)
                values.update({name: value for name, (_, value) in found.items()})
                newest = max((moment for moment, _ in found.values()), default=newest or "") or newest
                missing = [name for name in missing if name not in found]
                if not found or not missing:
                    break
        return values, newest

    def _history(self, id_: str, type_: str, metrics: Sequence[str]) -> dict[str, tuple[str, Any]]:
        with calling("IoT TwinMaker"):
            answer = self._client.get_property_value_history(
                workspaceId=self._workspace,
                entityId=id_,
                componentName=type_,
                selectedProperties=list(metrics),
                startTime=_EARLIEST,
                endTime=_LATEST,
                orderByTime="DESCENDING",
                maxResults=len(metrics),
            )
        found = {}
        for each in answer["propertyValues"]:
            if entries := each.get("values"):
                first = max(entries, key=lambda entry: entry["time"])
                found[each["entityPropertyReference"]["propertyName"]] = (
                    first["time"],
                    _plain(first["value"]),
                )
        return found

    def _outgoing(self, entity: Api) -> Iterator[Relationship]:
        for component in entity.get("components", {}).values():
            if component.get("componentTypeId") == self._edges:
                for name, value in component.get("properties", {}).items():
                    for each in value.get("value", {}).get("listValue", ()):
                        target = each["relationshipValue"]["targetEntityId"]
                        yield Relationship(entity["entityId"], name, target)

    def _incoming(
        self, id_: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[Relationship], str | None]:
        """By the knowledge graph, which is some seconds behind."""
        if not _ENTITY_ID.fullmatch(id_):
            return [], None
        query = {"nextToken": cursor} if cursor is not None else {}
        with _reading(cursor):
            answer = self._client.execute_query(
                workspaceId=self._workspace,
                queryStatement=_EDGES_INTO.replace("?", id_),
                maxResults=min(limit, MOST_ROWS),
                **query,
            )
        rows = [row["rowData"][0] for row in answer.get("rows", ())]
        edges = [
            Relationship(row["sourceEntityId"], row["relationshipName"], row["targetEntityId"])
            for row in rows
            if row.get("sourceComponentTypeId") == self._edges
        ]
        return edges, answer.get("nextToken") or None


def stored(component: Api) -> Iterator[tuple[str, Any]]:
    """The properties with a value of their own."""
    for name, each in component.get("properties", {}).items():
        if value := each.get("value"):
            yield name, _plain(value)


def _plain(value: Api) -> Any:
    return next(iter(value.values()))


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 10):
        raise Refused("The cursor is none of this graph's.")
    return int(cursor)


@contextmanager
def _reading(cursor: str | None) -> Iterator[None]:
    """As `calling`; with a cursor, what TwinMaker finds invalid is the cursor."""
    try:
        with calling("IoT TwinMaker"):
            yield
    except Retry as error:
        if cursor is not None and is_invalid(error):
            raise Refused("The cursor is none of this graph's.") from error
        raise


def is_invalid(error: Retry) -> bool:
    """Whether TwinMaker found the request itself wrong, so that it never takes it."""
    cause = error.__cause__
    return isinstance(cause, ClientError) and code_of(cause) == "ValidationException"
