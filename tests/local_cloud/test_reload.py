"""A kept demonstration takes saved processors up, and only those that work."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from local_cloud.demo.reload import Reload
from local_cloud.demo.screen import Screen
from local_cloud.demo.synthesis import packages_for_this_machine
from support.wheels import index, wheel
from twin_runtime.roles import Cloud
from twinspan import vendoring
from twinspan.config import load

TWIN = """\
twin: pumps
layers: {acquisition: gcp, processing: gcp, hot_storage: gcp}
clouds: {gcp: {project: my-project, region: europe-west1}}
device_types:
  pump: {telemetry: {pressure: {type: number}}, processor: processors/pump.py}
devices: [{id: pump-1, type: pump}]
"""
GOOD = "def process(event):\n    return event\n"


class Twin:
    """In place of the local cloud: the packages that it was given."""

    def __init__(self) -> None:
        self.replaced: list[dict[str, bytes]] = []

    def replace(self, role: str, package: Path) -> None:
        assert role == "processor"
        with zipfile.ZipFile(package) as archive:
            self.replaced.append({name: archive.read(name) for name in archive.namelist()})


class Desk:
    """A twin's folder, and a demonstration of it."""

    def __init__(self, folder: Path, twin: str = TWIN, requirements: str = "") -> None:
        self.folder = folder / "twin"
        (self.folder / "processors").mkdir(parents=True)
        (self.folder / "twin.yaml").write_text(twin)
        self.save("processors/pump.py", GOOD)
        self.save("requirements.txt", requirements)
        self.twin, self._screen = Twin(), io.StringIO()
        config, screen = load(self.folder / "twin.yaml"), Screen(0.0, self._screen)
        self.reload = Reload(config, self.twin, folder=folder / "packages", screen=screen)  # pyright: ignore[reportArgumentType]

    def save(self, name: str, text: str) -> None:
        """Write a file as editors do: another one takes its place."""
        written = self.folder / f"{name}~"
        written.write_text(text)
        written.replace(self.folder / name)

    def look(self) -> str:
        """What it says of what was saved."""
        self._screen.seek(0)
        self._screen.truncate()
        self.reload.look()
        assert not self._screen.getvalue(), "an editor may still be writing"
        self.reload.look()
        return self._screen.getvalue()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_nothing_saved_nothing_done(desk: Desk) -> None:
    assert desk.reload.files == ["processors/pump.py"]
    assert desk.look() == ""
    assert not desk.twin.replaced


def test_what_is_saved_is_taken_up_once(desk: Desk) -> None:
    changed = GOOD.replace("return", "event['data']['seen'] = 1\n    return")
    desk.save("processors/pump.py", changed)
    assert desk.look().endswith("s  processors/pump.py: taken up by the processor\n")
    assert [each["processors/pump.py"].decode() for each in desk.twin.replaced] == [changed]
    assert desk.look() == ""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def process(event:\n", "has a syntax error in line 1"),
        ("import numpy\n" + GOOD, "processors/pump.py, line 1, device_types.pump.processor: imports 'numpy'"),
        (
            "def process(event):\n    return event['data']['x']\n",
            "processors/pump.py, line 2, device_types.pump.processor: fails where all values are usual",
        ),
    ],
)
def test_an_error_is_shown_and_the_code_before_stays(desk: Desk, code: str, said: str) -> None:
    desk.save("processors/pump.py", code)
    shown = desk.look()
    assert "processors/pump.py: saved with an error; the code before goes on" in shown
    assert said in shown
    assert not desk.twin.replaced
    desk.save("processors/pump.py", GOOD + "# mended\n")
    assert "taken up" in desk.look()
    assert len(desk.twin.replaced) == 1


def test_a_file_that_is_gone_for_a_while(desk: Desk) -> None:
    (desk.folder / "processors" / "pump.py").unlink()
    assert "does not exist" in desk.look()
    desk.save("processors/pump.py", GOOD)
    assert "taken up" in desk.look()


def test_files_beside_it_are_watched_too(desk: Desk) -> None:
    desk.save("processors/units.py", "BAR = 1\n")
    desk.save("processors/pump.py", "import units\n" + GOOD)
    assert "taken up" in desk.look()
    desk.save("processors/units.py", "BAR = (\n")
    assert "syntax error" in desk.look()
    desk.save("processors/units.py", "BAR = 100\n")
    assert "processors/units.py: taken up by the processor" in desk.look()
    assert desk.twin.replaced[-1]["processors/units.py"] == b"BAR = 100\n"


def test_requirements_are_watched_and_come_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(vendoring.LOCAL_VARIABLE, raising=False)
    shelf = index(tmp_path, monkeypatch)
    for version in ("1.0", "2.0"):
        wheel(shelf, "tiny", version, {"tiny.py": f"V = {version!r}\n"})
    twin = TWIN.replace("processor: ", "requirements: requirements.txt, processor: ")
    desk = Desk(tmp_path, twin, "tiny==1.0\n")
    with packages_for_this_machine(load(desk.folder / "twin.yaml")):
        assert vendoring.target_of(Cloud.GCP) == vendoring.here()
        desk.save("requirements.txt", "tiny==3.0\n")
        assert "pip finds no wheel of tiny 3.0" in desk.look()
        desk.save("requirements.txt", "tiny==2.0\n")
        assert "requirements.txt: taken up by the processor" in desk.look()
    assert desk.twin.replaced[-1]["packages/tiny.py"] == b"V = '2.0'\n"
    assert vendoring.LOCAL_VARIABLE not in os.environ
