"""The packages that processors require: in the processor's package, and in no other."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from support.layouts import EXAMPLES
from support.wheels import index, wheel
from twin_runtime.roles import Cloud, Role
from twinspan import packaging, vendoring
from twinspan.config import Config, load
from twinspan.vendoring import PackagesError, Target

CLOUDS = list(Cloud)
SITES = (
    "{aws: {region: eu-west-1, account_id: '123456789012'}, "
    "gcp: {project: my-project, region: europe-west1}, "
    "azure: {location: westeurope, subscription_id: 00000000-0000-0000-0000-000000000000}}"
)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pip looks for wheels."""
    return index(tmp_path, monkeypatch)


def config(folder: Path, requirements: str, cloud: Cloud = Cloud.AWS, code: str = "") -> Config:
    """A twin whose processor requires packages, all in one cloud."""
    folder = folder / "twin"
    folder.mkdir(exist_ok=True)
    (folder / "pump.py").write_text(f"{code}\ndef process(event):\n    return event\n")
    (folder / "requirements.txt").write_text(requirements)
    (folder / "twin.yaml").write_text(
        f"twin: factory\nlayers: {{acquisition: {cloud}, processing: {cloud}, hot_storage: {cloud}}}\n"
        f"clouds: {SITES}\n"
        "device_types: {pump: {telemetry: {pressure: {type: number}}, processor: pump.py, "
        "requirements: requirements.txt}}\n"
        "devices: [{id: p1, type: pump}]\n",
        encoding="utf-8",
    )
    return load(folder / "twin.yaml")


def names(package: packaging.Package) -> set[str]:
    with zipfile.ZipFile(package.path) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_processor_alone_has_them(cloud: Cloud, tmp_path: Path, shelf: Path) -> None:
    wheel(shelf, "tiny-units", "1.0", {"tiny_units/__init__.py": "BAR = 1\n", "tiny_units/data.txt": "x"})
    made = packaging.build(config(tmp_path, "tiny-units==1.0\n", cloud), cloud, tmp_path / "out")
    own = made.of(Role.PROCESSOR)
    assert made.of(Role.PERSISTER) is made
    assert own.path.name == f"{cloud}-processor-{own.digest[:16]}.zip"
    more = {f"packages/tiny_units/{name}" for name in ("__init__.py", "data.txt")}
    more |= {f"packages/tiny_units-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")}
    assert names(own) - names(made) == more
    assert names(made) < names(own)
    # What the platform itself installs stays what the functions need.
    with zipfile.ZipFile(own.path) as archive:
        assert "tiny" not in "".join(
            archive.read(n).decode() for n in archive.namelist() if n == "requirements.txt"
        )


