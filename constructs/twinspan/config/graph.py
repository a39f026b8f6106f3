"""The section `model`: the entities of the twin graph, and the relationships between them and the devices."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from twin_runtime.values import LARGEST, LONGEST_TEXT
from twinspan.config.base import (
    Entry,
    FrozenMap,
    Identifier,
    List,
    TypeName,
    Unit,
    finite_scalar,
    one_text,
)
from twinspan.config.problems import Refusal
from twinspan.config.text import shown

# IoT TwinMaker's EntityId: two characters at least, and the last one a letter or digit (API: CreateEntity).
# Digital Twins and Firestore take all of these.
GRAPH_ID = r"[A-Za-z0-9][A-Za-z0-9:_-]*[A-Za-z0-9]"
GRAPH_ID_RULE = (
    "in the twin graph an id has 2–128 letters, digits, ':', '_' and '-', and starts and ends with a letter "
    "or digit, as IoT TwinMaker requires"
)
# TwinMaker keeps integers in 64 bits and texts of 1 to 256 characters (API: DataValue).


def _value(value: Any) -> bool | int | float | str:
    value = finite_scalar(value)
    if isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST:
        raise Refusal(
            f"{shown(value)} does not fit into 64 bits; write a smaller number, or make it a string"
        )
    if isinstance(value, str) and not 1 <= len(value) <= LONGEST_TEXT:
        raise Refusal(
            f"must be a text of 1 to {LONGEST_TEXT} characters, got {len(value)}; leave out or shorten it"
        )
    return value


def _display(value: str) -> str:
    if not 1 <= len(value) <= LONGEST_TEXT or not value.isprintable():
        raise Refusal(f"{shown(value)} is not allowed; a name is 1 to {LONGEST_TEXT} printable characters")
    return value


EntityId = Annotated[str, *one_text(GRAPH_ID, 128, GRAPH_ID_RULE, shortest=2)]
DisplayName = Annotated[
    str,
    AfterValidator(_display),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}),
]
PropertyValue = Annotated[
    bool | int | float | str,
    PlainValidator(_value),
    WithJsonSchema({"type": ["number", "boolean", "string"]}),
]


class Property(Entry):
    """A property of an entity type; its values are in twin.yaml."""

    type: TypeName = Field(description="Type of the value.", examples=["integer"])
    unit: Unit | None = Field(
        default=None, description="Unit, by UCUM code where there is one.", examples=["m2"]
    )


class EntityType(Entry):
    """A type of entities."""

    properties: FrozenMap[Identifier, Property] = Field(
        default_factory=dict,
        description="The properties that an entity of this type may have, by name.",
        examples=[{"floor": {"type": "integer"}}],
    )


class Entity(Entry):
    """A node of the twin graph other than a device, such as a room or a machine."""

    id: EntityId = Field(description="Id, unique among entities and devices.", examples=["hall-1"])
    type: str = Field(description="One of model.types.", examples=["room"])
    name: DisplayName | None = Field(
        default=None, description="Display name; the id by default.", examples=["Hall 1"]
    )
    properties: FrozenMap[Identifier, PropertyValue] = Field(
        default_factory=dict, description="Values of its type's properties.", examples=[{"floor": 1}]
    )


class Relationship(Entry):
    """A directed edge of the twin graph."""

    source: str = Field(alias="from", description="Id of an entity or device.", examples=["hall-1"])
    name: Identifier = Field(description="Name of the relationship.", examples=["contains"])
    target: str = Field(alias="to", description="Id of an entity or device.", examples=["press-7"])


class Model(Entry):
    """The entities and relationships of the twin graph. Every device is in the graph as well."""

    types: FrozenMap[Identifier, EntityType] = Field(
        default_factory=dict,
        description="The entity types, by name.",
        examples=[{"room": {"properties": {"floor": {"type": "integer"}}}}],
    )
    entities: List[Entity] = Field(
        default=(), description="The entities.", examples=[[{"id": "hall-1", "type": "room"}]]
    )
    relationships: List[Relationship] = Field(
        default=(),
        description="The edges between entities and devices.",
        examples=[[{"from": "hall-1", "name": "contains", "to": "thermostat-1"}]],
    )
