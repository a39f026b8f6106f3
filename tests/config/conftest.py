"""A valid twin.yaml to start from, and a way to load a changed one."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from twinspan.config import Config, ConfigErrors, load

FULL = """\
twin: factory                    # 3 to 20 of a-z, 0-9, '-', first a letter
layers:
  acquisition: aws               # L1
  processing: azure              # L2
  hot_storage: gcp               # L3
clouds:                          # one entry per cloud in use
  aws: {region: eu-central-1, account_id: "123456789012"}
  azure: {location: westeurope, subscription_id: 00000000-0000-0000-0000-000000000000}
  gcp: {project: my-project, region: europe-west1}
device_types:
  thermostat:
    telemetry:
      temperature: {type: number, unit: Cel}
      humidity: {type: number, unit: "%"}
      mode: {type: string}
      open: {type: boolean}
      cycles: {type: integer}
    commands:
      set_point: {type: number, unit: Cel}
      reset: {type: boolean}
      level: {type: integer}
    processor: processors/thermostat.py     # optional user code: def process(event) -> event | list | None
devices:
  - {id: thermostat-1, type: thermostat}
events:
  enabled: true
  rules:
    - name: overheating
      device_type: thermostat    # or device: thermostat-1
      when: {metric: temperature, above: 80}       # above, below, at_least, at_most, equals, not_equals
      then:
        feedback: {command: set_point, value: 20}
        workflow: true
retention: {hot_days: 30, cold_days: 90, archive_days: 3650}   # age in days at which data leaves that tier
backend: {type: local}           # local | s3 | azurerm | gcs | remote, with the backend's own arguments
keys: {generation: 3, revoked_before: 2}
read_api:
  clients: [erp, {name: mobile, generation: 2}]
protect: {visualization: false}
former: [hot_storage@azure]
tags: {cost-center: "4711"}
"""


@pytest.fixture
def twin(tmp_path: Path) -> Path:
    """The path of the full example, with its processor."""
    (tmp_path / "processors").mkdir()
    (tmp_path / "processors" / "thermostat.py").write_text("def process(event):\n    return event\n")
    path = tmp_path / "twin.yaml"
    path.write_text(FULL, encoding="utf-8")
    return path


@pytest.fixture
def problems(twin: Path) -> Callable[[str | bytes], list[str]]:
    """The problems of this text, as the user reads them; none when it loads."""

    def run(text: str | bytes) -> list[str]:
        twin.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
        try:
            assert isinstance(load(twin), Config)
        except ConfigErrors as errors:
            assert errors.problems
            return [str(problem) for problem in errors.problems]
        return []

    return run


@pytest.fixture
def changed(problems: Callable[[str], list[str]]) -> Callable[..., list[str]]:
    """The problems, without lines, of the full example with a value put in at `devices.0.type` or so, and
    others besides.
    """

    def run(where: str, value: Any, others: Mapping[str, Any] | None = None) -> list[str]:
        data = yaml.safe_load(FULL)
        for at, each in {where: value, **(others or {})}.items():
            put(data, at, each)
        said = problems(yaml.safe_dump(data, sort_keys=False))
        return [re.sub(r"^line [0-9]+, ", "", text) for text in said]

    return run


def put(data: Any, where: str, value: Any) -> None:
    """Put `value` into plain data; `...` takes the field out."""
    last: Any
    *parents, last = [int(part) if part.isdigit() else part for part in where.split(".")]
    for part in parents:
        data = data[part] if isinstance(part, int) else data.setdefault(part, {})
    if value is ...:
        del data[last]
    elif isinstance(data, list) and last == len(data):
        data.append(value)
    else:
        data[last] = value
