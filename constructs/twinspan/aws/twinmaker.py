"""The CloudFormation template of an IoT TwinMaker workspace: the Terraform provider has no type for it.

It holds what a twin's model says of types. The entities are twin_sync's: a stack holds 500 resources, and one
entity moved from a stack to the next would be there twice for a moment, which TwinMaker refuses.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from twin_runtime.values import ValueType
from twinspan.config import Config, DeviceType, EntityType, Property
from twinspan.terraform.resources import literal

EDGES = "graph-edges"
"""The component type of the edges. No type in twin.yaml has a name with a hyphen."""
DEVICE = "device-id"
"""A device's external id; no metric has a name with a hyphen either."""
SCENE = "overview"
DIGEST = "TemplateDigest"
"""The parameter by which CloudFormation says which template a stack was last made of."""
EMPTY_SCENE: Mapping[str, Any] = {
    "specVersion": "1.0",
    "version": "1",
    "unit": "meters",
    "properties": {"environmentPreset": "neutral"},
    "nodes": [],
    "rootNodeIndexes": [],
    "cameras": [],
    "rules": {},
}
"""What the scene composer of TwinMaker's console starts from."""

Resource = dict[str, Any]


def template(
    config: Config, *, workspace: str, bucket: str, role: str, connector: str, tags: Mapping[str, str]
) -> dict[str, Any]:
    """The template, with expressions of Terraform's in it: the bucket's name, the ARNs of the workspace's
    role and of the data connector's function.
    """
    resources: dict[str, Resource] = {
        "Workspace": {
            "Type": "AWS::IoTTwinMaker::Workspace",
            "Properties": {
                "WorkspaceId": workspace,
                "S3Location": f"arn:aws:s3:::{bucket}",
                "Role": role,
                "Tags": dict(tags),
            },
        },
        "Scene": _within(
            workspace, "Scene", {"SceneId": SCENE, "ContentLocation": f"s3://{bucket}/{SCENE}.json"}
        ),
    }
    for name, device_type in config.device_types.items():
        resources[_logical_id(name)] = _of_devices(config.name, workspace, name, device_type, connector)
    for name, entity_type in config.model.types.items():
        resources[_logical_id(name)] = _of_entities(config.name, workspace, name, entity_type)
    resources["Edges"] = _component_type(config.name, workspace, EDGES, dict(_edges(config)))
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Twin graph of {config.name}: workspace, component types and scene.",
        "Parameters": {DIGEST: {"Type": "String", "Description": "Which template this is."}},
        "Resources": resources,
        "Outputs": {DIGEST: {"Value": {"Ref": DIGEST}}},
    }


def text(made: Mapping[str, Any]) -> str:
    """The template as CloudFormation reads it; its size counts."""
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"))


def _of_devices(twin: str, workspace: str, name: str, device_type: DeviceType, connector: str) -> Resource:
    """Measurements are time series that TwinMaker pulls from the connector."""
    definitions: dict[str, Any] = {
        DEVICE: {"DataType": {"Type": "STRING"}, "IsExternalId": True, "IsRequiredInEntity": True}
    }
    for metric, declared in device_type.telemetry.items():
        definitions[metric] = {
            "DataType": _data_type(declared.type, declared.unit),
            "IsTimeSeries": True,
            "IsStoredExternally": True,
        }
    made = _component_type(twin, workspace, name, definitions)
    made["Properties"]["Functions"] = {"dataReader": {"ImplementedBy": {"Lambda": {"Arn": connector}}}}
    return made


def _of_entities(twin: str, workspace: str, name: str, entity_type: EntityType) -> Resource:
    definitions = {key: _property(declared) for key, declared in entity_type.properties.items()}
    return _component_type(twin, workspace, name, definitions)


def _property(declared: Property) -> dict[str, Any]:
    return {"DataType": _data_type(declared.type, declared.unit)}


def _edges(config: Config) -> Iterator[tuple[str, Any]]:
    for name in sorted({edge.name for edge in config.model.relationships}):
        nested = {"Type": "RELATIONSHIP", "Relationship": {"RelationshipType": name}}
        yield name, {"DataType": {"Type": "LIST", "NestedType": nested}}


def _data_type(kind: ValueType, unit: str | None) -> dict[str, str]:
    return {"Type": kind.spec.twinmaker, **({"UnitOfMeasure": literal(unit)} if unit else {})}


def _component_type(twin: str, workspace: str, name: str, definitions: Mapping[str, Any]) -> Resource:
    properties = {"ComponentTypeId": f"{twin}.{name}", "PropertyDefinitions": dict(definitions)}
    return _within(workspace, "ComponentType", properties)


def _within(workspace: str, kind: str, properties: Mapping[str, Any]) -> Resource:
    return {
        "Type": f"AWS::IoTTwinMaker::{kind}",
        "DependsOn": "Workspace",
        "Properties": {"WorkspaceId": workspace, **properties},
    }


def _logical_id(name: str) -> str:
    """Letters and digits alone, and the same whatever else the twin has: CloudFormation makes anew what
    changes its logical id.
    """
    return "Type" + hashlib.sha256(name.encode()).hexdigest()[:16]
