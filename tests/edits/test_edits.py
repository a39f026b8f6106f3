"""docs/edits.md says of every edit what Terraform would do: as it does, on each cloud."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.aws.cloud import LocalAws
from local_cloud.terraform import read_stack
from stacks.build import synthesize
from support.edited_aws import EditedAws
from support.edits import EDITS, FEW, Deployed, Plan, config_of, outcomes, twin
from support.edits_page import page
from support.planes import World, world
from support.servers import ministack, need_aws_provider
from support.synth import Stack, stacks_of
from twin_runtime.roles import Cloud
from twinspan.config import Config

pytestmark = [pytest.mark.terraform, pytest.mark.matrix]

ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(__file__).parent / "recorded"


class OnStandIns:
    """The stack in a world of stand-in providers."""

    def __init__(self, world: World, home: Cloud) -> None:
        self._world, self._home = world, home

    def apply(self, config: Config) -> Stack:
        stack = stacks_of(config)[self._home]
        self._world.apply(self._home, stack)
        return stack

    def plan(self, config: Config, change: Callable[[Stack], Stack]) -> Plan:
        return self._world.plan(self._home, change(stacks_of(config)[self._home]))


class OnMiniStack:
    """The AWS stack on MiniStack, by the real provider."""

    def __init__(self, cloud: LocalAws, folder: Path) -> None:
        self._aws = EditedAws(cloud, folder / "edited")
        self._folder, self._number = folder, 0

    def apply(self, config: Config) -> Stack:
        folder = self._synthesized(config)
        self._aws.edit(folder)
        self._aws.apply()
        return read_stack(folder)

    def plan(self, config: Config, change: Callable[[Stack], Stack]) -> Plan:
        self._aws.edit(self._synthesized(config), change)
        return self._aws.plan()

    def _synthesized(self, config: Config) -> Path:
        self._number += 1
        out = self._folder / f"out-{self._number}"
        synthesize(config, out)
        return out / "stacks" / "aws"


@pytest.fixture(name="world")
def a_world(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    need_aws_provider()
    with ministack(tmp_path, stacks_of(config_of(twin(Cloud.AWS)))["aws"]) as found:
        yield found


HOMES = [Cloud.AZURE, Cloud.GCP]


@pytest.mark.parametrize("home", HOMES)
def test_some_edits_on_stand_ins(world: World, home: Cloud) -> None:
    found = outcomes(home, OnStandIns(world, home), FEW)
    assert found == {name: recorded(home)[name] for name in found}


@pytest.mark.slow
@pytest.mark.parametrize("home", HOMES)
def test_every_edit_on_stand_ins(world: World, home: Cloud, request: pytest.FixtureRequest) -> None:
    check(home, OnStandIns(world, home), request)


@pytest.mark.slow
@pytest.mark.servers
def test_every_edit_on_ministack(aws: LocalAws, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    check(Cloud.AWS, OnMiniStack(aws, tmp_path), request)


def recorded(home: Cloud) -> dict[str, Any]:
    """What docs/edits.md is rendered from."""
    return json.loads((RECORDED / f"{home}.json").read_text("utf-8"))


def check(home: Cloud, deployed: Deployed, request: pytest.FixtureRequest) -> None:
    """The outcomes are those that were recorded; they are recorded where snapshots are updated."""
    found = outcomes(home, deployed, EDITS)
    if request.config.getoption("update_snapshots"):
        RECORDED.mkdir(exist_ok=True)
        text = json.dumps(found, indent=1, ensure_ascii=False)
        (RECORDED / f"{home}.json").write_text(text + "\n", "utf-8")
    assert found == recorded(home)


def test_the_page_says_what_was_recorded(request: pytest.FixtureRequest) -> None:
    text, file = page({cloud: recorded(cloud) for cloud in Cloud}), ROOT / "docs" / "edits.md"
    if request.config.getoption("update_snapshots"):
        file.write_text(text, "utf-8")
    assert file.read_text("utf-8") == text
