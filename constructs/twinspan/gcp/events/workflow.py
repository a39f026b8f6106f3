"""The workflow that a fired rule starts: Google Cloud Workflows."""

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.gcp import names
from twinspan.gcp.events import definition
from twinspan.gcp.foundation import Foundation
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    MonitoringAlertPolicy,
    MonitoringAlertPolicyAlertStrategy,
    MonitoringAlertPolicyAlertStrategyNotificationRateLimit,
    MonitoringAlertPolicyConditions,
    MonitoringAlertPolicyConditionsConditionMatchedLog,
    MonitoringAlertPolicyDocumentation,
    ProjectIamMember,
    WorkflowsWorkflow,
)
from twinspan.terraform.resources import literal, place

LOG, START = "roles/logging.logWriter", "roles/workflows.invoker"
_NOTICE = """**$${log.extracted_label.notice}**: $${log.extracted_label.rule} on
$${log.extracted_label.device}.

To acknowledge, send a POST to $${log.extracted_label.acknowledge} with a token of an account that may invoke
workflows: `curl -X POST -H "Authorization: Bearer $(gcloud auth print-access-token)" URL`
"""


class Workflow(Construct):
    """The workflow with an identity of its own, and the alarm that forwards its notifications.

    The identity may write logs. A definition of one's own that does more needs more: grant it to the account
    `<twin>-workflow`.
    """

    optional = True

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._name = foundation.twin.names.name(names.WORKFLOW)
        self._labels = foundation.twin.labels(Layer.PROCESSING, names.WORKFLOW)
        account = foundation.account(self, names.WORKFLOW, purpose="runs its workflow", optional=True)
        logs = ProjectIamMember(
            self,
            "logs",
            project=foundation.project,
            role=LOG,
            member=account["member"],
        )
        placed = place(logs, names.WORKFLOW, optional=True)
        foundation.inventory.grant(placed, to=names.WORKFLOW, may=LOG, project=foundation.project)
        workflow = WorkflowsWorkflow(
            self,
            "workflow",
            name=self._name,
            region=foundation.region,
            description=f"Started by the rules of the twin {foundation.twin.config.name}",
            service_account=account["id"],
            source_contents=literal(definition.text(foundation.twin.config)),
            call_log_level="LOG_ERRORS_ONLY",  # calls carry the devices' data
            deletion_protection=False,  # switching the event system off removes it
            labels=self._labels,
        )
        self.ref = foundation.inventory.part(place(workflow, names.WORKFLOW, optional=True), self._name)
        self.address = foundation.path(f"locations/{foundation.region}/workflows", self.ref)
        self._alarm()

    def grant_start(self, function: contracts.Function) -> None:
        """On the project: the provider grants on no single workflow."""
        starter = ProjectIamMember(
            self,
            f"start-{function.role}",
            project=self._foundation.project,
            role=START,
            member=self._foundation.member(function),
        )
        self._foundation.inventory.grant(
            place(starter, f"workflow_{function.role}", optional=True),
            to=function.role,
            may=START,
            on=self.ref,
            project=self._foundation.project,
        )

    def _alarm(self) -> None:
        """Each combination of labels counts as a rule of its own, with a limit of its own on how often it
        notifies: with `acknowledge`, which differs between executions, each notice is one message. A policy
        on logs sends none when an incident is closed.
        """
        title = f"{self._foundation.twin.config.name}: notices of the workflow"
        condition = MonitoringAlertPolicyConditionsConditionMatchedLog(
            filter=(
                'resource.type="workflows.googleapis.com/Workflow" AND '
                f'resource.labels.workflow_id="{self._name}" AND severity>=WARNING AND jsonPayload.notice:*'
            ),
            label_extractors={
                label: f"EXTRACT(jsonPayload.{label})"
                for label in ("notice", "rule", "device", "acknowledge")
            },
        )
        policy = MonitoringAlertPolicy(
            self,
            "alarm",
            display_name=title,
            combiner="OR",
            severity="WARNING",
            conditions=[MonitoringAlertPolicyConditions(display_name=title, condition_matched_log=condition)],
            # A policy on logs must limit how often it notifies.
            alert_strategy=MonitoringAlertPolicyAlertStrategy(
                notification_rate_limit=MonitoringAlertPolicyAlertStrategyNotificationRateLimit(
                    period="300s"
                ),
                auto_close="1800s",
            ),
            documentation=MonitoringAlertPolicyDocumentation(content=_NOTICE, mime_type="text/markdown"),
            notification_channels=self._foundation.channels,
            user_labels=self._labels,
            depends_on=self._foundation.ready,
        )
        place(policy, names.WORKFLOW, optional=True)
