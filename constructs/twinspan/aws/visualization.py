"""L5: Amazon Managed Grafana. A scheduled function writes its content."""

import json

from twin_runtime.roles import Layer
from twinspan import contracts, outputs
from twinspan.aws import names
from twinspan.aws.foundation import Foundation
from twinspan.aws.shared.grants import grant
from twinspan.aws.shared.policies import allow, document, record, trust
from twinspan.providers import Construct, TerraformVariable
from twinspan.providers.aws import (
    GrafanaRoleAssociation,
    GrafanaWorkspace,
    GrafanaWorkspaceServiceAccount,
    IamRole,
    IamRolePolicy,
)
from twinspan.terraform.resources import Ref, place

VERSION = "12.4"
AUTHENTICATION_VARIABLE = "grafana_authentication"
ADMINS_VARIABLE = "grafana_admins"
_CONFIGURATION = {"plugins": {"pluginAdminEnabled": True}, "unifiedAlerting": {"enabled": True}}
"""Plugin management lets the function install the data source's plugin."""


class Dashboards(Construct):
    """A workspace that people enter through IAM Identity Center, or SAML, as `grafana_authentication` says.

    AWS makes no account in it: whoever deploys names the users of Identity Center who become administrators
    (`grafana_admins`), or assigns them in the console; SAML is set up there as well. Output `grafana_url`.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._tags = foundation.labels(Layer.VISUALIZATION, "grafana")
        self._name = foundation.twin.names.name(names.GRAFANA)
        self._variables()
        role = self._role()
        workspace = GrafanaWorkspace(
            self,
            "workspace",
            name=self._name,
            description=f"Dashboards of the twin {foundation.twin.config.name}",
            account_access_type="CURRENT_ACCOUNT",
            authentication_providers=[f"${{var.{AUTHENTICATION_VARIABLE}}}"],
            permission_type="CUSTOMER_MANAGED",
            role_arn=role["arn"],
            data_sources=["CLOUDWATCH"],
            grafana_version=VERSION,
            configuration=json.dumps(_CONFIGURATION, separators=(",", ":")),
            tags=self._tags,
        )
        self._workspace = place(workspace, "grafana", protect=foundation.protects(Layer.VISUALIZATION))
        self._account = self._service_account()
        self._admins()
        self.address = (
            f"https://{self._workspace['endpoint']}?workspace={self._workspace['id']}"
            f"&service_account={self._account['service_account_id']}"
        )
        outputs.publish_grafana(
            self,
            f"https://{self._workspace['endpoint']}",
            sign_in=f"Sign in with {AUTHENTICATION_VARIABLE}, as one of {ADMINS_VARIABLE}.",
        )

    def keep_with(self, function: contracts.Function) -> None:
        statement = allow(
            "grafana:CreateWorkspaceServiceAccountToken",
            "grafana:DeleteWorkspaceServiceAccountToken",
            "grafana:ListWorkspaceServiceAccountTokens",
            on=[self._workspace["arn"]],
        )
        grant(function, "keep-dashboards", statement, about=self._workspace)

    def read_by(self, secret: contracts.Secret) -> None:
        """No-op: a scheduled function configures the data source."""

    def _variables(self) -> None:
        authentication = TerraformVariable(
            self,
            AUTHENTICATION_VARIABLE,
            type="string",
            nullable=False,
            default="AWS_SSO",
            description="How people sign in: AWS_SSO (IAM Identity Center, already enabled) or SAML.",
        )
        authentication.override_logical_id(AUTHENTICATION_VARIABLE)
        authentication.add_validation(
            condition=f'${{contains(["AWS_SSO", "SAML"], var.{AUTHENTICATION_VARIABLE})}}',
            error_message=f"{AUTHENTICATION_VARIABLE} is AWS_SSO or SAML.",
        )
        admins = TerraformVariable(
            self,
            ADMINS_VARIABLE,
            type="set(string)",
            nullable=False,
            default=[],
            description="Users of IAM Identity Center, by id, who administer Grafana.",
        )
        admins.override_logical_id(ADMINS_VARIABLE)

    def _role(self) -> Ref:
        """What Grafana's own data sources read with. CloudWatch's metrics know no resource but `*`."""
        account = {"StringEquals": {"aws:SourceAccount": self._foundation.account}}
        role = IamRole(
            self,
            "role",
            name=self._name,
            assume_role_policy=trust("grafana.amazonaws.com", account),
            tags=self._tags,
        )
        placed = place(role, "grafana")
        reads = allow("cloudwatch:GetMetricData", "cloudwatch:ListMetrics", on=["*"])
        policy = IamRolePolicy(self, "metrics", name="metrics", role=placed["id"], policy=document(reads))
        record(self._foundation.inventory, place(policy, "grafana_metrics"), reads, to=names.GRAFANA)
        return placed

    def _service_account(self) -> Ref:
        """Whose short-lived tokens the function uses. Only an administrator may write data sources."""
        account = GrafanaWorkspaceServiceAccount(
            self,
            "service-account",
            name="dashboard-sync",
            grafana_role="ADMIN",
            workspace_id=self._workspace["id"],
        )
        return place(account, "dashboard_sync")

    def _admins(self) -> None:
        association = GrafanaRoleAssociation(
            self,
            "admins",
            role="ADMIN",
            user_ids=[],
            workspace_id=self._workspace["id"],
        )
        association.add_override("user_ids", f"${{var.{ADMINS_VARIABLE}}}")
        association.add_override("count", f"${{length(var.{ADMINS_VARIABLE}) > 0 ? 1 : 0}}")
        place(association, "admins")
