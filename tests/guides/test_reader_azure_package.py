"""What a guide says of Function Apps by the package that is deployed: host.json, bindings, code."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from guides.readers import azure_host, azure_package
from guides.readers.azure_host import Host
from support.guided_azure import ALONE, MIDDLE, differing, functions
from twin_runtime.roles import Role
from twinspan import packaging


@pytest.fixture
def host_json(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The content of host.json, which can be changed: a stack is read with what it says then."""
    document: dict[str, Any] = json.loads(azure_host.HOST_JSON.read_text(encoding="utf-8"))

    class Copy:
        def read_text(self, encoding: str) -> str:
            return json.dumps(document)

    monkeypatch.setattr(azure_host, "HOST_JSON", Copy())
    return document


def test_a_figure_of_host_json_that_changes_changes_what_is_said(host_json: dict[str, Any]) -> None:
    queues = host_json["extensions"]["queues"]
    by_queue = {Role.PROCESSOR, Role.PERSISTER, Role.EVENT_CHECKER, Role.EVENT_FEEDBACK}
    own = by_queue - {Role.PROCESSOR}  # whose app settings say otherwise
    for name, value, roles in (
        ("maxDequeueCount", 61, by_queue),
        ("visibilityTimeout", "00:06:00", by_queue),
        ("maxPollingInterval", "00:00:07", by_queue),
        ("batchSize", 31, own),
        ("newBatchThreshold", 15, own),
    ):
        before = queues[name]
        queues[name] = value
        found = functions(ALONE)
        queues[name] = before  # so that the stack is read as it is, to be compared
        assert differing(found) == roles, name
    host_json["extensions"]["http"]["routePrefix"] = "api"
    with pytest.raises(KeyError, match=r"no output tells where .* is called at /api/hot_reader"):
        functions(ALONE)


def test_what_host_json_leaves_to_the_host_is_not_made_up(host_json: dict[str, Any]) -> None:
    del host_json["extensions"]["queues"]["maxDequeueCount"]
    with pytest.raises(KeyError, match=r"host\.json says nothing of extensions\.queues\.maxDequeueCount"):
        functions(ALONE)


def test_what_host_json_says_more_is_not_left_out(host_json: dict[str, Any]) -> None:
    host_json["extensions"]["queues"]["retries"] = 3
    with pytest.raises(KeyError, match=r"host\.json has retries, which the guides do not know"):
        functions(ALONE)


def test_a_message_that_the_host_gives_up_first_is_said_to_be_wrong(host_json: dict[str, Any]) -> None:
    host_json["extensions"]["queues"]["maxDequeueCount"] = 50
    with pytest.raises(KeyError, match=r"gives up a message of .* before the function can say why"):
        functions(ALONE)


def test_a_duration_is_told_in_seconds() -> None:
    settings = {"AzureFunctionsJobHost__functionTimeout": "01:02:03"}
    assert Host(settings).seconds("functionTimeout") == 3723


@pytest.mark.parametrize("said", ["5 minutes", "00:60:00", ""])
def test_a_duration_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(KeyError, match="which is no duration as hh:mm:ss"):
        Host({"AzureFunctionsJobHost__functionTimeout": said}).seconds("functionTimeout")


def test_a_number_that_is_none_is_refused() -> None:
    settings = {"AzureFunctionsJobHost__extensions__queues__batchSize": "many"}
    with pytest.raises(KeyError, match="which is no number"):
        Host(settings).number("extensions", "queues", "batchSize")


def test_the_time_that_letters_are_kept_is_that_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "twin_azure" / "queues.py"
    code.parent.mkdir()
    source = (packaging.SOURCE / "twin_azure" / "queues.py").read_text(encoding="utf-8")
    monkeypatch.setattr(packaging, "SOURCE", tmp_path)
    code.write_text(source, encoding="utf-8")
    assert azure_package.letters_kept_s() is None
    code.write_text(source.replace("FOR_EVER = -1", "FOR_EVER = 86_400"), encoding="utf-8")
    assert azure_package.letters_kept_s() == 86_400
    code.write_text(source.replace(", time_to_live=FOR_EVER", ""), encoding="utf-8")
    with pytest.raises(KeyError, match="should say once how long a message lives"):
        azure_package.letters_kept_s()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> func.FunctionApp:
    """An app in the place of every role's."""
    app = func.FunctionApp()
    monkeypatch.setattr(azure_package, "_loaded", lambda role: SimpleNamespace(app=app))
    return app


def test_a_binding_that_is_not_known_is_refused(app: func.FunctionApp) -> None:
    @app.function_name("processor")
    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    @app.queue_output(arg_name="out", queue_name="side", connection="QUEUES")
    def run(timer: func.TimerRequest, out: object) -> None: ...

    with pytest.raises(KeyError, match="bindings that the guides do not know"):
        functions(MIDDLE)


def test_a_retry_policy_is_refused(app: func.FunctionApp) -> None:
    @app.function_name("processor")
    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    @app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:10")
    def run(timer: func.TimerRequest) -> None: ...

    with pytest.raises(KeyError, match="has a retry policy, which the guides do not know"):
        functions(MIDDLE)


def test_a_trigger_that_is_not_known_is_refused(app: func.FunctionApp) -> None:
    @app.function_name("processor")
    @app.blob_trigger(arg_name="blob", path="in/{name}", connection="BLOBS")
    def run(blob: func.InputStream) -> None: ...

    with pytest.raises(KeyError, match="has blobTrigger, which the guides do not know"):
        functions(MIDDLE)


def test_the_route_is_that_of_the_code(app: func.FunctionApp) -> None:
    @app.function_name("writer")
    @app.route(route="rows", methods=["POST"])
    def run(request: func.HttpRequest) -> func.HttpResponse: ...

    with pytest.raises(KeyError, match=r"no output tells where .* is called at /rows"):
        functions(MIDDLE)


def test_reading_leaves_no_trace() -> None:
    path, environment = list(sys.path), dict(os.environ)
    loaded = {name: module for name, module in sys.modules.items() if name.startswith("twin_azure.")}
    functions(ALONE)
    assert (sys.path, dict(os.environ)) == (path, environment)
    for role in Role:
        assert sys.modules.get(f"twin_azure.{role}") is loaded.get(f"twin_azure.{role}")
