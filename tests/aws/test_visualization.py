"""Amazon Managed Grafana: the values that AWS takes, who may do what in it, dashboard_sync's tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.loaders import Loader
from botocore.stub import Stubber

from support.layouts import Layout
from support.terraform import TerraformFailed, real_terraform
from twin_aws.grafana import LIFE_S, PREFIX, ManagedGrafana
from twin_runtime.errors import ConfigurationError, Retry, Throttled
from twin_runtime.roles import ROLES, Cloud, Role

Stack = dict[str, Any]
AWS, GCP = Cloud.AWS, Cloud.GCP
L5 = Layout(GCP, GCP, GCP, l5=AWS)
WORKSPACE, ACCOUNT = "g-0123456789", "7"
NAMES = {"workspaceId": WORKSPACE, "serviceAccountId": ACCOUNT}
ADDRESS = f"https://{WORKSPACE}.grafana-workspace.eu-central-1.amazonaws.com"


@pytest.fixture(scope="module")
def folder(synthesized: Callable[..., Path]) -> Path:
    return synthesized(L5)


@pytest.fixture(scope="module")
def stack(folder: Path) -> Stack:
    return json.loads((folder / "cdk.tf.json").read_text())


def shapes() -> dict[str, Any]:
    """What the service says of itself, as botocore has it."""
    return Loader().load_service_model("grafana", "service-2")["shapes"]


def statements(stack: Stack, policy: str) -> list[dict[str, Any]]:
    return json.loads(stack["resource"]["aws_iam_role_policy"][policy]["policy"])["Statement"]


@pytest.mark.parametrize(
    ("attribute", "shape"),
    [
        ("account_access_type", "AccountAccessType"),
        ("permission_type", "PermissionType"),
        ("data_sources", "DataSourceType"),
    ],
)
def test_words_are_those_of_the_service(stack: Stack, attribute: str, shape: str) -> None:
    value = stack["resource"]["aws_grafana_workspace"]["grafana"][attribute]
    assert set(value if isinstance(value, list) else [value]) <= set(shapes()[shape]["enum"])


def test_the_workspace(stack: Stack) -> None:
    workspace = stack["resource"]["aws_grafana_workspace"]["grafana"]
    assert re.fullmatch(shapes()["WorkspaceName"]["pattern"], workspace["name"])
    # Its own words: the workspace must be 9 or newer for service accounts and plugin management, and the data
    # source's plugin asks for 11.6.
    assert float(workspace["grafana_version"]) >= 11.6
    assert len(workspace["configuration"]) <= shapes()["OverridableConfigurationJson"]["max"]
    assert json.loads(workspace["configuration"])["plugins"] == {"pluginAdminEnabled": True}
    # Outside the console Grafana makes no roles by itself (API: CreateWorkspace, permissionType).
    assert workspace["permission_type"] == "CUSTOMER_MANAGED"
    assert workspace["role_arn"] == "${aws_iam_role.grafana.arn}"


def test_the_service_account_is_an_administrator(stack: Stack) -> None:
    """An editor writes no data sources (Grafana: roles and permissions, datasources:write)."""
    account = stack["resource"]["aws_grafana_workspace_service_account"]["dashboard_sync"]
    assert account["grafana_role"] == "ADMIN"
    assert account["grafana_role"] in shapes()["Role"]["enum"]
    assert 1 <= len(account["name"]) <= shapes()["ServiceAccountName"]["max"]


def test_grafana_reads_metrics_and_nothing_else(stack: Stack) -> None:
    (statement,) = statements(stack, "grafana_metrics")
    assert set(statement["Action"]) == {"cloudwatch:GetMetricData", "cloudwatch:ListMetrics"}
    (trust,) = json.loads(stack["resource"]["aws_iam_role"]["grafana"]["assume_role_policy"])["Statement"]
    assert trust["Principal"] == {"Service": "grafana.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "${data.aws_caller_identity.current.account_id}"}
    }


def test_dashboard_sync_makes_tokens_of_this_workspace_alone(stack: Stack) -> None:
    (statement,) = statements(stack, "dashboard_sync_keep_dashboards")
    assert statement["Resource"] == ["${aws_grafana_workspace.grafana.arn}"]
    assert set(statement["Action"]) == {
        "grafana:CreateWorkspaceServiceAccountToken",
        "grafana:DeleteWorkspaceServiceAccountToken",
        "grafana:ListWorkspaceServiceAccountTokens",
    }


def test_grafana_is_told_of(stack: Stack) -> None:
    output = stack["output"]["grafana_url"]
    assert output["value"] == "https://${aws_grafana_workspace.grafana.endpoint}"
    assert set(stack["variable"]) >= {"grafana_admins", "grafana_authentication"}
    words = set(re.findall(r"AWS_SSO|SAML", json.dumps(stack["variable"]["grafana_authentication"])))
    assert words == set(shapes()["AuthenticationProviderTypes"]["enum"])


@pytest.mark.terraform
@pytest.mark.slow
def test_who_deploys_names_the_administrators(folder: Path) -> None:
    checked = real_terraform().check(folder)
    checked.validate()
    user = "12345678-1234-1234-1234-123456789012"
    planned = checked.planned(grafana_admins=[user], grafana_authentication="SAML")
    assert planned["aws_grafana_role_association.admins[0]"]["user_ids"] == [user]
    assert planned["aws_grafana_workspace.grafana"]["authentication_providers"] == ["SAML"]
    assert "aws_grafana_role_association.admins[0]" not in checked.planned()
    with pytest.raises(TerraformFailed, match="AWS_SSO or SAML"):
        checked.planned(grafana_authentication="LDAP")


# -- Tokens


@pytest.fixture
def stub() -> Stubber:
    client = boto3.client("grafana", "eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    return Stubber(client)


def _made() -> dict[str, Any]:
    return {**NAMES, "serviceAccountToken": {"id": "t1", "name": "n", "key": "glsa_key"}}


def _create(stub: Stubber) -> None:
    from botocore.stub import ANY

    asked = {**NAMES, "name": ANY, "secondsToLive": LIFE_S}
    stub.add_response("create_workspace_service_account_token", _made(), asked)


def _delete(stub: Stubber, token: str) -> None:
    stub.add_response(
        "delete_workspace_service_account_token", {**NAMES, "tokenId": token}, {**NAMES, "tokenId": token}
    )


def _list(stub: Stubber, *tokens: dict[str, Any]) -> None:
    found = {"serviceAccountId": ACCOUNT, "workspaceId": WORKSPACE, "serviceAccountTokens": list(tokens)}
    stub.add_response("list_workspace_service_account_tokens", found, NAMES)


def _grafana(stub: Stubber) -> ManagedGrafana:
    return ManagedGrafana.at(f"{ADDRESS}?workspace={WORKSPACE}&service_account={ACCOUNT}", stub.client)


def test_a_token_lasts_as_long_as_a_run(stub: Stubber) -> None:
    assert ROLES[Role.DASHBOARD_SYNC].timeout_s < LIFE_S
    _list(stub)
    _create(stub)
    _delete(stub, "t1")
    with stub:
        grafana = _grafana(stub)
        assert grafana.url == ADDRESS
        with grafana.access() as authorization:
            assert authorization == "Bearer glsa_key"
        stub.assert_no_pending_responses()


def test_a_token_goes_when_a_run_fails(stub: Stubber) -> None:
    _list(stub)
    _create(stub)
    _delete(stub, "t1")
    with stub, pytest.raises(Retry, match="on purpose"), _grafana(stub).access():
        raise Retry("on purpose")
    stub.assert_no_pending_responses()


def test_a_token_that_cannot_be_deleted_ends_by_itself(stub: Stubber) -> None:
    _list(stub)
    _create(stub)
    stub.add_client_error("delete_workspace_service_account_token", "InternalServerException")
    with stub, _grafana(stub).access() as authorization:
        assert authorization


def test_tokens_of_runs_that_were_killed_are_deleted(stub: Stubber) -> None:
    now = datetime.now(UTC)
    past, future = now - timedelta(hours=1), now + timedelta(minutes=4)
    tokens = [
        {"id": "old", "name": f"{PREFIX}a", "createdAt": past, "expiresAt": past},
        {"id": "running", "name": f"{PREFIX}b", "createdAt": now, "expiresAt": future},
        {"id": "someone's", "name": "mine", "createdAt": past, "expiresAt": past},
    ]
    _list(stub, *tokens)
    _delete(stub, "old")
    _create(stub)
    _delete(stub, "t1")
    with stub:
        with _grafana(stub).access():
            pass
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "kind"), [("ThrottlingException", Throttled), ("ServiceQuotaExceededException", Retry)]
)
def test_errors_name_the_service_and_the_code(stub: Stubber, code: str, kind: type[Retry]) -> None:
    _list(stub)
    stub.add_client_error("create_workspace_service_account_token", code)
    with stub, pytest.raises(kind, match=f"Amazon Managed Grafana answered {code}"), _grafana(stub).access():
        pass


@pytest.mark.parametrize(
    "address",
    ["", ADDRESS, f"{ADDRESS}?workspace=g", "http://x?workspace=g&service_account=1", "https://?workspace=g"],
)
def test_an_address_without_its_parts(address: str) -> None:
    with pytest.raises(ConfigurationError, match="Grafana's address must be"):
        ManagedGrafana.at(address, None)
