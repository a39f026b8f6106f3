"""The twin graph in a workspace of IoT TwinMaker, as twin_sync keeps it.

The component types are made with the workspace. An entity's description holds its digest, and a tag of the
workspace the mark of the graph; entities without such a description are somebody else's, and are left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from twin_aws.clients import calling, code_of
from twin_aws.twinmaker_reader import (
    EDGES,
    MOST_LISTED,
    Api,
    TwinMakerReader,
    component_type,
    is_invalid,
    stored,
)
from twin_runtime.errors import Refused, Retry
from twin_runtime.model import Twin
from twin_runtime.ports import GraphTwin, Relationship
from twin_runtime.values import ValueType

DEVICE = "device-id"
"""The property of a device's component that is its external id; see
`twin_runtime.functions.twin_connector`."""
MARK = "twinspan-graph"
MOST_IN_LIST = 50
"""Values in a list property (API: DataValue)."""
_OURS = "twinspan "
_PAUSES = (0.25, 0.5, 1.0, 2.0)
"""How long an entity is waited for that TwinMaker is still changing, in seconds."""


class TwinMakerGraph(TwinMakerReader):
    """`ports.GraphWriter` in a workspace."""

    def __init__(
        self, workspace: str, twin: Twin, client: Any, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(workspace, twin, client)
        self._sleep = sleep

    def prepare(self, twin: Twin) -> None:
        """Nothing: the component types are made with the workspace."""

    def mark(self) -> str:
        with calling("IoT TwinMaker"):
            answer = self._client.list_tags_for_resource(resourceARN=self._arn)
        return answer.get("tags", {}).get(MARK, "")

    def set_mark(self, text: str) -> None:
        with calling("IoT TwinMaker"):
            if text:
                self._client.tag_resource(resourceARN=self._arn, tags={MARK: text})
            else:
                self._client.untag_resource(resourceARN=self._arn, tagKeys=[MARK])

    def digests(self) -> Iterator[tuple[str, str]]:
        cursor: str | None = None
        while True:
            page = self._list(None, cursor, MOST_LISTED)
            for each in page["entitySummaries"]:
                description = each.get("description", "")
                if description.startswith(_OURS) and each["status"]["state"] != "DELETING":
                    yield each["entityId"], description.removeprefix(_OURS)
            cursor = page.get("nextToken") or None
            if cursor is None:
                return

    def put_twin(self, twin: GraphTwin, *, digest: str) -> None:
        component = {
            "componentTypeId": component_type(self._twin.name, twin.type),
            "properties": {name: {"value": value} for name, value in self._properties(twin).items()},
        }
        with _writing():
            try:
                self._client.create_entity(
                    workspaceId=self._workspace,
                    entityId=twin.id,
                    entityName=twin.name,
                    description=_OURS + digest,
                    components={twin.type: component},
                )
            except ClientError as error:
                if code_of(error) != "ConflictException":
                    raise
            else:
                return
        self._replace(twin, digest)

    def put_relationships(self, id: str, edges: Sequence[Relationship], *, digest: str) -> None:
        there = self._settled(id).get("components", {})
        updates = {}
        chunks = list(_chunks(edges))
        for number, chunk in enumerate(chunks):
            name = _chunk_name(number)
            if name in there:
                values = {key: {"updateType": "UPDATE", "value": value} for key, value in chunk.items()}
                stale = {key: {"updateType": "RESET_VALUE"} for key, _ in stored(there[name])}
                updates[name] = {"updateType": "UPDATE", "propertyUpdates": {**stale, **values}}
            else:
                values = {key: {"value": value} for key, value in chunk.items()}
                updates[name] = {
                    "updateType": "CREATE",
                    "componentTypeId": self._edges,
                    "propertyUpdates": values,
                }
        for name, component in there.items():
            if component.get("componentTypeId") == self._edges and name not in updates:
                updates[name] = {"updateType": "DELETE"}
        self._update(id, description=_OURS + digest, componentUpdates=updates)

    def delete_twin(self, id: str) -> None:
        """What still points at it is rewritten with the entity that it leaves."""
        with _writing():
            try:
                self._client.delete_entity(workspaceId=self._workspace, entityId=id)
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise

    def set_values(self, id: str, values: Mapping[str, Any], time: str) -> None:
        """TwinMaker asks twin_connector for them; nobody sets them."""
        raise NotImplementedError

    def replace_values(self, id: str, values: Mapping[str, Any], time: str | None) -> None:
        """Nothing: twin_connector tells what is in the hot store."""

    def is_empty(self) -> bool:
        """Whether no entity is left, not even one that is being deleted."""
        return not self._list(None, None, MOST_LISTED)["entitySummaries"]

    @cached_property
    def _arn(self) -> str:
        with calling("IoT TwinMaker"):
            return self._client.get_workspace(workspaceId=self._workspace)["arn"]

    def _settled(self, id_: str) -> Api:
        """The entity once nobody is changing it: TwinMaker does its work after it has answered."""
        for pause in (*_PAUSES, None):
            entity = self._get(id_)
            if entity is None:
                raise Retry("The entity is not there yet.")
            if entity["status"]["state"] in ("ACTIVE", "ERROR"):
                return entity
            if pause is not None:
                self._sleep(pause)
        raise Retry("The entity is still being changed.")

    def _update(self, id_: str, **changes: Any) -> None:
        with _writing():
            self._client.update_entity(workspaceId=self._workspace, entityId=id_, **changes)

    def _replace(self, twin: GraphTwin, digest: str) -> None:
        there = self._settled(twin.id).get("components", {})
        wanted = component_type(self._twin.name, twin.type)
        properties = self._properties(twin)
        updates: dict[str, Any] = {}
        if twin.type in there:
            stale = {key: {"updateType": "RESET_VALUE"} for key, _ in stored(there[twin.type])}
            values = {key: {"updateType": "UPDATE", "value": value} for key, value in properties.items()}
            updates[twin.type] = {"updateType": "UPDATE", "propertyUpdates": {**stale, **values}}
        else:
            values = {key: {"value": value} for key, value in properties.items()}
            updates[twin.type] = {
                "updateType": "CREATE",
                "componentTypeId": wanted,
                "propertyUpdates": values,
            }
        for name, component in there.items():
            if component.get("componentTypeId") not in (wanted, self._edges):
                updates[name] = {"updateType": "DELETE"}
        self._update(twin.id, entityName=twin.name, description=_OURS + digest, componentUpdates=updates)

    def _properties(self, twin: GraphTwin) -> dict[str, Api]:
        if twin.type in self._twin.device_types:
            return {DEVICE: {"stringValue": twin.id}}
        declared = self._twin.model.types[twin.type]
        fields = {name: ValueType(declared[name]["type"]).spec.field for name in twin.properties}
        return {name: {fields[name]: value} for name, value in twin.properties.items()}


def _chunks(edges: Sequence[Relationship]) -> Iterator[dict[str, Api]]:
    """The list properties of one component after another."""
    targets: dict[str, list[Api]] = {}
    for edge in edges:
        value = {"relationshipValue": {"targetEntityId": edge.target}}
        targets.setdefault(edge.name, []).append(value)
    longest = max(map(len, targets.values()), default=0)
    for first in range(0, longest, MOST_IN_LIST):
        yield {
            name: {"listValue": values[first : first + MOST_IN_LIST]}
            for name, values in targets.items()
            if first < len(values)
        }


def _chunk_name(number: int) -> str:
    return f"{EDGES}-{number + 1}" if number else EDGES


@contextmanager
def _writing() -> Iterator[None]:
    """As `calling`, and what TwinMaker never takes is refused."""
    try:
        with calling("IoT TwinMaker"):
            yield
    except Retry as error:
        if is_invalid(error):
            raise Refused(error.reason) from error
        raise
