"""The workflow that a fired rule starts: a logic app on the consumption plan."""

from typing import Any
from urllib.parse import quote

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.azure import facts
from twinspan.azure.events import definition
from twinspan.azure.events.definition import NOTIFY_PARAMETER, Definition
from twinspan.azure.foundation import Foundation
from twinspan.azure.functions import Function
from twinspan.providers import Construct, TerraformStack, TerraformVariable
from twinspan.providers.azapi import AzapiResource
from twinspan.terraform.resources import literal, place

TYPE = "Microsoft.Logic/workflows@2019-05-01"
AUDIENCE = "https://management.core.windows.net/"
"""Audience of the event checker's tokens. Its identity has no role there, so they grant nothing else."""
NOTIFY_VARIABLE = "workflow_notify_url"
WRITE_ONLY = ">= 1.11"
"""The Terraform that knows arguments which are sent and not stored."""
START = "Invoke the HTTP request trigger"
"""What the policy on the trigger lets do: there is no role for it."""
_API = "2016-10-01"
_POLICIES = "body.properties.accessControl.triggers.openAuthenticationPolicies.policies"


def _literal(value: Any) -> Any:
    """A JSON value that Terraform reads as it is: it takes names, too, for templates of its own."""
    if value is None:
        return "${null}"  # CDKTF leaves out what is null
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, dict):
        return {literal(name): _literal(item) for name, item in value.items()}
    return [_literal(item) for item in value] if isinstance(value, list) else value


class Workflow(Construct):
    """The user's definition, or Twinspan's. Whoever starts it proves by a token of Entra ID who it is.

    A policy on the trigger takes tokens of the event checker's identity, so its URL is no secret. A
    definition with the parameter `notify_url` gets the Terraform variable `workflow_notify_url`: the URL
    of notifications, as a JSON POST. An alarm fires when a run fails. A run of Twinspan's own definition
    fails where the notification could not be sent, and is cancelled when nobody acknowledged it: the alarm
    would be a second notification of one firing.

    The resource of azapi writes definition, policy and value in one request. Those of azurerm write trigger
    and actions one by one, and each request takes the value away.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        config = foundation.twin.config
        own = config.events.workflow
        text = config.path_of(own).read_text(encoding="utf-8") if own else definition.default()
        parsed = definition.parse(text)
        self._name = foundation.names.name("workflow")
        self._element = self._logic_app(parsed)
        self._app = app = place(self._element, "workflow", optional=True)
        path = f"/triggers/{quote(parsed.trigger, safe='')}/paths/invoke?api-version={_API}"
        self.address = f"{app['output.properties.accessEndpoint']}{path}"
        foundation.inventory.record(facts.Named(address=app.address, name=self._name, value=self.address))
        foundation.monitoring.on_metric(
            "workflow_failed",
            of=app,
            namespace="Microsoft.Logic/workflows",
            metric="RunsFailed",
            description="A run of the workflow failed: a fired rule may not have been notified.",
            layer=Layer.PROCESSING,
            role="workflow",
            optional=True,
        )

    def grant_start(self, function: contracts.Function) -> None:
        checker = contracts.own(function, Function)
        claims = {
            "iss": f"https://sts.windows.net/{self._foundation.client['tenant_id']}/",
            "aud": AUDIENCE,
            "oid": checker.principal,
        }
        policy = {
            "type": "AAD",
            "claims": [{"name": name, "value": value} for name, value in claims.items()],
        }
        name = checker.role.replace("_", "-")
        self._element.add_override(_POLICIES, {name: policy})
        address = self._app.address
        self._foundation.inventory.record(
            facts.Grant(address=address, to=checker.role, may=(START,), on=(address,), policy=name)
        )

    def _logic_app(self, parsed: Definition) -> AzapiResource:
        foundation = self._foundation
        values = {"properties": {"parameters": self._notify_url()}} if parsed.notifies else None
        return AzapiResource(
            self,
            "workflow",
            kind=TYPE,
            name=self._name,
            parent_id=foundation.group_id,
            location=foundation.location,
            body={"properties": {"state": "Enabled", "definition": _literal(parsed.content)}},
            sensitive_body=values,
            exported=["properties.accessEndpoint"],
            tags=foundation.labels(Layer.PROCESSING, "workflow"),
        )

    def _notify_url(self) -> dict[str, Any]:
        """The value of the definition's parameter, which Azure never returns."""
        variable = TerraformVariable(
            self,
            "notify-url",
            type="string",
            nullable=False,
            default="",
            sensitive=True,
            description="URL to which the workflow sends notifications, as a JSON POST.",
        )
        variable.override_logical_id(NOTIFY_VARIABLE)
        TerraformStack.of(self).add_override("terraform.required_version", WRITE_ONLY)
        return {NOTIFY_PARAMETER: {"value": f"${{var.{NOTIFY_VARIABLE}}}"}}
