"""The stand-ins of Grafana refuse what Grafana and its clouds refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_cloud.aws.managed_grafana import ACCOUNT, PLUGINS, WORKSPACE, ManagedGrafana
from local_cloud.azure import managed_grafana
from local_cloud.azure.tokens import Tokens
from local_cloud.certificates import Authority
from local_cloud.grafana import GrafanaApi
from local_cloud.web import Request
from twinspan import datasource

ADMIN = "Bearer admin"
OWN = {"workspaceId": WORKSPACE, "serviceAccountId": ACCOUNT}


def ask(api: GrafanaApi, method: str, path: str, body: Any = None, *, by: str = ADMIN) -> tuple[int, Any]:
    """Status and document of an answer."""
    headers = {"authorization": by, "content-type": "application/json"}
    content = b"" if body is None else json.dumps(body).encode()
    answer = api(Request(method, path, path, {}, headers, content))
    return answer.status, json.loads(answer.body)


@pytest.fixture
def api() -> GrafanaApi:
    return GrafanaApi(lambda header: True if header == ADMIN else None, catalog={})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"dashboard": {"uid": "a", "title": "A"}}, 412),
        ({"dashboard": {"uid": "a", "title": "A"}, "overwrite": True}, 200),
        ({"dashboard": {"uid": "b", "title": ""}}, 400),
        ({"dashboard": {"uid": "a/b", "title": "A"}}, 400),
        ({"dashboard": {"uid": "b" * 41, "title": "A"}}, 400),
        ({"dashboard": {"uid": "b", "title": "B"}, "folderUid": "nowhere"}, 400),
        ({"dashboard": {"uid": "b", "title": "B", "id": 7}}, 404),
        ({"dashboard": {"uid": "b", "title": "B"}, "overwrite": "yes"}, 400),
    ],
)
def test_dashboards(api: GrafanaApi, body: Any, status: int) -> None:
    assert ask(api, "POST", "/api/dashboards/db", {"dashboard": {"uid": "a", "title": "A"}})[0] == 200
    assert ask(api, "POST", "/api/dashboards/db", body)[0] == status


def test_data_sources(api: GrafanaApi) -> None:
    source = {"uid": "metrics", "name": "Metrics", "type": "cloudwatch", "access": "proxy"}
    assert ask(api, "POST", "/api/datasources", source)[0] == 200
    assert ask(api, "POST", "/api/datasources", source)[0] == 409
    assert ask(api, "PUT", "/api/datasources/uid/metrics", {**source, "version": 7})[0] == 409
    assert ask(api, "PUT", "/api/datasources/uid/other", {**source, "uid": "other"})[0] == 404
    unknown = {**source, "uid": "o", "name": "O", "type": datasource.PLUGIN}
    assert ask(api, "POST", "/api/datasources", unknown)[0] == 400


def test_who_may(api: GrafanaApi) -> None:
    assert ask(api, "GET", "/api/search", by="Bearer nobody")[0] == 401
    tokens = Tokens("key")
    azure = managed_grafana.workspace(tokens, ["admin"], [datasource.PLUGIN])
    for principal, audience, status in (
        ("admin", managed_grafana.AUDIENCE, 200),
        ("viewer", managed_grafana.AUDIENCE, 403),
        ("admin", "https://vault.azure.net", 401),
    ):
        by = f"Bearer {tokens.issue(principal, audience)}"
        assert ask(azure, "GET", f"/api/plugins/{datasource.PLUGIN}/settings", by=by)[0] == status


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[tuple[ManagedGrafana, Any, list[float]]]:
    """The stand-in, a client of its API, and the clock."""
    now = [1_800_000_000.0]
    made = ManagedGrafana(Authority(tmp_path).server(), clock=lambda: now[0])
    client = boto3.client(
        "grafana",
        endpoint_url=made.url,
        region_name="eu-central-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    yield made, client, now
    made.close()


def test_a_token_ends(workspace: tuple[ManagedGrafana, Any, list[float]]) -> None:
    made, client, now = workspace
    token = client.create_workspace_service_account_token(**OWN, name="a", secondsToLive=60)
    by = f"Bearer {token['serviceAccountToken']['key']}"
    path = "/api/dashboards/uid/none"
    assert ask(made.grafana, "GET", path, by=by)[0] == 404
    now[0] += 61
    assert ask(made.grafana, "GET", path, by=by)[0] == 401
    (listed,) = client.list_workspace_service_account_tokens(**OWN)["serviceAccountTokens"]
    assert (listed["name"], listed["expiresAt"].timestamp()) == ("a", 1_800_000_060.0)
    client.delete_workspace_service_account_token(**OWN, tokenId=listed["id"])
    assert made.tokens == []


def test_tokens_that_amazon_refuses(workspace: tuple[ManagedGrafana, Any, list[float]]) -> None:
    _, client, _ = workspace
    create = client.create_workspace_service_account_token
    create(**OWN, name="a", secondsToLive=60)
    for arguments, code in (
        ({**OWN, "name": "a", "secondsToLive": 60}, "ConflictException"),
        ({**OWN, "name": "b", "secondsToLive": 2_592_001}, "ValidationException"),
        ({**OWN, "name": "b" * 129, "secondsToLive": 60}, "ValidationException"),
        (
            {**OWN, "workspaceId": "g-abcdef0123", "name": "b", "secondsToLive": 60},
            "ResourceNotFoundException",
        ),
    ):
        with pytest.raises(ClientError) as refused:
            create(**arguments)
        assert refused.value.response["Error"]["Code"] == code


def test_the_plugin_can_be_installed() -> None:
    assert datasource.PLUGIN_VERSION in PLUGINS[datasource.PLUGIN]
