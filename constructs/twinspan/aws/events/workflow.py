"""The workflow that a fired rule starts: a Step Functions state machine."""

import json
import re

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.aws import names
from twinspan.aws.events import definition
from twinspan.aws.foundation import Foundation
from twinspan.aws.shared.grants import grant
from twinspan.aws.shared.policies import allow, document, record, trust
from twinspan.providers import Construct
from twinspan.providers.aws import (
    CloudwatchLogGroup,
    IamRole,
    IamRolePolicy,
    SfnStateMachine,
    SfnStateMachineLoggingConfiguration,
    SnsTopic,
    SnsTopicSubscription,
)
from twinspan.sizing import LOG_RETENTION_DAYS
from twinspan.terraform.resources import Ref, literal, place

_TOPIC = re.compile(r"(?<!\$)\$\{topic_arn\}")
"""The placeholder of the workflow's topic in a definition. A `$` before it would escape the replacement."""
# Actions of log delivery; CloudWatch Logs knows no resource for them.
_LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)


def _compact(text: str) -> str:
    """The same JSON in one line, so that white space is no change to deploy."""
    return json.dumps(json.loads(text), ensure_ascii=False)


def _for_terraform(text: str, topic_arn: str) -> str:
    """Put the topic in, and keep Terraform from reading anything else as a template of its own."""
    return topic_arn.join(map(literal, _TOPIC.split(text)))


class Workflow(Construct):
    """State machine, identity, log without payloads, and the topic `<twin>-workflow` that people subscribe
    to.

    The state machine may publish to that topic. A definition of one's own that does more needs more: attach a
    policy to the role `<twin>-workflow`.
    """

    optional = True

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._name = foundation.twin.names.name(names.WORKFLOW)
        self._tags = foundation.labels(Layer.PROCESSING, names.WORKFLOW)
        topic = self._topic()
        log = self._log_group()
        role, permissions = self._identity(topic)
        machine = SfnStateMachine(
            self,
            "machine",
            name=self._name,
            type="STANDARD",
            role_arn=role["arn"],
            definition=_for_terraform(_compact(definition.text(foundation.twin.config)), topic["arn"]),
            logging_configuration=SfnStateMachineLoggingConfiguration(
                level="ALL", include_execution_data=False, log_destination=f"{log['arn']}:*"
            ),
            tags=self._tags,
        )
        machine.add_override("depends_on", [permissions.address])  # log delivery is checked when it is made
        self.machine = place(machine, names.WORKFLOW, optional=True)
        self.address = self.machine["arn"]

    def grant_start(self, function: contracts.Function) -> None:
        statement = allow("states:StartExecution", on=[self.machine["arn"]])
        grant(function, "start-workflow", statement, about=self.machine, optional=True)

    def _topic(self) -> Ref:
        # The key that AWS manages for SNS serves here: roles of the account may use it, as the state
        # machine's does.
        topic = SnsTopic(self, "topic", name=self._name, kms_master_key_id="alias/aws/sns", tags=self._tags)
        placed = place(topic, names.WORKFLOW, optional=True)
        alerts = self._foundation.twin.config.alerts
        if alerts:
            subscription = SnsTopicSubscription(
                self, "subscription", topic_arn=placed["arn"], protocol="email", endpoint=alerts.email
            )
            place(subscription, names.WORKFLOW, optional=True)
        return placed

    def _log_group(self) -> Ref:
        group = CloudwatchLogGroup(
            self,
            "log",
            name=names.workflow_log(self._foundation.twin.names),
            retention_in_days=LOG_RETENTION_DAYS,
            tags=self._tags,
        )
        return place(group, names.WORKFLOW, optional=True)

    def _identity(self, topic: Ref) -> tuple[Ref, Ref]:
        machine = self._foundation.arn("states", f"stateMachine:{self._name}")
        when = {
            "StringEquals": {"aws:SourceAccount": self._foundation.account},
            "ArnLike": {"aws:SourceArn": machine},
        }
        role = IamRole(
            self,
            "role",
            name=self._name,
            assume_role_policy=trust("states.amazonaws.com", when),
            tags=self._tags,
        )
        placed = place(role, names.WORKFLOW, optional=True)
        statements = (allow("sns:Publish", on=[topic["arn"]]), allow(*_LOG_DELIVERY, on=["*"]))
        policy = IamRolePolicy(
            self,
            "policy",
            name="publish-and-log",
            role=placed["id"],
            policy=document(*statements),
        )
        permissions = place(policy, "workflow_publish_and_log", optional=True)
        return placed, record(self._foundation.inventory, permissions, *statements, to=names.WORKFLOW)
