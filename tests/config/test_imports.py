"""What a processor imports, and whether its function in the cloud has it."""

from pathlib import Path

import pytest

from support.wheels import index, wheel
from twin_runtime.roles import Cloud
from twinspan import usercode
from twinspan.config import ConfigErrors
from twinspan.twinfile import checked

FIELD = "device_types.thermostat.processor"
NAME = "processors/thermostat.py"
CODE = "\ndef process(event):\n    return event\n"
NOT_THERE = (
    "which is neither in Python 3.13, nor in the SDK that the function on Azure has, nor a .py file beside it"
)
FIX = "pin its package in a file and name that in device_types.thermostat.requirements"


def said(twin: Path, code: str, *, fetch: bool = True) -> list[str]:
    """What is wrong with a processor of this code."""
    (twin.parent / NAME).write_text(code + CODE)
    try:
        checked(twin, fetch=fetch)
    except ConfigErrors as errors:
        return [str(problem) for problem in errors.problems]
    return []


def requiring(twin: Path, requirements: str) -> None:
    """Let the processor require packages."""
    (twin.parent / "requirements.txt").write_text(requirements)
    text = twin.read_text()
    line = "    processor: processors/thermostat.py"
    twin.write_text(text.replace(line, f"    requirements: requirements.txt\n{line}"))


@pytest.mark.parametrize(
    ("code", "line", "module"),
    [
        ("import numpy", 1, "numpy"),
        ("import json\n\nimport numpy.linalg as la", 3, "numpy.linalg"),
        ("from numpy import array", 1, "numpy"),
        ("def late():\n    import numpy", 2, "numpy"),
        ("import boto3", 1, "boto3"),  # of another cloud
        ("import azure.ai", 1, "azure.ai"),
        ("from azure import ai", 1, "azure"),
        ("import twin_runtime", 1, "twin_runtime"),
        ("import thermostat2", 1, "thermostat2"),
        ("try:\n    import numpy\nexcept ValueError:\n    pass", 2, "numpy"),
        ("try:\n    pass\nexcept ImportError:\n    import numpy", 4, "numpy"),
        ("class A:\n    if True:\n        import numpy", 3, "numpy"),
    ],
)
def test_what_the_function_will_not_have(twin, code, line, module):
    assert said(twin, code) == [f"{NAME}, line {line}, {FIELD}: imports {module!r}, {NOT_THERE}; {FIX}"]


@pytest.mark.parametrize(
    "code",
    [
        "import json, math as m\nfrom collections.abc import Mapping",
        "from azure.storage.queue import QueueClient\nfrom azure import identity\nimport azure.functions",
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None",
        "try:\n    import numpy\nexcept (OSError, ModuleNotFoundError):\n    numpy = None",
        "try:\n    import numpy\nexcept:\n    numpy = None",
        "import typing\nif typing.TYPE_CHECKING:\n    import numpy",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy",
        "from __future__ import annotations",
    ],
)
def test_what_it_will_have_or_can_do_without(twin, code):
    assert said(twin, code) == []


@pytest.mark.parametrize("cloud", Cloud)
def test_the_sdk_of_each_cloud(cloud):
    expected = {
        Cloud.AWS: {"boto3", "botocore"},
        Cloud.AZURE: {"azure.functions", "azure.storage.blob"},
        Cloud.GCP: {"google.cloud.firestore", "functions_framework"},
    }
    assert expected[cloud] <= set(usercode.sdk(cloud))


def test_modules_that_python_3_13_has_lost(twin):
    assert said(twin, "import cgi") == [
        f"{NAME}, line 1, {FIELD}: imports 'cgi', which Python 3.13 does not have any more; do without it"
    ]


def test_files_beside_it(twin):
    folder = twin.parent / "processors"
    (folder / "units.py").write_text("import scales\nimport json\n")
    (folder / "scales.py").write_text("import numpy\n")
    (said_,) = said(twin, "from units import BAR")
    assert said_.startswith(f"processors/scales.py, line 1, {FIELD}: imports 'numpy', ")
    (folder / "scales.py").write_text("")
    assert said(twin, "import units") == []
    (folder / "scales.py").write_text("import (\n")
    (said_,) = said(twin, "import units")
    assert said_.startswith(f"processors/scales.py, line 1, {FIELD}: syntax error: ")