@pytest.mark.parametrize("cloud", CLOUDS)
def test_no_package_of_its_own_without_requirements_or_away_from_the_processor(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked of pip either: it could not be run."""
    monkeypatch.setattr(vendoring.sys, "executable", "/no/python")
    assert not packaging.build(load(EXAMPLES / "three-clouds.yaml"), cloud, tmp_path).own


@pytest.mark.parametrize("cloud", CLOUDS)
def test_wheels_are_those_of_the_function_s_processor(cloud: Cloud, tmp_path: Path, shelf: Path) -> None:
    for machine in ("aarch64", "x86_64"):
        for system in ("manylinux_2_28", "manylinux_2_39", "musllinux_1_2"):
            tag = f"cp313-cp313-{system}_{machine}"
            wheel(shelf, "fast", "2.0", {"fast.py": f"{tag!r}\n"}, tag=tag)
    made = packaging.build(config(tmp_path, "fast==2.0\n", cloud), cloud, tmp_path / "out")
    machine = "aarch64" if cloud is Cloud.AWS else "x86_64"
    with zipfile.ZipFile(made.of(Role.PROCESSOR).path) as archive:
        assert archive.read("packages/fast.py").decode() == f"'cp313-cp313-manylinux_2_28_{machine}'\n"


def test_targets_are_those_of_the_stacks() -> None:
    from twinspan.aws import functions as aws
    from twinspan.azure import functions as azure
    from twinspan.gcp import functions as gcp

    assert f"python{vendoring.PYTHON}" == aws.RUNTIME
    assert f"python{vendoring.PYTHON}".replace(".", "") == gcp.RUNTIME
    assert azure.PYTHON == vendoring.PYTHON
    assert {"arm64": "aarch64", "x86_64": "x86_64"}[aws.ARCHITECTURE] == vendoring.target_of(
        Cloud.AWS
    ).machine


def test_same_bytes_and_no_index_once_they_are_here(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(shelf, "tiny", "1.0", {"tiny.py": "A = 1\n"})
    twin = config(tmp_path, "tiny==1.0\n")
    first = packaging.build(twin, Cloud.AWS, tmp_path / "a").of(Role.PROCESSOR)
    (shelf / "tiny-1.0-py3-none-any.whl").unlink()
    monkeypatch.setattr(vendoring.sys, "executable", "/no/python")
    second = packaging.build(twin, Cloud.AWS, tmp_path / "b").of(Role.PROCESSOR)
    assert first.path.read_bytes() == second.path.read_bytes()
    # Comments, order and spelling are not the content.
    again = config(tmp_path, "# the same\nTiny ==  1.0  # indeed\n")
    assert packaging.build(again, Cloud.AWS, tmp_path / "c").of(Role.PROCESSOR).digest == first.digest


def test_other_versions_are_another_package(tmp_path: Path, shelf: Path) -> None:
    for version in ("1.0", "1.1"):
        wheel(shelf, "tiny", version, {"tiny.py": f"VERSION = {version!r}\n"})
    digests = {
        packaging.build(config(tmp_path, f"tiny=={version}\n"), Cloud.AWS, tmp_path / "out")
        .of(Role.PROCESSOR)
        .digest
        for version in ("1.0", "1.1")
    }
    assert len(digests) == 2


def test_data_files_and_scripts_stay_out_and_purelib_goes_in(tmp_path: Path, shelf: Path) -> None:
    files = {
        "odd-1.0.data/purelib/odd.py": "A = 1\n",
        "odd-1.0.data/scripts/odd": "#!python\n",
        "odd-1.0.data/data/share/x": "x",
    }
    found = wheel(shelf, "odd", "1.0", files)
    assert "odd.py" in dict(vendoring.files(found))
    assert not any("share" in name or "scripts" in name for name, _ in vendoring.files(found))
    assert vendoring.modules(found) == {"odd"}


def said(folder: Path, requirements: str) -> str:
    with pytest.raises(PackagesError) as caught:
        packaging.build(config(folder, requirements), Cloud.AWS, folder / "out")
    assert not list((folder / "cache").rglob("*.whl"))  # nothing half-done is kept
    return str(caught.value)


def test_what_pip_cannot_get_is_one_sentence(tmp_path: Path, shelf: Path) -> None:
    assert said(tmp_path, "nowhere==1.0\n") == (
        "pip finds no wheel of nowhere 1.0 for Python 3.13 on aarch64 Linux. Pin a version that has one, and "
        "check the connection to pip's index."
    )
    wheel(shelf, "other-machine", "1.0", {"other.py": ""}, tag="cp313-cp313-win_amd64")
    assert "pip finds no wheel of other-machine 1.0" in said(tmp_path, "other-machine==1.0\n")


def test_a_wrong_hash_is_refused(tmp_path: Path, shelf: Path) -> None:
    right = hashlib.sha256(wheel(shelf, "tiny", "1.0", {"tiny.py": ""}).read_bytes()).hexdigest()
    assert said(tmp_path, f"tiny==1.0 --hash=sha256:{'0' * 64}\n") == (
        "A package has another hash than the requirements say. Correct the hash, or suspect the index."
    )
    made = packaging.build(config(tmp_path, f"tiny==1.0 --hash=sha256:{right}\n"), Cloud.AWS, tmp_path)
    assert made.own


def test_what_packages_need_must_be_pinned_too(tmp_path: Path, shelf: Path) -> None:
    needs = (
        "helper>=2",
        'old; python_version < "3.13"',
        'windows; sys_platform == "win32"',
        'fancy; extra == "more"',
    )
    wheel(shelf, "big", "1.0", {"big.py": ""}, needs=needs)
    for version in ("1.0", "2.0"):
        wheel(shelf, "helper", version, {"helper.py": ""})
    assert said(tmp_path, "big==1.0\n") == (
        "big 1.0 needs helper>=2, which is not pinned; add helper==<version>."
    )
    assert said(tmp_path, "big==1.0\nhelper==1.0\n") == (
        "big 1.0 needs helper>=2, and 1.0 is pinned; pin another."
    )
    assert "needs fancy, which is not pinned" in said(tmp_path, "big[more]==1.0\nhelper==2.0\n")
    assert packaging.build(config(tmp_path, "big==1.0\nhelper==2.0\n"), Cloud.AWS, tmp_path).own


def test_a_package_too_large_for_lambda_is_refused(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "_LARGEST", {Cloud.AWS: (50, 1)})
    wheel(shelf, "tiny", "1.0", {"tiny.txt": "x" * 1_000_000})
    with pytest.raises(PackagesError, match=r"MB unpacked\. AWS takes 50 and 1 MB"):
        packaging.build(config(tmp_path, "tiny==1.0\n"), Cloud.AWS, tmp_path)


def test_installed_here_it_can_be_imported(tmp_path: Path, shelf: Path) -> None:
    wheel(shelf, "tiny", "1.0", {"tiny/__init__.py": "A = 1\n"})
    twin = config(tmp_path, "tiny==1.0\n")
    folder = vendoring.installed(vendoring.pins(twin))
    assert folder is not None
    assert (folder / "tiny" / "__init__.py").read_text() == "A = 1\n"
    assert vendoring.installed(vendoring.pins(twin)) == folder
    assert vendoring.installed(()) is None


def test_packages_for_functions_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(vendoring.LOCAL_VARIABLE, "3.11")
    assert vendoring.target_of(Cloud.AWS) == Target("3.11")


def test_several_types_share_one_set(tmp_path: Path, shelf: Path) -> None:
    for name in ("one", "two"):
        wheel(shelf, name, "1.0", {f"{name}.py": ""})
    twin = config(tmp_path, "one==1.0\n")
    (twin.folder / "more.txt").write_text("two==1.0\n")
    text = (twin.folder / "twin.yaml").read_text()
    second = "valve: {telemetry: {open: {type: boolean}}, processor: pump.py, requirements: more.txt}, pump:"
    (twin.folder / "twin.yaml").write_text(text.replace("pump:", second, 1))
    made = packaging.build(load(twin.folder / "twin.yaml"), Cloud.AWS, tmp_path / "out")
    assert {"packages/one.py", "packages/two.py"} <= names(made.of(Role.PROCESSOR))


def test_files_beside_a_processor_go_along(tmp_path: Path, shelf: Path) -> None:
    folder = tmp_path / "twin"
    folder.mkdir()
    (folder / "units.py").write_text("import scales\n")
    (folder / "scales.py").write_text("")
    (folder / "unused.py").write_text("")
    twin = config(tmp_path, "", code="from units import *")
    with zipfile.ZipFile(packaging.build(twin, Cloud.AWS, tmp_path).path) as archive:
        packed = {name for name in archive.namelist() if name.startswith("processors/")}
    assert packed == {"processors/pump.py", "processors/units.py", "processors/scales.py"}
