"""Secret Manager and the executions API, through the product's adapters."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from contract.adapter_contract import SecretContract
from local_cloud.errors import LocalCloudError
from local_cloud.gcp.json_server import JsonServer
from local_cloud.gcp.rest import call
from local_cloud.gcp.secret_manager import SecretManager
from local_cloud.gcp.workflows import server
from local_cloud.gcp.workflows.callbacks import Callbacks
from local_cloud.gcp.workflows.executions import Executions
from local_cloud.processes import free_port
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_gcp.secret import SecretVersion
from twin_runtime.errors import Retry, SecretMissing

SECRET = "projects/my-project/secrets/factory-link-telemetry"
WORKFLOW = "projects/my-project/locations/europe-west1/workflows/factory-workflow"


@pytest.fixture
def secrets() -> Iterator[tuple[SecretManager, int]]:
    port = free_port()
    manager = SecretManager(port)
    manager.create([SECRET])
    yield manager, port
    manager.close()


@pytest.fixture
def executions() -> Iterator[int]:
    """The port of the executions API, which records."""
    port = free_port()
    made = JsonServer(Executions(Callbacks(f"http://127.0.0.1:{port}"), None).route, port=port)
    made.start()
    call(port, "PUT", f"v1/{WORKFLOW}", {"sourceContents": "main: {steps: []}"})
    yield port
    made.close()


def cloud(port: int) -> GcpCloud:
    url = f"http://127.0.0.1:{port}"
    return GcpCloud(endpoints=Endpoints(secrets=url, executions=url))


class TestSecret(SecretContract):
    @pytest.fixture
    def secret(self, secrets: tuple[SecretManager, int]) -> SecretVersion:
        self.manager, port = secrets
        return cloud(port).secret(SECRET)

    def write(self, secret: SecretVersion, text: str) -> None:
        self.manager.add(SECRET, text)


def test_a_secret_that_no_stack_made(secrets: tuple[SecretManager, int]) -> None:
    manager, port = secrets
    with pytest.raises(SecretMissing):
        cloud(port).secret(f"{SECRET}-other").fetch()
    with pytest.raises(LocalCloudError, match="There is no secret"):
        manager.add(f"{SECRET}-other", "x")


def test_a_version_that_is_added_over_rest(secrets: tuple[SecretManager, int]) -> None:
    manager, port = secrets
    for number, text in enumerate(("old", "new"), 1):
        payload = {"payload": {"data": base64.b64encode(text.encode()).decode()}}
        made = call(port, "POST", f"v1/{SECRET}:addVersion", payload)
        assert made["name"] == f"{SECRET}/versions/{number}"
    assert manager.newest(SECRET) == cloud(port).secret(SECRET).fetch() == "new"


@pytest.mark.parametrize(
    ("path", "document", "status"),
    [
        (f"v1/{SECRET}:addVersion", {}, 400),
        (f"v1/{SECRET}:addVersion", {"payload": {"data": "%"}}, 400),
        (f"v1/{SECRET}-other:addVersion", {"payload": {"data": "aGk="}}, 404),
        (f"v1/{SECRET}:destroy", {}, 404),
    ],
)
def test_versions_that_are_refused(
    secrets: tuple[SecretManager, int], path: str, document: dict[str, Any], status: int
) -> None:
    with pytest.raises(LocalCloudError, match=f"with {status}:"):
        call(secrets[1], "POST", path, document)


def test_executions_are_recorded_with_their_argument(executions: int) -> None:
    for rule in ("a", "b"):
        payload = {"rule": rule, "event": {"data": {"t": 1.5}}}
        cloud(executions).workflow(WORKFLOW).start(f"{rule}-1", payload)
    first, second = server.runs(executions)
    assert first["argument"] == {"rule": "a", "event": {"data": {"t": 1.5}}}
    assert second["argument"]["rule"] == "b"
    assert first["name"].startswith(f"{WORKFLOW}/executions/")
    assert first["state"] == "ACTIVE"


def test_a_workflow_that_no_stack_made(executions: int) -> None:
    with pytest.raises(Retry, match="404"):
        cloud(executions).workflow(f"{WORKFLOW}-other").start("a", {})
    assert server.runs(executions) == []


@pytest.mark.parametrize(
    ("path", "document", "status"),
    [
        (f"v1/{WORKFLOW}/executions", {"argument": "{"}, 400),
        (f"v1/{WORKFLOW}/executions", {"argument": 1}, 400),
        (f"v1/{WORKFLOW}/executions", {"argument": json.dumps("x" * 512_000)}, 400),
        ("callbacks/unknown", {}, 404),
    ],
)
def test_executions_that_are_refused(
    executions: int, path: str, document: dict[str, Any], status: int
) -> None:
    with pytest.raises(LocalCloudError, match=f"with {status}:"):
        call(executions, "POST", path, document)
