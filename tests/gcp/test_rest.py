"""Tokens, secrets and the workflow, against a fake of Google's REST APIs."""

from __future__ import annotations

import json

import pytest

from contract.adapter_contract import SecretContract
from gcp.servers import FakeGoogle
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_gcp.rest import MetadataTokens, Rest
from twin_gcp.secret import SecretVersion
from twin_runtime.errors import Refused, Retry, SecretMissing, Throttled

SECRET = "projects/my-project/secrets/factory-link-telemetry"
WORKFLOW = "projects/my-project/locations/europe-west1/workflows/factory-workflow"


def cloud(google: FakeGoogle) -> GcpCloud:
    """With tokens, as in Google Cloud."""
    endpoints = Endpoints(pubsub=google.url, secrets=google.url, executions=google.url)
    return GcpCloud(endpoints=endpoints, tokens=MetadataTokens(host=google.host))


class TestSecret(SecretContract):
    @pytest.fixture
    def secret(self, google: FakeGoogle) -> SecretVersion:
        self.google = google
        return cloud(google).secret(SECRET)

    def write(self, secret: SecretVersion, text: str) -> None:
        self.google.versions.append(text)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, SecretMissing), (404, SecretMissing), (403, Retry), (500, Retry)]
)
def test_secrets_that_cannot_be_read(google: FakeGoogle, status: int, kind: type[Retry]) -> None:
    google.ahead = [status]
    with pytest.raises(Retry) as raised:
        cloud(google).secret(SECRET).fetch()
    assert type(raised.value) is kind


def test_a_token_is_fetched_once_and_renewed_before_its_end(google: FakeGoogle) -> None:
    now = [0.0]
    tokens = MetadataTokens(host=google.host, clock=lambda: now[0])
    assert tokens.get() == tokens.get() == "t1"
    assert len(google.requests) == 1
    now[0], google.token = 3_300.0, "t2"
    assert tokens.get() == "t1"
    now[0] = 3_400.0
    assert tokens.get() == "t2"


def test_a_refused_token_is_replaced_at_once(google: FakeGoogle) -> None:
    google.versions = ["a"]
    secret = cloud(google).secret(SECRET)
    assert secret.fetch() == "a"
    google.token = "t2"
    assert secret.fetch() == "a"


def test_no_metadata_server_is_for_later() -> None:
    with pytest.raises(Retry, match="gave no token"):
        MetadataTokens(host="127.0.0.1:9").get()


def test_addresses_outside_loopback_must_be_https() -> None:
    with pytest.raises(Retry, match="https"):
        Rest("http://example.com", None, service="x").get("v1/x")


def test_a_workflow_is_started_with_its_payload(google: FakeGoogle) -> None:
    cloud(google).workflow(WORKFLOW).start(
        "overheating-1", {"rule": "overheating", "event": {"data": {"t": 1.5}}}
    )
    (execution,) = google.executions
    assert set(execution) == {"argument"}
    assert json.loads(execution["argument"]) == {"rule": "overheating", "event": {"data": {"t": 1.5}}}
    assert google.requests[-1] == f"POST /v1/{WORKFLOW}/executions"


@pytest.mark.parametrize(("status", "kind"), [(400, Refused), (404, Retry), (429, Throttled), (503, Retry)])
def test_a_start_that_fails(google: FakeGoogle, status: int, kind: type[Exception]) -> None:
    google.ahead = [status]
    with pytest.raises((Retry, Refused)) as raised:
        cloud(google).workflow(WORKFLOW).start("a", {})
    assert type(raised.value) is kind
