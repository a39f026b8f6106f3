"""Timer triggers of the front end: who may run them, what a run is, and what else is asked."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from local_cloud.azure.host import worker
from local_cloud.azure.host.invocations import Invocations
from local_cloud.azure.host.timers import KEY_HEADER, KEY_VARIABLE, PATH, Timers
from local_cloud.web import Answer, Request

ENVIRON = {KEY_VARIABLE: "key", "SCHEDULE": "0 */15 * * * *"}


def _app(runs: list[bool]) -> func.FunctionApp:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%")
    def ticks(timer: func.TimerRequest) -> None:
        runs.append(timer.past_due)

    @app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%")
    def fails(timer: func.TimerRequest) -> None:
        raise RuntimeError("The store is away.")

    @app.route(route="echo", trigger_arg_name="request")
    def echo(request: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("in")

    return app


@pytest.fixture
def runs() -> list[bool]:
    return []


@pytest.fixture
def loaded(runs: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> worker.Worker:
    module: Any = types.ModuleType("function_app")
    module.app = _app(runs)
    monkeypatch.setitem(sys.modules, "function_app", module)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return worker.load(tmp_path)


def timers(loaded: worker.Worker, **environ: str) -> Timers:
    return Timers(
        loaded,
        ENVIRON | environ,
        invocations=Invocations(60, lambda: None),
        otherwise=lambda _: Answer(403),
    )


def ask(timers: Timers, method: str, path: str, key: str = "key") -> Answer:
    return timers(Request(method, f"https://h{path}", path, {}, {KEY_HEADER: key}))


def test_a_run_is_the_function_s_own(loaded: worker.Worker, runs: list[bool]) -> None:
    front = timers(loaded)
    assert json.loads(ask(front, "GET", PATH).body) == ["fails", "ticks"]
    assert ask(front, "POST", f"{PATH}ticks").status == 204
    assert runs == [False]


def test_a_run_that_fails_says_why(loaded: worker.Worker) -> None:
    answer = ask(timers(loaded), "POST", f"{PATH}fails")
    assert answer.status == 500
    assert "The store is away." in json.loads(answer.body)["error"]


@pytest.mark.parametrize("key", ["", "other"])
def test_who_has_not_the_host_s_key_runs_nothing(loaded: worker.Worker, runs: list[bool], key: str) -> None:
    for method, path in (("POST", f"{PATH}ticks"), ("GET", PATH)):
        assert ask(timers(loaded), method, path, key).status == 401
    assert ask(timers(loaded, **{KEY_VARIABLE: ""}), "POST", f"{PATH}ticks", "").status == 401
    assert runs == []


def test_other_functions_are_not_run_by_hand_and_other_requests_go_on(loaded: worker.Worker) -> None:
    front = timers(loaded)
    assert ask(front, "POST", f"{PATH}echo").status == 404
    assert ask(front, "GET", f"{PATH}ticks").status == 404
    assert ask(front, "GET", "/echo").status == 403


@pytest.mark.parametrize("schedule", ["", "*/15 * * * *", "rate(15 minutes)"])
def test_a_schedule_that_the_host_would_not_take(loaded: worker.Worker, schedule: str) -> None:
    with pytest.raises(ValueError, match="is no schedule"):
        timers(loaded, SCHEDULE=schedule)
