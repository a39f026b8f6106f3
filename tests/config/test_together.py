"""All problems of a file appear at once, and one never hides another."""

import pytest
import yaml

from tests.config.conftest import FULL, put
from twin_runtime.roles import Cloud, Layer
from twinspan.config import Config, ConfigErrors, Problem, load

BROKEN = {
    "twin": "F",
    "layers.processing": "azur",
    "layers.cold_storage": "none",
    "layers.archive_storage": "aws",
    "clouds.aws.region": "eu-centrl-1",
    "clouds.gcp": ...,
    "device_types.thermostat.telemetry.humidity.type": "float",
    "device_types.thermostat.processor": "gone.py",
    "devices.0.type": "thermostad",
    "devices.1": {"id": "thermostat-1", "type": "thermostat", "colour": "red"},
    "events.rules.0.when": {"metric": "mode", "above": 5},
    "events.rules.0.then.feedback.command": "open",
    "retention.hot_days": 3000,
    "backend.type": "s4",
    "read_api": "yes",
    "keys.generation": 0,
    "protect": {"hot": True},
    "former": ["hot_storage@gcp", "hot_storage"],
    "tags.Owner": "ops",
    "devices.0.key": "two",
}
FIELDS = {
    "twin",
    "layers.processing",
    "layers.archive_storage",
    "clouds.aws.region",
    "clouds.gcp",
    "device_types.thermostat.telemetry.humidity.type",
    "device_types.thermostat.processor",
    "devices[0].type",
    "devices[1].id",
    "devices[1].colour",
    "events.rules[0].when.above",
    "events.rules[0].then.feedback.command",
    "retention",
    "backend.type",
    "read_api",
    "keys.generation",
    "protect",
    "former[0]",
    "former[1]",
    "tags.Owner",
    "devices[0].key",
}


def _errors(path, **options) -> tuple[Problem, ...]:
    with pytest.raises(ConfigErrors) as raised:
        load(path, **options)
    return raised.value.problems


def test_everything_at_once(twin):
    data = yaml.safe_load(FULL)
    for where, value in BROKEN.items():
        put(data, where, value)
    twin.write_text(yaml.safe_dump(data, sort_keys=False) + "twin: again\n")
    problems = _errors(twin)
    assert {problem.field for problem in problems} == FIELDS
    assert len(problems) == len(FIELDS) + 1  # twin is wrong and given twice
    assert [p.line for p in problems] == sorted(p.line or 0 for p in problems)


def test_a_metric_of_unreadable_type_is_still_a_metric(changed):
    said = changed("device_types.thermostat.telemetry.temperature.type", "float")
    assert [text.split(":")[0] for text in said] == ["device_types.thermostat.telemetry.temperature.type"]


def test_lines_are_those_of_the_file(twin):
    twin.write_text(
        FULL.replace("above: 80", "above: 80, below: 1").replace("type: thermostat}", "type: valve}")
    )
    # A device of unknown type is one problem; what a rule on its type says is not.
    assert [(p.line, p.field) for p in _errors(twin)] == [
        (24, "devices[0].type"),
        (30, "events.rules[0].when"),
    ]


def test_extra_checks_get_the_configuration(twin):
    def name(config: Config):
        yield Problem("twin", f"{config.name!r} is too long for a bucket; use at most 5 characters")

    (problem,) = _errors(twin, extra_checks=[name])
    assert str(problem) == "line 1, twin: 'factory' is too long for a bucket; use at most 5 characters"
    assert load(twin, extra_checks=[lambda config: []]).name == "factory"


def test_extra_checks_appear_with_the_others(twin):
    seen: list[Config] = []

    def name(config: Config):
        seen.append(config)
        yield Problem("twin", "too long")

    twin.write_text(FULL.replace("hot_days: 30", "hot_days: x").replace("type: thermostat}", "type: 5}"))
    assert [p.field for p in _errors(twin, extra_checks=[name])] == [
        "twin",
        "devices[0].type",
        "retention.hot_days",
    ]
    (config,) = seen
    assert list(config.device_types) == ["thermostat"]
    assert config.devices == ()
    assert config.events.enabled
    assert config.folder == twin.parent


def test_extra_checks_wait_for_name_layers_and_clouds(twin):
    twin.write_text(FULL.replace("processing: azure", "processing: azur"))
    assert [p.field for p in _errors(twin, extra_checks=[lambda c: [Problem("twin", "x")]])] == [
        "layers.processing"
    ]


def test_the_full_example(twin):
    config = load(str(twin))
    assert config.name == "factory"
    assert config.layers.acquisition is Cloud.AWS
    assert config.layers.cloud_of(Layer.VISUALIZATION) is None
    assert config.layers.clouds == (Cloud.AWS, Cloud.AZURE, Cloud.GCP)
    assert config.clouds.azure and config.clouds.azure.location == "westeurope"
    kind = config.device_types["thermostat"]
    assert kind.telemetry["humidity"].unit == "%"
    assert kind.processor and config.path_of(kind.processor) == twin.parent / "processors" / "thermostat.py"
    assert config.events.rules[0].then.feedback and config.events.rules[0].then.feedback.value == 20
    assert (config.retention.hot_days, config.backend.type) == (30, "local")
    assert config.keys.accepted == (2, 3)
    assert {client.name: client.accepted for client in config.read_clients} == {
        "erp": (0, 1),
        "mobile": (1, 2),
    }
    assert not config.protects(Layer.VISUALIZATION)
    assert config.protects(Layer.HOT_STORAGE) and config.protects(None)
    assert list(map(str, config.former)) == ["hot_storage@azure"]
    assert config.tags == {"cost-center": "4711"}


def test_the_configuration_is_frozen(twin):
    config = load(twin)
    with pytest.raises(ValueError, match="frozen"):
        config.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.device_types["x"] = config.device_types["thermostat"]  # type: ignore[index]


def test_defaults(twin):
    lines = FULL.splitlines(keepends=True)
    twin.write_text("".join(lines[: next(i for i, line in enumerate(lines) if line.startswith("devices:"))]))
    config = load(twin)
    assert (config.devices, config.events.enabled, config.events.rules, config.events.workflow) == (
        (),
        False,
        (),
        None,
    )
    assert (config.keys.generation, config.keys.revoked_before, config.read_api) == (1, 0, True)
    assert (config.protect, config.former, config.tags, config.read_clients) == (True, (), {}, ())
    assert config.retention.model_dump() == {"hot_days": 30, "cold_days": 90, "archive_days": 3650}


def test_backend_arguments_per_stack(twin):
    twin.write_text(FULL.replace("{type: local}", "{type: s3, bucket: b, region: eu-west-1}"))
    assert load(twin).backend.arguments(twin="factory", stack="aws") == {
        "bucket": "b",
        "region": "eu-west-1",
        "key": "factory/aws.tfstate",
        "encrypt": True,
        "use_lockfile": True,
    }
