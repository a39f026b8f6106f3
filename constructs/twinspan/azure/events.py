"""The workflow that a fired rule starts: a logic app on the consumption plan."""

import json
import re

from twinspan import parts
from twinspan.azure import definition
from twinspan.azure.definition import Definition
from twinspan.azure.foundation import Foundation
from twinspan.azure.functions import Function
from twinspan.azure.idempotency import IdempotencyStore
from twinspan.providers import Construct, TerraformVariable
from twinspan.providers.azure import (
    LogicAppActionCustom,
    LogicAppTriggerHttpRequest,
    LogicAppWorkflow,
    LogicAppWorkflowAccessControlTrigger,
    LogicAppWorkflowAccessControlTriggerOpenAuthenticationPolicy,
    LogicAppWorkflowAccessControlTriggerOpenAuthenticationPolicyClaim,
)
from twinspan.resources import Ref, place
from twinspan.vocabulary import Layer

AUDIENCE = "https://management.core.windows.net/"
"""Whom the event checker's tokens are for. They open nothing else: its identity has no role there."""
NOTIFY_PARAMETER = "notify_url"
NOTIFY_VARIABLE = "workflow_notify_url"
_API = "2016-10-01"
# The provider sends an empty list for none, which stands for "only other logic apps".
_ANY_ADDRESS = ["0.0.0.0/1", "128.0.0.0/1"]


def _literal(value: object) -> str:
    """JSON that Terraform reads as it is, and not as a template of its own."""
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


class Workflow(Construct):
    """The user's definition, or Twinspan's. Whoever starts it proves by a token of Entra ID who it is.

    A policy on the trigger takes tokens of the event checker's identity, so its URL is no secret. A
    definition with the parameter `notify_url` is given the Terraform variable `workflow_notify_url`: where
    people are told, as a JSON POST. An alarm rings when a run fails, as it does in Twinspan's own definition
    when nobody acknowledged.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        config = foundation.twin.config
        own = config.events.workflow
        text = config.path_of(own).read_text(encoding="utf-8") if own else definition.default()
        parsed = definition.parse(text)
        self._element = self._logic_app(parsed)
        self._app = place(self._element, "workflow", optional=True)
        self._actions(parsed, self._trigger(parsed))
        path = f"/triggers/{parsed.trigger}/paths/invoke?api-version={_API}"
        self._starts = IdempotencyStore(self, "idempotency", foundation=foundation)
        self.environment = {
            "WORKFLOW": f'${{try("${{{self._app.address}[0].access_endpoint}}{path}", "")}}',
            "IDEMPOTENCY_STORE": self._starts.address,
        }
        foundation.monitoring.on_metric(
            "workflow_failed",
            of=self._app,
            namespace="Microsoft.Logic/workflows",
            metric="RunsFailed",
            description="A workflow failed, or nobody acknowledged a fired rule in time.",
            layer=Layer.PROCESSING,
            role="workflow",
            optional=True,
        )

    def grant_start(self, function: parts.Function) -> None:
        self._starts.grant_write(function)
        checker = parts.own(function, Function)
        claims = {
            "iss": f"https://sts.windows.net/{self._foundation.client['tenant_id']}/",
            "aud": AUDIENCE,
            "oid": checker.principal,
        }
        policy = LogicAppWorkflowAccessControlTriggerOpenAuthenticationPolicy(
            name=checker.role.replace("_", "-"),
            claim=[
                LogicAppWorkflowAccessControlTriggerOpenAuthenticationPolicyClaim(name=name, value=value)
                for name, value in claims.items()
            ],
        )
        self._element.put_access_control(
            trigger=LogicAppWorkflowAccessControlTrigger(
                allowed_caller_ip_address_range=_ANY_ADDRESS, open_authentication_policy=[policy]
            )
        )

    def _logic_app(self, parsed: Definition) -> LogicAppWorkflow:
        foundation = self._foundation
        values = None
        if NOTIFY_PARAMETER in parsed.parameters:
            variable = TerraformVariable(
                self,
                "notify-url",
                type="string",
                nullable=False,
                default="",
                sensitive=True,
                description="URL that the workflow tells people at, by a JSON POST.",
            )
            variable.override_logical_id(NOTIFY_VARIABLE)
            values = {NOTIFY_PARAMETER: f"${{var.{NOTIFY_VARIABLE}}}"}
        return LogicAppWorkflow(
            self,
            "workflow",
            name=foundation.names.name("workflow"),
            resource_group_name=foundation.group,
            location=foundation.location,
            workflow_parameters={name: _literal(value) for name, value in parsed.parameters.items()} or None,
            parameters=values,
            tags=foundation.labels(Layer.PROCESSING, "workflow"),
        )

    def _trigger(self, parsed: Definition) -> Ref:
        trigger = LogicAppTriggerHttpRequest(
            self,
            "trigger",
            name=parsed.trigger,
            logic_app_id=self._app["id"],
            method=parsed.method,
            schema=_literal(parsed.request),
        )
        return place(trigger, "workflow", optional=True)

    def _actions(self, parsed: Definition, trigger: Ref) -> None:
        """One resource per action. Azure refuses one that comes before what it waits for."""
        placed = {}
        for number, (name, body) in enumerate(parsed.actions.items()):
            word = re.sub(r"\W", "_", name, flags=re.ASCII)
            action = LogicAppActionCustom(
                self, f"action-{number}", name=name, logic_app_id=self._app["id"], body=_literal(body)
            )
            before = [placed[other] for other in definition.predecessors(body)] or [trigger.address]
            action.add_override("depends_on", before)
            placed[name] = place(action, f"workflow_{number}_{word}", optional=True).address
