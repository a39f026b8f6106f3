"""Messages of Terraform's plugin protocol 6 that a stand-in of a provider exchanges with Terraform.

The table has the fields that are used here; Protocol Buffers skips the others. The messages are made from
it at import, without generated code.
"""

import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Message = Any
_PACKAGE = "tfplugin6"
# Numbers of types in a descriptor. On the wire, maps are repeated messages and enumerations are integers.
_SCALARS = {"bool": 8, "bytes": 12, "int64": 3, "string": 9, "enum": 5}
_MESSAGE = 11
_TABLE = """
    DynamicValue: msgpack=1 bytes, json=2 bytes
    AttributePath.Step: attribute_name=1 string
    AttributePath: steps=1 AttributePath.Step*
    Diagnostic: severity=1 enum, summary=2 string, detail=3 string, attribute=4 AttributePath
    RawState: json=1 bytes
    Schema.Attribute: name=1 string, type=2 bytes, required=4 bool, optional=5 bool, computed=6 bool, \
        sensitive=7 bool, write_only=11 bool
    Schema.NestedBlock: type_name=1 string, block=2 Schema.Block, nesting=3 enum
    Schema.Block: attributes=2 Schema.Attribute*, block_types=3 Schema.NestedBlock*
    Schema: version=1 int64, block=2 Schema.Block
    GetProviderSchema.Request:
    GetProviderSchema.Resources: key=1 string, value=2 Schema
    GetProviderSchema.Response: provider=1 Schema, resource_schemas=2 GetProviderSchema.Resources*, \
        data_source_schemas=3 GetProviderSchema.Resources*, diagnostics=4 Diagnostic*
    ValidateProviderConfig.Request: config=1 DynamicValue
    ValidateProviderConfig.Response: diagnostics=2 Diagnostic*
    ConfigureProvider.Request: config=2 DynamicValue
    ConfigureProvider.Response: diagnostics=1 Diagnostic*
    ValidateResourceConfig.Request: type_name=1 string, config=2 DynamicValue
    ValidateResourceConfig.Response: diagnostics=1 Diagnostic*
    ValidateDataResourceConfig.Request: type_name=1 string, config=2 DynamicValue
    ValidateDataResourceConfig.Response: diagnostics=1 Diagnostic*
    UpgradeResourceState.Request: type_name=1 string, version=2 int64, raw_state=3 RawState
    UpgradeResourceState.Response: upgraded_state=1 DynamicValue, diagnostics=2 Diagnostic*
    ReadResource.Request: type_name=1 string, current_state=2 DynamicValue
    ReadResource.Response: new_state=1 DynamicValue, diagnostics=2 Diagnostic*
    PlanResourceChange.Request: type_name=1 string, prior_state=2 DynamicValue, \
        proposed_new_state=3 DynamicValue, config=4 DynamicValue
    PlanResourceChange.Response: planned_state=1 DynamicValue, requires_replace=2 AttributePath*, \
        diagnostics=4 Diagnostic*, legacy_type_system=5 bool
    ApplyResourceChange.Request: type_name=1 string, prior_state=2 DynamicValue, \
        planned_state=3 DynamicValue, config=4 DynamicValue
    ApplyResourceChange.Response: new_state=1 DynamicValue, diagnostics=3 Diagnostic*, \
        legacy_type_system=4 bool
    ReadDataSource.Request: type_name=1 string, config=2 DynamicValue
    ReadDataSource.Response: state=1 DynamicValue, diagnostics=2 Diagnostic*
    StopProvider.Request:
    StopProvider.Response: Error=1 string
"""
SERVICE = f"{_PACKAGE}.Provider"


def _flat(name: str) -> str:
    """Nested messages have names of their own here: on the wire, only numbers count."""
    return name.replace(".", "_")


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="planes.proto", package=_PACKAGE, syntax="proto3")
    for line in _TABLE.strip().splitlines():
        name, _, fields = line.strip().partition(":")
        made = file.message_type.add(name=_flat(name))
        for text in filter(None, map(str.strip, fields.split(","))):
            field, kind = text.split(" ")
            label, number = field.split("=")
            one = made.field.add(name=label, number=int(number), label=3 if kind.endswith("*") else 1)
            kind = kind.rstrip("*")
            if kind in _SCALARS:
                one.type = _SCALARS[kind]  # type: ignore[assignment]
            else:
                one.type = _MESSAGE  # type: ignore[assignment]
                one.type_name = f".{_PACKAGE}.{_flat(kind)}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _pool()
CALLS = tuple(re.findall(r"^ *(\w+)\.Request:", _TABLE, re.MULTILINE))
"""What Terraform asks of a provider."""


def message(name: str, **fields: Any) -> Message:
    """A message by its name in the protocol, such as `Schema.Block`."""
    found = _POOL.FindMessageTypeByName(f"{_PACKAGE}.{_flat(name)}")
    return message_factory.GetMessageClass(found)(**fields)