def test_files_beside_it_that_are_links_out_of_the_folder(twin):
    (twin.parent.parent / "secret.py").write_text("")
    (twin.parent / "processors" / "units.py").symlink_to(twin.parent.parent / "secret.py")
    assert said(twin, "import units") == [
        f"line 22, {FIELD}: processors/units.py links to a file outside the folder of the twin.yaml; copy "
        "the file into it"
    ]


def test_names_that_others_have(twin):
    (twin.parent / "processors" / "json.py").write_text("")
    assert said(twin, "import json") == [
        f"{NAME}, line 1, {FIELD}: imports 'json' of Python, not json.py beside it; rename that file"
    ]
    (twin.parent / "processors" / "valve.py").write_text("")
    text = twin.read_text().replace("devices:", "  valve: {telemetry: {t: {type: number}}}\ndevices:", 1)
    twin.write_text(text)
    assert said(twin, "import valve") == [
        f"line 22, {FIELD}: imports processors/valve.py, which has the name of the device type valve, as "
        "that type's processor has in the package; rename the file"
    ]


def test_files_of_one_name_in_two_folders(twin):
    for folder in ("processors", "others"):
        (twin.parent / folder).mkdir(exist_ok=True)
        (twin.parent / folder / "units.py").write_text("")
    (twin.parent / "others" / "valve.py").write_text(f"import units{CODE}")
    more = "  valve: {telemetry: {t: {type: number}}, processor: others/valve.py}\ndevices:"
    twin.write_text(twin.read_text().replace("devices:", more, 1))
    assert said(twin, "import units") == [
        "line 23, device_types.valve.processor: imports others/units.py, and another processor imports "
        "another units.py; rename one of the two"
    ]


def test_relative_imports(twin):
    assert said(twin, "from . import units") == [
        f"{NAME}, line 1, {FIELD}: has a relative import; write import <name> for the file <name>.py beside "
        "it"
    ]


def test_requirements_that_are_not_there(twin):
    requiring(twin, "")
    (twin.parent / "requirements.txt").unlink()
    assert said(twin, "import json") == [
        "line 22, device_types.thermostat.requirements: requirements.txt does not exist; give the path of a "
        "requirements.txt"
    ]


def test_what_the_requirements_have(twin, tmp_path, monkeypatch):
    shelf = index(tmp_path, monkeypatch)
    wheel(shelf, "py-yaml", "1.0", {"yaml/__init__.py": ""})
    requiring(twin, "py-yaml==1.0\n")
    # Nothing is downloaded unless it is asked for, and what is not known is not judged.
    assert said(twin, "import yaml, numpy", fetch=False) == []
    assert said(twin, "import yaml") == []
    fix = "add its package to requirements.txt: <package>==<version>"
    assert said(twin, "import yaml, numpy", fetch=False) == [
        f"{NAME}, line 1, {FIELD}: imports 'numpy', {NOT_THERE}; {fix}"
    ]


def test_packages_that_cannot_be_had_are_a_problem_beside_the_others(twin, tmp_path, monkeypatch):
    index(tmp_path, monkeypatch)
    requiring(twin, "gone==1.0\n")
    twin.write_text(twin.read_text().replace("hot_days: 30", "hot_days: x"))
    found = said(twin, "import gone")
    assert "retention.hot_days: " in found[1]
    assert found[0].startswith(
        "line 22, device_types.thermostat.requirements: pip finds no wheel of gone 1.0 for Python 3.13 on "
        "x86_64 Linux."
    )


def test_a_type_has_its_own_requirements_alone(twin, tmp_path, monkeypatch):
    """Else its processor would fail when another type goes."""
    wheel(index(tmp_path, monkeypatch), "tiny", "1.0", {"tiny.py": ""})
    (twin.parent / "valve.py").write_text(f"import tiny{CODE}")
    (twin.parent / "valve.txt").write_text("tiny==1.0\n")
    more = "  valve: {telemetry: {t: {type: number}}, processor: valve.py, requirements: valve.txt}\ndevices:"
    twin.write_text(twin.read_text().replace("devices:", more, 1))
    assert said(twin, "import tiny") == [f"{NAME}, line 1, {FIELD}: imports 'tiny', {NOT_THERE}; {FIX}"]
