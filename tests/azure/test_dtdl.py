"""The models that twins are made of: what DTDL allows, by the stand-in and by Microsoft's parser.

The parser is Microsoft's DTDLParser for .NET as WebAssembly (npm, @digicatapult/dtdl-parser).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from local_cloud import node
from local_cloud.azure.digital_twins.errors import Refusal
from local_cloud.azure.digital_twins.models import LONGEST_ID, Models
from support.graphs import GRAPH_DOCUMENT, GRAPH_TWIN, MODEL
from support.servers import npm_module
from twin_azure import dtdl
from twin_runtime import model
from twin_runtime.values import ValueType

PREFIX = dtdl.prefix("factory")
PARSER = "@digicatapult/dtdl-parser"
_PARSE = """
const { getInterop } = await import(process.argv[1]);
const parser = await getInterop();
let text = "";
for await (const chunk of process.stdin) text += chunk;
const answers = JSON.parse(text).map((models) => {
  try { parser.parse(JSON.stringify(models)); return null; } catch (error) { return String(error); }
});
console.log(JSON.stringify(answers));
process.exit(0);
"""

Definition = dict[str, Any]


def content(**changes: Any) -> Definition:
    return {"@type": "Property", "name": "flow", "schema": "double", **changes}


def interface(*contents: Any, **changes: Any) -> Definition:
    made = {"@context": dtdl.CONTEXT, "@id": "dtmi:a:b;1", "@type": "Interface", "contents": list(contents)}
    return {key: value for key, value in {**made, **changes}.items() if value is not None}


def worst() -> list[Definition]:
    """Names as long as twin.yaml allows them."""
    longest, twin = "x" * 64, "a" * 20
    telemetry = {f"{longest[:-2]}{i:02}": {"type": kind} for i, kind in enumerate(ValueType)}
    kind = {"telemetry": {**telemetry, "unit": {"type": "number", "unit": "u" * 32}}, "commands": {}}
    document = {**GRAPH_DOCUMENT, "twin": twin, "device_types": {longest: kind}, "rules": []}
    document |= {"devices": {"d1": longest, "d2": longest}}
    document["model"] = {"relationships": [["d1", "r" * 64, "d2"], ["d1", "name", "d2"]]}
    return dtdl.definitions(dtdl.prefix(twin), model.parse(document))


TAKEN: list[list[Definition]] = [
    dtdl.definitions(dtdl.prefix(GRAPH_TWIN.name), GRAPH_TWIN),
    worst(),
    [interface()],
    [interface(content(comment="c" * 512, description="d" * 512, displayName="n" * 64))],
]
REFUSED: list[list[Definition]] = [
    [interface(**{"@id": "dtmi:a-b;1"})],
    [interface(**{"@id": "dtmi:a:b;0"})],
    [interface(**{"@id": "dtmi:a:b_;1"})],
    [interface(**{"@id": "dtmi:a:9b;1"})],
    [interface(**{"@id": "dtmi:a:b;1234567890"})],
    [interface(**{"@id": f"dtmi:a:{'b' * LONGEST_ID};1"})],
    [interface(**{"@context": "dtmi:dtdl:context;9"})],
    [interface(**{"@type": "Telemetry"})],
    [interface(content(name="a-b"))],
    [interface(content(name="b_"))],
    [interface(content(name="9"))],
    [interface(content(schema="number"))],
    [interface(content(comment="c" * 513))],
    [interface(content(), content(schema="long"))],
    [interface(content(), {"@type": "Relationship", "name": "flow"})],
    [interface(content(), extends="dtmi:a:c;1"), interface(content(), **{"@id": "dtmi:a:c;1"})],
    [interface({"@type": "Relationship", "name": "a b"})],
]


def stand_in(models: list[Definition]) -> str | None:
    try:
        Models().add(models)
    except Refusal as refusal:
        return refusal.message
    return None


@pytest.fixture(scope="module")
def microsoft() -> list[str | None]:
    """What Microsoft's parser says of `TAKEN` and `REFUSED`."""
    path = npm_module(PARSER) / "build" / "index.js"
    run = subprocess.run(
        [node.node(), "--input-type=module", "-e", _PARSE, path.as_uri()],
        input=json.dumps([*TAKEN, *REFUSED]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize("number", range(len(TAKEN)))
def test_the_stand_in_takes_what_dtdl_allows(number: int) -> None:
    assert stand_in(TAKEN[number]) is None


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_the_stand_in_refuses_what_dtdl_does_not(number: int) -> None:
    assert stand_in(REFUSED[number]) is not None


@pytest.mark.servers
def test_microsofts_parser_takes_our_models_and_agrees_with_the_stand_in(
    microsoft: list[str | None],
) -> None:
    assert microsoft[: len(TAKEN)] == [None] * len(TAKEN)
    taken = [models for models, problem in zip(REFUSED, microsoft[len(TAKEN) :], strict=True) if not problem]
    assert not taken


class TestDefinitions:
    def test_three_levels(self) -> None:
        ids = [each["@id"] for each in dtdl.definitions(PREFIX, GRAPH_TWIN)]
        types = sorted({*GRAPH_DOCUMENT["device_types"], *MODEL["types"]})
        assert ids[0] == "dtmi:twinspan:factory;1"
        assert ids[1 : 1 + len(types)] == [f"dtmi:twinspan:factory:{name};1" for name in types]
        for name, revision in zip(types, ids[1 + len(types) :], strict=True):
            assert dtdl.type_of(PREFIX, revision) == name
            assert dtdl.is_revision(PREFIX, revision)

    def test_a_revision_is_of_its_content(self) -> None:
        def of(unit: str = "l/min", names: tuple[str, ...] = ("contains", "cools")) -> str:
            metrics = {"flow": {"type": "number", "unit": unit}, "turns": {"type": "integer"}}
            return dtdl.revision(PREFIX, "pump", {}, metrics, names)["@id"]

        assert of() == of(names=("cools", "contains"))
        assert len({of(), of("m3/h"), of(names=("contains",))}) == 3

    def test_a_revision_s_number_is_a_version_of_dtdl(self) -> None:
        for number in range(300):
            made = dtdl.revision(PREFIX, "pump", {f"p{number}": {"type": "string"}}, {}, ())
            _, _, version = made["@id"].partition(";")
            assert 2 <= int(version) <= 999_999_999

    def test_what_is_no_model_of_the_twin(self) -> None:
        for id_ in (
            "dtmi:twinspan:factory;1",
            "dtmi:twinspan:factory2:pump;2",
            "dtmi:twinspan:factory:pump",
            "dtmi:twinspan:factory:pump;x",
            "dtmi:twinspan:factory:a:pump;2",
            "dtmi:other:pump;2",
            "",
        ):
            assert dtdl.type_of(PREFIX, id_) is None
            assert not dtdl.is_revision(PREFIX, id_)
        assert not dtdl.is_revision(PREFIX, "dtmi:twinspan:factory:pump;1")

    def test_it_is_read_again_also_in_another_form(self) -> None:
        def localized(definition: Mapping[str, Any]) -> Definition:
            return {
                **definition,
                "contents": [
                    {**each, "displayName": {"en": each["displayName"]}} if "displayName" in each else each
                    for each in reversed(definition["contents"])
                ],
            }

        made = dtdl.revision(
            PREFIX, "pump", {"time": {"type": "string"}}, {"flow": {"type": "number"}}, ["name"]
        )
        read = dtdl.interface(PREFIX, made)
        assert read is not None
        assert read == dtdl.interface(PREFIX, localized(made))
        assert read.properties == {"time": dtdl.Content("time_property", "string")}
        assert read.metrics == {"flow": dtdl.Content("flow", "double")}
        assert read.relationships == {"name_relationship"}

    def test_units_and_names_are_shown(self) -> None:
        made = dtdl.revision(PREFIX, "pump", {}, {"flow": {"type": "number", "unit": "%"}}, ())
        (flow,) = made["contents"]
        assert (flow["displayName"], flow["description"]) == ("flow", "Unit: %")
