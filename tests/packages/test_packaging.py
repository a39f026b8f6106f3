"""The zip that functions are deployed from."""

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.layouts import LAYOUTS, twin_config, twin_data
from twin_runtime import model
from twin_runtime.roles import Cloud
from twinspan import packaging
from twinspan.config import Config, load

CONFIG = twin_config(LAYOUTS[0])
CLOUDS = list(Cloud)
MAXIMUM_BYTES = 660_000
"""Far below what any of the platforms takes: growth by an accident, such as a bundled SDK, shows here."""


@pytest.mark.parametrize("cloud", CLOUDS)
def test_same_bytes_every_time(cloud: Cloud, tmp_path: Path) -> None:
    first = packaging.build(CONFIG, cloud, tmp_path / "a")
    second = packaging.build(CONFIG, cloud, tmp_path / "b")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.path.name == f"{cloud}-{first.digest[:16]}.zip"


def test_same_bytes_in_another_process_with_another_hash_seed_zone_and_mask(tmp_path: Path) -> None:
    here = packaging.build(CONFIG, Cloud.AWS, tmp_path / "here")
    script = (
        "import os, sys, pathlib; os.umask(0o077)\n"
        "from support.layouts import LAYOUTS, twin_config; from twinspan import packaging\n"
        "from twin_runtime.roles import Cloud\n"
        "print(packaging.build(twin_config(LAYOUTS[0]), Cloud.AWS, pathlib.Path(sys.argv[1])).digest)"
    )
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "7",
        "TZ": "Pacific/Auckland",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    there = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "there")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here.digest


@pytest.mark.parametrize("cloud", CLOUDS)
def test_holds_what_the_cloud_needs_and_nothing_else(cloud: Cloud, tmp_path: Path) -> None:
    with zipfile.ZipFile(packaging.build(CONFIG, cloud, tmp_path).path) as archive:
        names = archive.namelist()
        entries = archive.infolist()
    roots = {
        Cloud.AWS: set(),
        Cloud.AZURE: {"function_app.py", "host.json", "requirements.txt"},
        Cloud.GCP: {"main.py", "requirements.txt"},
    }
    assert {name for name in names if "/" not in name} == roots[cloud] | {"twin.json"}
    assert {name.split("/")[0] for name in names if "/" in name} == {
        "twin_runtime",
        f"twin_{cloud}",
        "processors",
    }
    assert f"twin_{cloud}/entry.py" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert names == sorted(names)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_stays_small(cloud: Cloud, tmp_path: Path) -> None:
    assert packaging.build(CONFIG, cloud, tmp_path).path.stat().st_size < MAXIMUM_BYTES


def test_a_thousand_devices_go_into_the_package(tmp_path: Path) -> None:
    """What grows with the fleet is in the package: an environment variable would end at 4 KB."""
    devices = [{"id": f"thermostat-{n}", "type": "thermostat"} for n in range(1000)]
    config = twin_config(LAYOUTS[0], devices=devices)
    package = packaging.build(config, Cloud.AWS, tmp_path)
    with zipfile.ZipFile(package.path) as archive:
        assert len(json.loads(archive.read("twin.json"))["devices"]) == 1000


def test_runtime_reads_back_the_rules_as_written(tmp_path: Path) -> None:
    from twin_runtime.model import load_twin

    package = packaging.build(CONFIG, Cloud.GCP, tmp_path)
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(tmp_path / "unpacked")
    twin = load_twin(tmp_path / "unpacked")
    written = twin_data(LAYOUTS[0])["events"]["rules"][0]
    manifest = json.loads((tmp_path / "unpacked" / "twin.json").read_text(encoding="utf-8"))
    then = {**written["then"], "feedback": {**written["then"]["feedback"], "expires_in": 300}}
    assert manifest["rules"] == [{**written, "then": then, "cooldown": 60, "max_age": 900}]
    assert twin.name == "factory"
    assert set(twin.devices) == {"thermostat-1"}


def test_runtime_reads_back_which_keys_devices_have_and_which_are_revoked() -> None:
    ids = {"thermostat-1": {}, "thermostat-2": {"key": 3}, "thermostat-3": {"revoked": True, "key": 2}}
    devices = [{"id": id_, "type": "thermostat", **fields} for id_, fields in ids.items()]
    twin = model.parse(packaging.manifest(Config.model_validate(twin_data(LAYOUTS[0], devices=devices))))
    assert twin.device_keys == {"thermostat-2": 3, "thermostat-3": 2}
    assert twin.revoked == {"thermostat-3"}
    assert set(twin.devices) == set(ids)


def test_runtime_reads_back_the_limits_of_a_device_type() -> None:
    thermostat = {"telemetry": {"temperature": {"type": "number"}}}
    limits = {"clock": {"ahead": "1m", "behind": "7d", "outside": "refuse"}, "rate": {"per_second": 10}}
    for given, clock, rate in (
        ({}, model.Clock(), model.Rate()),
        (limits, model.Clock(60, 7 * 86_400, True), model.Rate(10)),
    ):
        data = twin_data(LAYOUTS[0], device_types={"thermostat": thermostat | given}) | {"events": {}}
        manifest = packaging.manifest(Config.model_validate(data))
        assert ("clock" in json.dumps(manifest)) is bool(given), "defaults are the functions' own"
        found = model.parse(json.loads(json.dumps(manifest))).device_types["thermostat"]
        assert (found.clock, found.rate) == (clock, rate)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ({}, (7, 30, 60, 400)),
        ({"archive_storage": "none"}, (7, 30, 60, None)),
        ({"cold_storage": "none"}, (7, 0, None, None)),
    ],
)
def test_runtime_reads_back_the_ages_of_the_tiers_that_there_are(
    layers: dict[str, str], expected: tuple[int | None, ...]
) -> None:
    data = twin_data(LAYOUTS[0], retention={"hot_days": 7, "cold_days": 60, "archive_days": 400})
    places = {name: cloud for name, cloud in data["layers"].items() if "_storage" not in name}
    data["layers"] = {**places, "hot_storage": data["layers"]["hot_storage"], **layers}
    twin = model.parse(packaging.manifest(Config.model_validate(data)))
    assert (twin.hot_days, twin.safety_days, twin.cold_days, twin.archive_days) == expected
    assert twin.expire_days == 7 + twin.safety_days


def test_the_user_s_processor_is_packed_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "twin"
    folder.mkdir()
    code = b"# -*- coding: utf-8 -*-\r\ndef process(event):\r\n    return event  # \xc3\xa9\r\n"
    (folder / "mine.py").write_bytes(code)
    (folder / "twin.yaml").write_text(
        "twin: factory\nlayers: {acquisition: aws, processing: aws, hot_storage: aws}\n"
        "clouds: {aws: {region: eu-west-1, account_id: '123456789012'}}\n"
        "device_types: {pump: {telemetry: {on: {type: boolean}}, processor: mine.py}}\n"
        "devices: [{id: p1, type: pump}]\n".replace("{on:", '{"on":'),
        encoding="utf-8",
    )
    package = packaging.build(load(folder / "twin.yaml"), Cloud.AWS, tmp_path / "out")
    with zipfile.ZipFile(package.path) as archive:
        assert archive.read("processors/pump.py") == code
        assert (
            json.loads(archive.read("twin.json"))["device_types"]["pump"]["processor"] == "processors/pump.py"
        )
        for name in archive.namelist():
            if name.endswith(".py"):
                ast.parse(archive.read(name))
