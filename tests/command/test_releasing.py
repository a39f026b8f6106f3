"""Protected stores that go with the operator's consent while their blocks stay."""

import subprocess
from typing import Any

import pytest

from command.plan.facts import changes
from support.layouts import Layout, twin_data
from support.operated import Operated
from support.planes import World
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.terraform, pytest.mark.matrix]

REGION = {Cloud.AZURE: ("location", "northeurope"), Cloud.GCP: ("region", "europe-west3")}


@pytest.fixture(params=REGION)
def cloud(request: pytest.FixtureRequest) -> Cloud:
    return request.param


@pytest.fixture
def data(cloud: Cloud, operated: Operated) -> dict[str, Any]:
    """The twin.yaml of a twin that is deployed in one cloud."""
    found = twin_data(Layout(*[cloud] * 6))
    operated.write(found)
    operated.deploy()
    return found


def test_a_twin_moves_to_another_region(
    cloud: Cloud, data: dict[str, Any], operated: Operated, world: World
) -> None:
    word, region = REGION[cloud]
    operated.write({**data, "clouds": {cloud: {**data["clouds"][cloud], word: region}}})
    check_replaced(operated, world)


def test_a_twin_takes_another_name(data: dict[str, Any], operated: Operated, world: World) -> None:
    operated.write({**data, "twin": "works"})
    moved = operated.run("plan")
    assert moved.status == 1
    for line in moved.err.partition("move it:\n")[2].partition("If it is")[0].splitlines():
        subprocess.run(["/bin/sh", "-c", line], check=True, capture_output=True)
    check_replaced(operated, world)


def check_replaced(twin: Operated, world: World) -> None:
    """The plan is refused. With consent to all that it asks about, one deployment does everything."""
    refused = twin.run("--json", "plan")
    assert refused.status == 4, refused
    asked = [each["store"] for each in refused.document["stores"] if each["needs_consent"]]
    assert {store.partition("@")[0] for store in asked} >= {"hot_storage", "cold_storage", "twin_management"}
    twin.deploy(*(word for store in asked for word in ("--delete-data", store)))
    again = twin.run("--json", "plan").document
    assert not changes(again), again["stacks"]
    assert world.dangling() == []
