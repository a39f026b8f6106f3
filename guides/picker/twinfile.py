"""The twin.yaml of some choices: each line depends on one of them, or on which clouds are in use."""

from collections.abc import Iterator

from guides import twins
from guides.picker.answers import EVENTS, NONE, ON, READ_API
from guides.picker.decisions import Choices, Part
from twin_runtime.roles import Cloud, Layer

HEAD = """\
# yaml-language-server: $schema=docs/twin.schema.json
twin: factory

layers:
"""
DEVICES = """
device_types:
  thermostat:
    telemetry:
      temperature: {type: number, unit: Cel}
      humidity: {type: number, unit: "%"}
    commands:
      set_point: {type: number, unit: Cel}

devices:
  - {id: thermostat-1, type: thermostat}

events:
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


def lines(choices: Choices) -> Iterator[tuple[str, str]]:
    """Facts by name: the lines that stand in the file for these choices."""
    yield "yaml/head", HEAD
    for layer in Layer:
        cloud = choices[layer.value]
        if cloud != NONE or layer not in LEFT_OUT:
            yield f"yaml/layer/{layer}", f"  {layer}: {cloud}\n"
    yield "yaml/clouds", "\nclouds:\n"
    yield "yaml/devices", DEVICES
    yield "yaml/events", f"  enabled: {'true' if choices[EVENTS] == ON else 'false'}\n"
    yield "yaml/rules", RULES
    if choices[READ_API] != ON:
        yield "yaml/read_api", "\nread_api: false\n"


def text() -> tuple[Part, ...]:
    """The file, from these facts and the clouds in use."""
    return (
        "yaml/head",
        *(f"yaml/layer/{layer}" for layer in Layer),
        "yaml/clouds",
        *((f"holds/{cloud}", f"  {cloud}: {_entry(cloud)}\n") for cloud in Cloud),
        "yaml/devices",
        "yaml/events",
        "yaml/rules",
        "yaml/read_api",
    )


def _entry(cloud: Cloud) -> str:
    return f"{{{', '.join(f'{key}: {_quoted(value)}' for key, value in twins.CLOUDS[cloud].items())}}}"


def _quoted(value: str) -> str:
    """A number, such as an account's, is text in quotes."""
    return f'"{value}"' if value.isdigit() else value
