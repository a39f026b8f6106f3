"""`extends`: what a file takes from its base, and where each problem stands."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.config.conftest import FULL
from tests.config.test_properties import QUIET, twins
from twin_runtime.roles import Cloud
from twinspan.config import Config, ConfigErrors, load
from twinspan.config.schema import schema
from twinspan.twinfile import checked

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / "examples" / "environments"
VALIDATOR = Draft202012Validator(schema())


@pytest.fixture
def files(twin: Path):
    """Write files beside the full example, which is `base.yaml` here, and return the path of the last."""
    twin.rename(twin.with_name("base.yaml"))

    def write(**texts: str) -> Path:
        path = twin
        for name, text in texts.items():
            path = twin.parent / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return path

    return write


def _said(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as raised:
        load(path)
    assert str(path) in str(raised.value)
    return [str(problem) for problem in raised.value.problems]


def test_mappings_merge_and_everything_else_replaces(files) -> None:
    config = load(
        files(
            prod="extends: base.yaml\ntwin: plant\nlayers: {processing: aws}\nprotect: true\n"
            "devices: [{id: t-9, type: thermostat}]\nclouds: {aws: {region: eu-west-1}}\n"
            "device_types: {thermostat: {telemetry: {level: {type: integer}}}}\n"
        )
    )
    assert config.name == "plant"
    assert (config.layers.acquisition, config.layers.processing) == (Cloud.AWS, Cloud.AWS)
    assert config.clouds.aws and config.clouds.aws.region == "eu-west-1"
    assert config.clouds.aws.account_id == "123456789012"
    assert [device.id for device in config.devices] == ["t-9"]
    assert {"level", "humidity"} < set(config.device_types["thermostat"].telemetry)
    assert config.protect is True
    assert config.events.rules[0].name == "overheating"


def test_a_mapping_of_another_type_replaces(files) -> None:
    path = files(
        prod="extends: base.yaml\nbackend: {type: gcs, bucket: b}\n",
        more="extends: prod.yaml\nbackend: {prefix: 'x/{twin}/{stack}'}\n",
        other="extends: more.yaml\nbackend: {type: local}\n",
    )
    assert load(path).backend.model_dump() == {"type": "local", "path": None}
    assert load(path.with_name("more.yaml")).backend.arguments(twin="t", stack="s") == {
        "bucket": "b",
        "prefix": "x/t/s",
    }


def test_every_problem_names_its_file_and_line(files) -> None:
    base = FULL.replace("hot_days: 30", "hot_days: x").replace("region: europe-west1", "region: europe-west")
    base += "twin: again\nthing: 1\n"
    path = files(
        base=base,
        prod="extends: base.yaml\n\nlayers:\n  processing: azur\nclouds: {aws: {region: Mars}}\nthings: 2\n",
    )
    assert [text.split(": ")[0] for text in _said(path)] == [
        "line 4, layers.processing",
        "line 5, clouds.aws.region",
        "line 6, things",
        "base.yaml, line 9, clouds.gcp.region",
        "base.yaml, line 34, retention.hot_days",
        "base.yaml, line 42, twin",
        "base.yaml, line 43, thing",
    ]


def test_what_is_missing_is_missing_where_its_mapping_stands(files) -> None:
    path = files(
        base="layers: {acquisition: aws, processing: aws}\ndevice_types: {}\n"
        "clouds:\n  aws: {region: eu-west-1}\n",
        prod="extends: base.yaml\nlayers: {hot_storage: aws}\n",
    )
    assert [text.split(": ")[0] for text in _said(path)] == [
        "twin",
        "base.yaml, line 2, device_types",
        "base.yaml, line 4, clouds.aws.account_id",
    ]


def test_what_a_file_replaces_is_no_problem_of_the_base(files) -> None:
    base = FULL.replace("type: thermostat}\n", "type: valve}\n").replace("above: 80", "above: hot")
    path = files(
        base=base,
        prod="extends: base.yaml\ndevices:\n  - {id: t, type: thermostad}\nevents: {rules: []}\n",
    )
    (said,) = _said(path)
    assert said.startswith("line 3, devices[0].type: 'thermostad' is not a device type")


def test_paths_are_relative_to_the_file_that_names_them(files) -> None:
    path = files(
        common__base=FULL.replace("processors/thermostat.py", "own.py"),
        prod="extends: common/base.yaml\n",
    )
    (said,) = _said(path)
    assert said == (
        "common/base.yaml, line 22, device_types.thermostat.processor: common/own.py does not exist; give "
        "the path of a Python file"
    )
    (path.parent / "common" / "own.py").write_text("def process(event):\n    return event\n")
    config = load(path)
    processor = config.device_types["thermostat"].processor
    assert processor and config.path_of(processor) == path.parent / "common" / "own.py"
    moved = files(prod="extends: common/base.yaml\nevents: {workflow: flow.json}\n")
    assert _said(moved) == [
        "line 2, events.workflow: flow.json does not exist; give the path of a workflow definition"
    ]


WRONG = {
    "a number": ("extends: 7\n", "line 1, extends: must be the path of a file, got 7"),
    "outside": (
        "twin: a\nextends: ../base.yaml\n",
        "line 2, extends: '../base.yaml' is outside the folder of the twin.yaml; put the file into that "
        "folder",
    ),
    "absolute": (
        "extends: /base.yaml\n",
        "line 1, extends: '/base.yaml' is outside the folder of the twin.yaml; put the file into that folder",
    ),
    "gone": (
        "extends: bas.yaml\n",
        "line 1, extends: bas.yaml does not exist; give the path of a twin.yaml",
    ),
    "a folder": (
        "extends: processors\n",
        "line 1, extends: processors is a folder; give the path of a twin.yaml",
    ),
    "itself": (
        "extends: prod.yaml\n",
        "line 1, extends: prod.yaml → prod.yaml is a cycle; remove extends from one of these files",
    ),
    "a list": (
        "extends: list.yaml\n",
        "list.yaml, line 1, list.yaml: must be a mapping of fields; write the fields of a twin.yaml",
    ),
    "no YAML": (
        "twin:\nextends: broken.yaml\n",
        "line 1, twin: has no value; give it one or leave the line out",
        "broken.yaml, line 2, broken.yaml: is not valid YAML at column 1 (did not find expected ',' or '}'); "
        "check the indentation, quotes and brackets there",
    ),
    "a cycle": (
        "extends: one.yaml\n",
        "two.yaml, line 1, extends: prod.yaml → one.yaml → two.yaml → one.yaml is a cycle; remove extends "
        "from one of these files",
    ),
    "misspelt": (
        "extend: base.yaml\n",
        "line 1, extend: is not a known field; did you mean 'extends'?",
    ),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_one_wrong_base(files, case) -> None:
    text, *said = case
    path = files(
        list="- 1\n",
        broken="a: {b: 1\n",
        one="extends: two.yaml\n",
        two="extends: one.yaml\n",
        prod=text,
    )
    assert _said(path)[-len(said) :] == said


def test_a_link_out_of_the_folder_is_refused(files, tmp_path_factory) -> None:
    path = files(prod="extends: link.yaml\n")
    outside = tmp_path_factory.mktemp("outside") / "base.yaml"
    outside.write_text(FULL)
    path.with_name("link.yaml").symlink_to(outside)
    (said,) = _said(path)
    assert said.startswith("line 1, extends: link.yaml links to a file outside the folder")


def test_a_chain_has_ten_bases_at_most(files) -> None:
    files(**{f"b{i}": f"extends: b{i + 1}.yaml\nretention: {{hot_days: {i}}}\n" for i in range(1, 10)})
    path = files(b10=FULL, prod="extends: b1.yaml\n")
    assert load(path).retention.hot_days == 1
    path = files(b10="extends: b11.yaml\n", b11=FULL, prod="extends: b1.yaml\n")
    assert _said(path) == ["b10.yaml, line 1, extends: b11.yaml is the base number 11; use at most 10"]


@pytest.mark.matrix
@QUIET
@given(data=twins(), cut=st.data())
def test_a_twin_may_be_split_anywhere(tmp_path, data, cut) -> None:
    """Which of the two files has a field makes no difference, and both are valid for the schema."""
    base, over = _split(data, cut)
    (tmp_path / "base.yaml").write_text(json.dumps(base, ensure_ascii=False), encoding="utf-8")
    over = {"extends": "base.yaml", **over}
    (tmp_path / "twin.yaml").write_text(json.dumps(over, ensure_ascii=False), encoding="utf-8")
    VALIDATOR.validate(over)
    assert load(tmp_path / "twin.yaml") == Config.model_validate(data, context={"folder": tmp_path})


def _split(data, cut):
    base, over = {}, {}
    for key, value in data.items():
        where = cut.draw(st.sampled_from(["base", "over", "both"]))
        if where == "both" and isinstance(value, dict) and value and "type" not in value:
            base[key], over[key] = _split(value, cut)
        elif where != "base":
            over[key] = value
        if where == "base":
            base[key] = value
    return base, over


def test_the_example() -> None:
    test, prod = (checked(ENVIRONMENTS / name) for name in ("factory.yaml", "factory.prod.yaml"))
    assert (test.name, prod.name) == ("factory-test", "factory")
    assert (test.protect, prod.protect) == (False, True)
    assert prod.layers.processing is Cloud.AZURE
    assert prod.clouds.aws and prod.clouds.aws.region == "eu-west-1"
    assert [device.id for device in prod.devices] == ["press-1", "press-2"]
    assert (test.events.enabled, prod.events.enabled) == (False, True)
    assert prod.events.rules == test.events.rules
    for path in ENVIRONMENTS.glob("*.yaml"):
        VALIDATOR.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "data",
    [
        {"twin": "factory"},
        {"extends": "base.yaml", "layers": {"processing": "azur"}},
        {"extends": "base.yaml", "devices": [{"id": "x"}]},
        {"extends": "base.yaml", "things": 1},
        {"extends": 1},
        {"extends": "base.yaml", "clouds": {"aws": {"account": "1"}}},
    ],
)
def test_the_schema_still_refuses(data) -> None:
    assert not VALIDATOR.is_valid(data)
