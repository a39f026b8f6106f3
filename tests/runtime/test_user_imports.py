"""What processors import in the function: files beside them, required packages, and the standard library."""

from __future__ import annotations

import json
from pathlib import Path

from twin_runtime.events import cloudevents
from twin_runtime.events.user_code import UserCode, call_of
from twin_runtime.model import DeviceType


def made(root: Path, type_name: str, code: str) -> dict[str, object]:
    """The data that a processor makes of an event in a package."""
    (root / "processors").mkdir(exist_ok=True)
    (root / "processors" / f"{type_name}.py").write_text(code)
    device_type = DeviceType(type_name, {}, {}, f"processors/{type_name}.py")
    event = cloudevents.make(
        cloudevents.TELEMETRY,
        twin="t",
        device="d1",
        subject=type_name,
        data={"v": 1},
        time="2026-01-01T00:00:00.000000Z",
        id="1",
    )
    code_of = UserCode(root)
    try:
        (found,) = code_of.process_all([call_of(device_type, event)])
    finally:
        code_of.close()
    assert isinstance(found, list), found
    return json.loads(found[0])["data"]


def test_files_beside_it_and_packages(tmp_path: Path) -> None:
    (tmp_path / "packages" / "tiny").mkdir(parents=True)
    (tmp_path / "packages" / "tiny" / "__init__.py").write_text("V = 'package'\n")
    # What the function itself has installed does not come before what is required.
    (tmp_path / "packages" / "pytest.py").write_text("V = 'required'\n")
    (tmp_path / "processors").mkdir()
    (tmp_path / "processors" / "units.py").write_text("V = 'beside'\n")
    code = (
        "import pytest, tiny, units\ndef process(event):\n"
        "    event['data'] = {'got': [units.V, tiny.V, pytest.V]}\n    return event\n"
    )
    assert made(tmp_path, "pump", code) == {"got": ["beside", "package", "required"]}


def test_a_type_named_as_a_standard_module_hides_it_from_nobody(tmp_path: Path) -> None:
    code = (
        "import random\ndef process(event):\n    event['data'] = {'f': random.__file__}\n    return event\n"
    )
    assert str(tmp_path) not in str(made(tmp_path, "random", code)["f"])
