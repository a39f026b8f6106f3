"""The twin graph's resources on AWS: CloudFormation's template, and who may do what in the workspace."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stacks.aws import AwsStack
from support.layouts import Layout, config_of, twin_data
from twin_aws import twinmaker as adapter
from twin_aws import twinmaker_reader
from twin_runtime.functions import twin_connector
from twin_runtime.roles import Cloud
from twinspan import packaging
from twinspan.aws import twinmaker
from twinspan.config.checks.graph import MOST_MEMBERS, MOST_TYPES
from twinspan.providers import App
from twinspan.twin import Twin

AWS = Cloud.AWS
HERE = Layout(AWS, AWS, AWS, l4=AWS)
MODEL: dict[str, Any] = {
    "types": {
        "room": {
            "properties": {
                "floor": {"type": "integer"},
                "area": {"type": "number", "unit": "m2"},
                "heated": {"type": "boolean"},
                "label": {"type": "string"},
            }
        },
        "machine": {},
    },
    "entities": [{"id": "hall-1", "type": "room"}, {"id": "press-7", "type": "machine"}],
    "relationships": [
        {"from": "hall-1", "name": "contains", "to": "press-7"},
        {"from": "press-7", "name": "has_sensor", "to": "thermostat-1"},
    ],
}
Stack = dict[str, Any]


def template(**fields: Any) -> dict[str, Any]:
    return twinmaker.template(
        config_of(twin_data(HERE, **{"model": MODEL, **fields})),
        workspace="factory-graph",
        bucket="factory-graph-123456789012-eu-central-1",
        role="arn:aws:iam::123456789012:role/factory-graph",
        connector="arn:aws:lambda:eu-central-1:123456789012:function:factory-twin-connector",
        tags={"twin": "factory", "layer": "twin_management", "role": "graph"},
    )


def component_types(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        each["Properties"]["ComponentTypeId"]: each["Properties"]
        for each in made["Resources"].values()
        if each["Type"] == "AWS::IoTTwinMaker::ComponentType"
    }


def lint(made: dict[str, Any]) -> list[str]:
    """What cfn-lint says of a template, by the schemas of the resource types that it brings."""
    from cfnlint import api

    text = twinmaker.text(made)
    return [str(match) for match in api.lint(text, config=api.ManualArgs(regions=["eu-central-1"]))]


@pytest.mark.terraform  # seconds, as the other checks of what is deployed take
def test_the_template_is_clean_by_cfn_lint() -> None:
    assert lint(template()) == []


@pytest.mark.terraform
@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("PropertyDefinitions", "temperature", "DataType", "Type"), "FLOAT"),
        (("PropertyDefinitions", "temperature", "IsTimeserie"), True),
        (("Functions", "dataReader", "ImplementedBy", "Lambda"), {}),
    ],
)
def test_cfn_lint_finds_what_is_wrong(where: tuple[str, ...], value: Any) -> None:
    made = template()
    found: Any = component_types(made)["factory.thermostat"]
    *parents, last = where
    for key in parents:
        found = found[key]
    found[last] = value
    assert lint(made)


def test_measurements_are_time_series_of_the_connector() -> None:
    thermostat = component_types(template())["factory.thermostat"]
    assert thermostat["PropertyDefinitions"] == {
        "device-id": {"DataType": {"Type": "STRING"}, "IsExternalId": True, "IsRequiredInEntity": True},
        "temperature": {
            "DataType": {"Type": "DOUBLE", "UnitOfMeasure": "Cel"},
            "IsTimeSeries": True,
            "IsStoredExternally": True,
        },
    }
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:factory-twin-connector"
    assert thermostat["Functions"] == {"dataReader": {"ImplementedBy": {"Lambda": {"Arn": arn}}}}


def test_properties_and_edges_have_the_types_of_twinmaker() -> None:
    found = component_types(template())
    assert {
        name: definition["DataType"]
        for name, definition in found["factory.room"]["PropertyDefinitions"].items()
    } == {
        "floor": {"Type": "LONG"},
        "area": {"Type": "DOUBLE", "UnitOfMeasure": "m2"},
        "heated": {"Type": "BOOLEAN"},
        "label": {"Type": "STRING"},
    }
    assert found["factory.machine"]["PropertyDefinitions"] == {}
    edges = found["factory.graph-edges"]["PropertyDefinitions"]
    assert set(edges) == {"contains", "has_sensor"}
    nested = {"Type": "RELATIONSHIP", "Relationship": {"RelationshipType": "contains"}}
    assert edges["contains"] == {"DataType": {"Type": "LIST", "NestedType": nested}}


def test_logical_ids_are_letters_and_digits_and_depend_on_the_name_alone() -> None:
    more = {**MODEL["types"], "aisle": {}, "zone_2": {}}
    before, after = template()["Resources"], template(model={**MODEL, "types": more})["Resources"]
    assert all(re.fullmatch("[A-Za-z0-9]{1,255}", name) for name in after)
    assert before.keys() < after.keys()
    assert len(after) == len(before) + 2


def test_texts_of_the_file_are_no_expressions_of_terraform() -> None:
    types = {"room": {"properties": {"a": {"type": "number", "unit": "${a}%{b}"}}}}
    made = template(model={"types": types})
    definition = component_types(made)["factory.room"]["PropertyDefinitions"]["a"]
    assert definition["DataType"]["UnitOfMeasure"] == "$${a}%%{b}"


def test_the_largest_model_keeps_cloudformation_s_limits() -> None:
    """500 resources, 1 MB: the page "Understand CloudFormation quotas" of its user guide."""
    unit = "\N{GRINNING FACE}" * 32
    kinds = [f"{'t' * 60}{number:04}" for number in range(MOST_TYPES)]
    names = [f"{'m' * 60}{number:04}" for number in range((MOST_MEMBERS - 200) // MOST_TYPES)]
    metrics = {name: {"type": "boolean", "unit": unit} for name in names}
    edges = [{"from": "d-0", "name": f"{'n' * 60}{number:04}", "to": "d-1"} for number in range(200)]
    made = template(
        device_types={kind: {"telemetry": metrics} for kind in kinds},
        devices=[{"id": f"d-{number}", "type": kinds[number]} for number in range(2)],
        events=False,
        model={"relationships": edges},
    )
    assert len(made["Resources"]) <= 500
    assert 700_000 < len(twinmaker.text(made).encode()) <= 1_000_000


@pytest.mark.slow
def test_a_fleet_of_ten_thousand_devices(tmp_path: Path) -> None:
    """Devices are no resources of the template: it is as large as for one."""
    devices = [{"id": f"thermostat-{number}", "type": "thermostat"} for number in range(1, 10_001)]
    twin = Twin(config_of(twin_data(HERE, model=MODEL, devices=devices)))
    app = App(outdir=str(tmp_path / "out"))
    AwsStack(app, twin=twin, package=packaging.build(twin.config, AWS, tmp_path / "packages"))
    app.synth()
    made = json.loads((tmp_path / "out" / "stacks" / "aws" / "cdk.tf.json").read_text())
    text = made["resource"]["aws_s3_object"]["graph_template"]["content"]
    assert len(text) < 10_000
    assert len(json.loads(text)["Resources"]) == 6


def test_the_stack_is_made_of_the_template_in_the_bucket(graph: Stack) -> None:
    resource = graph["resource"]
    stack = resource["aws_cloudformation_stack"]["graph"]
    assert stack["name"] == "factory-graph"
    assert stack["template_url"] == (
        "https://${aws_s3_bucket.graph.bucket_regional_domain_name}/${aws_s3_object.graph_template.key}"
    )
    assert set(stack["depends_on"]) == {"aws_iam_role_policy.graph", "aws_s3_object.graph_scene"}
    body = resource["aws_s3_object"]["graph_template"]
    assert f"/{stack['parameters'][twinmaker.DIGEST]}.json" in body["key"]
    template = json.loads(body["content"])
    assert set(template["Parameters"]) == set(stack["parameters"])
    workspace = json.loads(body["content"])["Resources"]["Workspace"]["Properties"]
    assert workspace["WorkspaceId"] == "factory-graph"
    assert workspace["S3Location"] == "arn:aws:s3:::${aws_s3_bucket.graph.bucket}"
    assert re.fullmatch(r"cloudformation/[0-9a-f]{16}\.json", body["key"])


def test_the_scene_is_left_to_those_who_draw_it(graph: Stack) -> None:
    scene = graph["resource"]["aws_s3_object"]["graph_scene"]
    assert scene["key"] == "overview.json"
    assert scene["lifecycle"] == {
        "ignore_changes": ["content", "content_type", "etag"],
        "prevent_destroy": True,
    }
    assert json.loads(scene["content"])["nodes"] == []


def test_the_bucket_is_closed_but_to_the_browsers_of_those_who_may(graph: Stack) -> None:
    resource = graph["resource"]
    assert resource["aws_s3_bucket_public_access_block"]["graph"]["restrict_public_buckets"] is True
    assert "aws:SecureTransport" in resource["aws_s3_bucket_policy"]["graph"]["policy"]
    (rule,) = resource["aws_s3_bucket_cors_configuration"]["graph"]["cors_rule"]
    assert rule["allowed_origins"] == [
        "https://*.console.aws.amazon.com",
        "https://*.grafana-workspace.eu-central-1.amazonaws.com",
    ]
    assert all(origin.count("*") == 1 for origin in rule["allowed_origins"])  # S3 takes no more


def test_twinmaker_may_use_its_bucket_and_call_the_connector(graph: Stack) -> None:
    resource = graph["resource"]
    trust = json.loads(resource["aws_iam_role"]["graph"]["assume_role_policy"])["Statement"]
    assert [each["Principal"] for each in trust] == [{"Service": "iottwinmaker.amazonaws.com"}]
    bucket, files, mark, call = statements(graph, "graph")
    assert bucket["Resource"] == ["${aws_s3_bucket.graph.arn}"]
    assert {"s3:GetBucketLocation", "s3:ListBucket"} <= set(bucket["Action"])
    assert files["Resource"] == ["${aws_s3_bucket.graph.arn}/*"]
    assert files["Action"] == ["s3:GetObject", "s3:PutObject"]
    assert mark["Resource"] == ["${aws_s3_bucket.graph.arn}/DO_NOT_DELETE_WORKSPACE_*"]
    assert call["Resource"][0].endswith(":function:factory-twin-connector")
    permission = resource["aws_lambda_permission"]["twin_connector"]
    assert permission["principal"] == "iottwinmaker.amazonaws.com"
    assert permission["source_arn"].endswith(":workspace/factory-graph")


def test_each_function_may_do_what_its_adapter_calls(graph: Stack) -> None:
    (keeps,) = statements(graph, "twin_sync_keep_graph")
    (reads,) = statements(graph, "twin_reader_read_graph")
    both = called(twinmaker_reader.__file__)
    wanted = both | called(adapter.__file__)
    # twin_sync reads no values and no incoming edges; a history wants the component type too.
    assert {action.partition(":")[2] for action in keeps["Action"]} == wanted - {
        "GetPropertyValueHistory",
        "ExecuteQuery",
    }
    assert {action.partition(":")[2] for action in reads["Action"]} == both | {
        "GetWorkspace",
        "GetComponentType",
    }
    for statement in (keeps, reads):
        assert all(":workspace/factory-graph" in resource for resource in statement["Resource"])
    assert "aws_iam_role_policy" in graph["resource"]
    assert not [
        name for name in graph["resource"]["aws_iam_role_policy"] if name.startswith("twin_connector_keep")
    ]


def test_entities_are_deleted_before_their_workspace(graph: Stack) -> None:
    invocation = graph["resource"]["aws_lambda_invocation"]["graph_entities"]
    assert invocation["lifecycle_scope"] == "CRUD"
    assert invocation["function_name"] == "${aws_lambda_function.twin_sync.id}"
    assert set(invocation["depends_on"]) == {
        "aws_cloudformation_stack.graph",
        "aws_iam_role_policy.twin_sync_keep_graph",
    }


def test_functions_have_the_workspace_s_name(graph: Stack) -> None:
    functions = graph["resource"]["aws_lambda_function"]
    variables = {
        role: functions[role]["environment"]["variables"]
        for role in ("twin_sync", "twin_connector", "twin_reader")
    }
    assert variables == {
        "twin_sync": {"GRAPH": "factory-graph"},
        "twin_connector": {"STORE": "${aws_dynamodb_table.hot.name}"},
        "twin_reader": {"GRAPH": "factory-graph"},
    }


def test_template_and_adapter_speak_of_the_same() -> None:
    assert adapter.EDGES == twinmaker.EDGES
    assert adapter.DEVICE == twinmaker.DEVICE == twin_connector.DEVICE
    assert twinmaker_reader.component_type("factory", "room") in component_types(template())


def statements(stack: Stack, name: str) -> list[dict[str, Any]]:
    return json.loads(stack["resource"]["aws_iam_role_policy"][name]["policy"])["Statement"]


def called(path: str) -> set[str]:
    """The operations that an adapter calls on its client."""
    found = re.findall(r"self\._client\.([a-z_]+)\(", Path(path).read_text(encoding="utf-8"))
    return {"".join(word.capitalize() for word in name.split("_")) for name in found}
