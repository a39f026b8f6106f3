"""The apps that run by the clock: a timer for each partition, and what a run gets."""

from __future__ import annotations

import json
from typing import Any

import azure.functions as func
import pytest

from twin_azure import triggers
from twin_azure.entry import app_of
from twin_azure.triggers import Once
from twin_runtime.deadlines import Limits
from twin_runtime.errors import ConfigurationError, Retry
from twin_runtime.roles import ROLES, Cloud, Role

TIMEOUT = "00:10:00"


class Runs:
    """Takes the place of a role's object; `fails` is raised by its runs."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.fails = fails
        self.taken: list[tuple[int, int, float]] = []

    def run(self, partition: int, partitions: int, *, budget: float) -> None:
        self.taken.append((partition, partitions, budget))
        if self.fails:
            raise self.fails


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("PARTITIONS", "4")
    return monkeypatch


def functions(app: func.FunctionApp) -> dict[str, Any]:
    return {str(function.get_function_name()): function for function in app.get_functions()}


def call(function: Any) -> None:
    function.get_user_function()(timer=None)


@pytest.mark.parametrize("role", [Role.COLD_MOVER, Role.ARCHIVE_MOVER])
def test_an_app_has_a_timer_for_each_partition(role: Role) -> None:
    found = functions(app_of(role))
    assert list(found) == [f"{role}_{number}" for number in range(4)]
    for function in found.values():
        (trigger,) = json.loads(function.get_function_json())["bindings"]
        assert (trigger["type"], trigger["schedule"]) == ("timerTrigger", "%SCHEDULE%")
        assert not trigger.get("runOnStartup")


def test_each_timer_runs_its_own_partition_of_the_same_object() -> None:
    role = Runs()
    for function in functions(
        triggers.timer_app(Limits(Role.COLD_MOVER, Cloud.AZURE), Once(lambda: role))
    ).values():
        call(function)
    assert [(partition, partitions) for partition, partitions, _ in role.taken] == [(n, 4) for n in range(4)]


def test_a_role_of_one_partition_has_a_function_of_its_own_name(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PARTITIONS", "1")
    role = Runs()
    ((name, function),) = functions(
        triggers.timer_app(Limits(Role.TWIN_SYNC, Cloud.AZURE), Once(lambda: role))
    ).items()
    call(function)
    assert (name, role.taken[0][:2]) == ("twin_sync", (0, 1))


def test_a_run_is_told_to_end_before_the_host_ends_it() -> None:
    for scheduled in (Role.COLD_MOVER, Role.ARCHIVE_MOVER):
        role, limits = Runs(), Limits(scheduled, Cloud.AZURE)
        call(functions(triggers.timer_app(limits, Once(lambda role=role: role)))[f"{scheduled}_0"])
        ((_, _, budget),) = role.taken
        assert ROLES[scheduled].timeout_s / 2 < budget == limits.budget().budget


def test_what_a_role_raises_makes_the_run_a_failed_one() -> None:
    app = triggers.timer_app(
        Limits(Role.COLD_MOVER, Cloud.AZURE), Once(lambda: Runs(Retry("The store is away.")))
    )
    with pytest.raises(Retry, match="The store is away"):
        call(functions(app)["cold_mover_2"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("PARTITIONS", ""), ("PARTITIONS", "0"), ("PARTITIONS", "-1")],
)
def test_settings_that_are_refused(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        triggers.timer_app(Limits(Role.COLD_MOVER, Cloud.AZURE), Once(Runs))
