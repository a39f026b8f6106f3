"""A workspace of IoT TwinMaker in memory: component types of a CloudFormation template, entities, and what
its data connector tells.

Like TwinMaker it answers before its work is done, and refuses to change an entity meanwhile.
"""

from __future__ import annotations

import re
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Document = dict[str, Any]
Connector = Callable[[str, Document], Document]
"""Invokes the Lambda function of an ARN with a request; returns its response."""

_VALUES = {
    "DOUBLE": "doubleValue",
    "LONG": "longValue",
    "INTEGER": "integerValue",
    "BOOLEAN": "booleanValue",
    "STRING": "stringValue",
    "RELATIONSHIP": "relationshipValue",
    "LIST": "listValue",
}
_EDGES_INTO = re.compile(
    r"SELECT relationship FROM EntityGraph MATCH \(\w+\)-\[relationship\]->\((\w+)\) "
    r"WHERE \1\.entityId = '([^']+)'"
)
_PAGE = 50
DEFAULT_RESULTS = 25


class ServiceError(Exception):
    """An error of the API: its code, and the status that goes with it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class Workspace:
    """`settles` is how many seconds TwinMaker works on an entity after it has answered."""

    def __init__(
        self, template: Mapping[str, Any], *, connector: Connector, region: str, settles: float = 0.05
    ) -> None:
        resources = template["Resources"].values()
        (own,) = (each["Properties"] for each in resources if each["Type"].endswith("::Workspace"))
        self.id: str = own["WorkspaceId"]
        self.arn = f"arn:aws:iottwinmaker:{region}:000000000000:workspace/{self.id}"
        self._own = own
        self._types = {
            each["Properties"]["ComponentTypeId"]: each["Properties"]
            for each in resources
            if each["Type"].endswith("::ComponentType")
        }
        self._connector = connector
        self._settles = settles
        self._lock = threading.RLock()
        self._entities: dict[str, Document] = {}
        self._busy: dict[str, tuple[str, float]] = {}
        self.tags: dict[str, str] = dict(own.get("Tags", {}))

    def get_workspace(self, **_: Any) -> Document:
        now = time.time()
        return {
            "workspaceId": self.id,
            "arn": self.arn,
            "s3Location": self._own["S3Location"],
            "role": self._own["Role"],
            "creationDateTime": now,
            "updateDateTime": now,
        }

    def list_tags_for_resource(self, **_: Any) -> Document:
        return {"tags": dict(self.tags)}

    def tag_resource(self, *, tags: Mapping[str, str], **_: Any) -> Document:
        self.tags.update(tags)
        return {}

    def untag_resource(self, *, tagKeys: Sequence[str], **_: Any) -> Document:
        for key in tagKeys:
            self.tags.pop(key, None)
        return {}

    def create_entity(
        self,
        *,
        entityId: str,
        entityName: str,
        description: str = "",
        components: Mapping[str, Document] | None = None,
        **_: Any,
    ) -> Document:
        with self._lock:
            if entityId in self._entities:
                raise ServiceError("ConflictException", "The entity is there already.", 409)
            made = {name: self._component(name, body) for name, body in (components or {}).items()}
            now = time.time()
            self._entities[entityId] = {
                "entityId": entityId,
                "entityName": entityName,
                "description": description,
                "components": made,
                "creationDateTime": now,
                "updateDateTime": now,
            }
            self._busy[entityId] = ("CREATING", now + self._settles)
        return {
            "entityId": entityId,
            "arn": self._entity_arn(entityId),
            "creationDateTime": now,
            "state": "CREATING",
        }

    def update_entity(
        self,
        *,
        entityId: str,
        entityName: str | None = None,
        description: str | None = None,
        componentUpdates: Mapping[str, Document] | None = None,
        **_: Any,
    ) -> Document:
        with self._lock:
            entity = self._settled(entityId)
            components = dict(entity["components"])
            for name, update in (componentUpdates or {}).items():
                self._change(components, name, update)
            now = time.time()
            entity.update(components=components, updateDateTime=now)
            entity.update(
                {k: v for k, v in (("entityName", entityName), ("description", description)) if v is not None}
            )
            self._busy[entityId] = ("UPDATING", now + self._settles)
        return {"updateDateTime": now, "state": "UPDATING"}

    def delete_entity(self, *, entityId: str, **_: Any) -> Document:
        with self._lock:
            self._settled(entityId)
            self._busy[entityId] = ("DELETING", time.time() + self._settles)
        return {"state": "DELETING"}

    def get_entity(self, *, entityId: str, **_: Any) -> Document:
        with self._lock:
            entity = self._find(entityId)
            return {
                **entity,
                "workspaceId": self.id,
                "arn": self._entity_arn(entityId),
                "status": {"state": self._state(entityId)},
                "parentEntityId": "$ROOT",
                "hasChildEntities": False,
                "components": {name: self._shown(name, each) for name, each in entity["components"].items()},
            }

    def list_entities(
        self,
        *,
        filters: Sequence[Mapping[str, str]] = (),
        maxResults: int = _PAGE,
        nextToken: str | None = None,
        **_: Any,
    ) -> Document:
        wanted = next((each["componentTypeId"] for each in filters if "componentTypeId" in each), None)
        with self._lock:
            found = [
                id_
                for id_ in sorted(self._entities)
                if self._state(id_)
                and wanted
                in (None, *(c["componentTypeId"] for c in self._entities[id_]["components"].values()))
            ]
            page, token = _page(found, nextToken, maxResults)
            summaries = [
                {
                    **{k: v for k, v in self._entities[id_].items() if k != "components"},
                    "arn": self._entity_arn(id_),
                    "status": {"state": self._state(id_)},
                    "hasChildEntities": False,
                }
                for id_ in page
            ]
        return {"entitySummaries": summaries, **token}

    def execute_query(
        self, *, queryStatement: str, maxResults: int = _PAGE, nextToken: str | None = None, **_: Any
    ) -> Document:
        """The edges that arrive at an entity: the one kind of query that the functions make."""
        match = re.fullmatch(_EDGES_INTO, " ".join(queryStatement.split()))
        if match is None:
            raise ServiceError("QueryTimeoutException", "This stand-in knows one kind of query alone.")
        with self._lock:
            edges = [
                {
                    "relationshipName": name,
                    "sourceEntityId": id_,
                    "targetEntityId": match[2],
                    "sourceComponentName": component_name,
                    "sourceComponentTypeId": component["componentTypeId"],
                }
                for id_, entity in sorted(self._entities.items())
                for component_name, component in entity["components"].items()
                for name, value in component["values"].items()
                for each in value.get("listValue", ())
                if each.get("relationshipValue", {}).get("targetEntityId") == match[2]
            ]
        page, token = _page(edges, nextToken, maxResults)
        return {
            "columnDescriptions": [{"name": "relationship", "type": "EDGE"}],
            "rows": [{"rowData": [edge]} for edge in page],
            **token,
        }

    def get_property_value_history(
        self, *, entityId: str, componentName: str, selectedProperties: Sequence[str], **query: Any
    ) -> Document:
        """Asks the connector of the component's type, as TwinMaker documents it."""
        with self._lock:
            component = self._find(entityId)["components"].get(componentName)
        if component is None:
            raise ServiceError("ValidationException", "The entity has no such component.")
        type_ = self._types[component["componentTypeId"]]
        definitions = type_["PropertyDefinitions"]
        for name in selectedProperties:
            if not definitions.get(name, {}).get("IsTimeSeries"):
                raise ServiceError("ValidationException", f"{name} is no time series of the component.")
        request = {
            key: query[key]
            for key in (
                "startTime",
                "endTime",
                "propertyFilters",
                "interpolation",
                "nextToken",
                "orderByTime",
            )
            if key in query
        }
        reader = type_["Functions"]["dataReader"]["ImplementedBy"]["Lambda"]["Arn"]
        return self._connector(
            reader,
            {
                **request,
                "workspaceId": self.id,
                "entityId": entityId,
                "componentName": componentName,
                "componentTypeId": component["componentTypeId"],
                "selectedProperties": list(selectedProperties),
                "maxResults": query.get("maxResults") or DEFAULT_RESULTS,
                "properties": self._shown(componentName, component)["properties"],
            },
        )

    def _entity_arn(self, id_: str) -> str:
        return f"{self.arn}/entity/{id_}"

    def _state(self, id_: str) -> str:
        """Empty once a deletion is done."""
        state, until = self._busy.get(id_, ("ACTIVE", 0.0))
        if time.time() < until:
            return state
        if state == "DELETING":
            self._entities.pop(id_, None)
            self._busy.pop(id_, None)
            return ""
        return "ACTIVE"

    def _find(self, id_: str) -> Document:
        if not self._state(id_) or id_ not in self._entities:
            raise ServiceError("ResourceNotFoundException", "There is no such entity.", 404)
        return self._entities[id_]

    def _settled(self, id_: str) -> Document:
        entity = self._find(id_)
        if self._state(id_) != "ACTIVE":
            raise ServiceError("ConflictException", "The entity is being changed.", 409)
        return entity

    def _component(self, name: str, body: Mapping[str, Any]) -> Document:
        type_id = body.get("componentTypeId", "")
        if type_id not in self._types:
            raise ServiceError("ValidationException", f"There is no component type {type_id}.")
        values = body.get("properties", body.get("propertyUpdates", {}))
        made: Document = {"componentTypeId": type_id, "values": {}}
        for key, each in values.items():
            made["values"][key] = self._checked(type_id, key, each["value"])
        for key, definition in self._types[type_id]["PropertyDefinitions"].items():
            if definition.get("IsRequiredInEntity") and key not in made["values"]:
                raise ServiceError("ValidationException", f"{name} lacks the required property {key}.")
        return made

    def _change(self, components: Document, name: str, update: Mapping[str, Any]) -> None:
        kind = update["updateType"]
        if kind == "CREATE":
            if name in components:
                raise ServiceError("ValidationException", f"The component {name} is there already.")
            components[name] = self._component(name, update)
            return
        if name not in components:
            raise ServiceError("ValidationException", f"There is no component {name}.")
        if kind == "DELETE":
            del components[name]
            return
        component = {**components[name], "values": dict(components[name]["values"])}
        for key, each in update.get("propertyUpdates", {}).items():
            if each["updateType"] == "RESET_VALUE":
                component["values"].pop(key, None)
            else:
                component["values"][key] = self._checked(component["componentTypeId"], key, each["value"])
        components[name] = component

    def _checked(self, type_id: str, key: str, value: Document) -> Document:
        definition = self._types[type_id]["PropertyDefinitions"].get(key)
        if definition is None:
            raise ServiceError("ValidationException", f"{type_id} has no property {key}.")
        self._fits(definition["DataType"], key, value)
        return value

    def _fits(self, data_type: Mapping[str, Any], key: str, value: Document) -> None:
        if list(value) != [_VALUES[data_type["Type"]]]:
            raise ServiceError("ValidationException", f"The value of {key} is no {data_type['Type']}.")
        for each in value.get("listValue", ()):
            self._fits(data_type["NestedType"], key, each)
        target = value.get("relationshipValue", {}).get("targetEntityId")
        if target is not None and target not in self._entities:
            raise ServiceError("ValidationException", f"{key} points at an entity that is not there.")

    def _shown(self, name: str, component: Document) -> Document:
        type_id = component["componentTypeId"]
        properties: Document = {}
        for key, definition in self._types[type_id]["PropertyDefinitions"].items():
            value = component["values"].get(key)
            properties[key] = {"definition": _definition(definition), **({"value": value} if value else {})}
        return {"componentName": name, "componentTypeId": type_id, "properties": properties}


def _definition(definition: Mapping[str, Any]) -> Document:
    """PropertyDefinitionResponse of a definition in the template."""
    flags = ("isExternalId", "isRequiredInEntity", "isStoredExternally", "isTimeSeries")
    return {
        "dataType": _lower(definition["DataType"]),
        **{flag: bool(definition.get(flag[0].upper() + flag[1:], False)) for flag in flags},
        "isImported": False,
        "isFinal": False,
        "isInherited": True,
    }


def _lower(value: Any) -> Any:
    """Names as the API has them, from those of CloudFormation."""
    if isinstance(value, Mapping):
        return {key[0].lower() + key[1:]: _lower(each) for key, each in value.items()}
    return value


def _page(items: Sequence[Any], token: str | None, most: int) -> tuple[Sequence[Any], Document]:
    start = 0
    if token is not None:
        try:
            start = int(b64decode(token, validate=True))
        except ValueError:
            raise ServiceError("ValidationException", "The token is not valid.") from None
    end = start + (most or _PAGE)
    return items[start:end], {"nextToken": b64encode(str(end).encode()).decode()} if end < len(items) else {}
