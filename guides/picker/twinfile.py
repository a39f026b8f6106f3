"""The twin.yaml of some choices: each line depends on one of them, or on which clouds are in use."""

import json
import re
from collections.abc import Iterator, Mapping

import yaml

from guides import twins
from guides.picker import layout
from guides.picker.answers import EVENTS, NONE, OFF, ON, READ_API
from guides.picker.decisions import Choices, Part
from twin_runtime.roles import Cloud, Layer

SCHEMA = "docs/twin.schema.json"
NAME = "factory"
CLOUDS = "\nclouds:                          # the account and region of each cloud in use\n"
DEVICES = """
device_types:                    # what devices send, and the commands that they take
  thermostat:
    telemetry:
      temperature: {type: number, unit: Cel}
      humidity: {type: number, unit: "%"}
    commands:
      set_point: {type: number, unit: Cel}

devices:
  - {id: thermostat-1, type: thermostat}

events:                          # rules on the telemetry; false: they have no effect
"""
RULES = """\
  rules:
    - name: overheating
      device_type: thermostat
      when: {metric: temperature, above: 80}
      then:
        feedback: {command: set_point, value: 20}
        workflow: true
"""
LEFT_OUT = (Layer.TWIN_MANAGEMENT, Layer.VISUALIZATION)
"""The layers that a twin lacks when its twin.yaml does not name them; without a tier it says `none`."""
MEANINGS: Mapping[Layer, str] = {
    Layer.ACQUISITION: "the broker that devices connect to",
    Layer.PROCESSING: "your code, and the rules",
    Layer.HOT_STORAGE: "recent data",
    Layer.COLD_STORAGE: "data older than retention.hot_days",
    Layer.ARCHIVE_STORAGE: "data older than retention.cold_days",
    Layer.TWIN_MANAGEMENT: "the twin graph",
    Layer.VISUALIZATION: "dashboards",
}
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


def lines(choices: Choices) -> Iterator[tuple[str, str]]:
    """Facts by name: the lines that stand in the file, and the options of `twinspan init`."""
    yield "yaml/head", head(NAME, SCHEMA)
    for layer in Layer:
        cloud = choices[layer.value]
        if cloud != NONE or layer not in LEFT_OUT:
            yield f"yaml/layer/{layer}", f"{f'  {layer}: {cloud}':<32} # {MEANINGS[layer]}\n"
        yield f"layout/{layer}", (layout.SEPARATOR if layer is not Layer.ACQUISITION else "") + cloud
    yield "yaml/clouds", CLOUDS
    yield "yaml/devices", DEVICES
    yield "yaml/events", f"  enabled: {'true' if choices[EVENTS] == ON else 'false'}\n"
    yield "yaml/rules", RULES
    if choices[READ_API] != ON:
        yield "yaml/read_api", "\nread_api: false                  # no public endpoints for API clients\n"
    for name in (EVENTS, READ_API):
        if choices[name] == OFF:
            yield f"init/{name}", f" --no-{name.replace('_', '-')}"


def text() -> tuple[Part, ...]:
    """The file, from these facts and the clouds in use."""
    return _text({cloud: twins.CLOUDS[cloud] for cloud in Cloud})


def options() -> tuple[Part, ...]:
    """What follows `twinspan init --from` for such a file, from these facts."""
    return (*(f"layout/{layer}" for layer in Layer), f"init/{EVENTS}", f"init/{READ_API}")


def document(choices: Choices, *, name: str, clouds: Mapping[Cloud, Mapping[str, str]], schema: str) -> str:
    """Return the file for a name and the fields of each cloud in use; `schema` is a path relative to it."""
    found = {**dict(lines(choices)), "yaml/head": head(name, schema)}
    used = {f"holds/{cloud}" for cloud in clouds}
    parts = (
        found.get(part, "") if isinstance(part, str) else part[1] if part[0] in used else ""
        for part in _text(clouds)
    )
    return "".join(parts)


def head(name: str, schema: str) -> str:
    """Return the lines before the first layer."""
    return f"# yaml-language-server: $schema={schema}\ntwin: {_scalar(name)}\n\nlayers:\n"


def _text(clouds: Mapping[Cloud, Mapping[str, str]]) -> tuple[Part, ...]:
    return (
        "yaml/head",
        *(f"yaml/layer/{layer}" for layer in Layer),
        "yaml/clouds",
        *((f"holds/{cloud}", f"  {cloud}: {_entry(fields)}\n") for cloud, fields in clouds.items()),
        "yaml/devices",
        "yaml/events",
        "yaml/rules",
        "yaml/read_api",
    )


def _entry(fields: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{key}: {_scalar(value)}' for key, value in fields.items())}}}"


def _scalar(value: str) -> str:
    """Return text as YAML reads it, in quotes where it would be something else."""
    plain = _PLAIN.fullmatch(value) and yaml.safe_load(value) == value
    return value if plain else json.dumps(value, ensure_ascii=False)
