"""SQS queues, each with its dead letters."""

import json

from twin_runtime import deadlines
from twin_runtime.roles import Cloud, Layer
from twinspan import alarms, contracts
from twinspan.aws import facts
from twinspan.aws.foundation import Foundation
from twinspan.aws.shared.grants import grant
from twinspan.aws.shared.policies import allow, document
from twinspan.providers import Construct
from twinspan.providers.aws import CloudwatchMetricAlarm, SqsQueue, SqsQueuePolicy, SqsQueueRedriveAllowPolicy
from twinspan.sizing import DEAD_LETTER_DAYS, MAX_RECEIVES
from twinspan.terraform.resources import Ref, place

_DAY = 24 * 3600
RETENTION_S = 4 * _DAY
"""How long a message waits for a consumer. Less than the dead letters' days: SQS counts both from the first
sending."""
MAX_MESSAGE_BYTES = 256 * 1024
"""Refusal explicitly: the functions cut what they send to the same bound."""


def _compact(**fields: object) -> str:
    """JSON as SQS gives it back, so that no later plan sees a difference in white space."""
    return json.dumps(fields, separators=(",", ":"))


class DeadLetterQueue(Construct):
    """A queue of refused messages and the alarm that fires while one is in it.

    No queue may move messages here by itself: only functions and the broker send. No queue has
    `prevent_destroy`: an interrupted apply leaves a queue tainted, which the next one replaces, and an empty
    queue can go. `twinspan plan` refuses to delete one that holds messages.
    """

    _redrive_allow_policy: str | None = _compact(redrivePermission="denyAll")

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        name: str,
        layer: Layer,
        optional: bool = False,
    ) -> None:
        super().__init__(scope, id_)
        self.name = name
        self.optional = optional
        address = name.replace("-", "_")
        full_name = foundation.twin.names.name(name)
        kept_s = DEAD_LETTER_DAYS * _DAY
        tags = foundation.labels(layer, name)
        queue = SqsQueue(
            self,
            "queue",
            name=full_name,
            message_retention_seconds=kept_s,
            max_message_size=MAX_MESSAGE_BYTES,
            sqs_managed_sse_enabled=True,
            redrive_allow_policy=self._redrive_allow_policy,
            tags=tags,
        )
        self.queue = place(queue, address, optional=optional)
        foundation.inventory.record(facts.DeadLetters(address=self.queue.address, kept_s=kept_s))
        self.address = self.source = self.queue["url"]
        _refuse_plain_http(self, self.queue, address)
        alarm = CloudwatchMetricAlarm(
            self,
            "alarm",
            alarm_name=full_name,
            alarm_description=alarms.dead_letters(full_name, alarms.hop_of(name)),
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": full_name},
            statistic="Maximum",
            period=deadlines.EVERY_S,
            evaluation_periods=deadlines.DEAD_LETTER_LOOKS,
            datapoints_to_alarm=1,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            treat_missing_data="notBreaching",  # SQS stops reporting a queue that nobody uses
            alarm_actions=foundation.alarm_actions or None,
            tags=tags,
        )
        place(alarm, address, optional=optional)

    def grant_send(self, function: contracts.Function) -> None:
        self.allow_sending(function)

    def allow_sending(self, function: contracts.Function) -> Ref:
        """As `grant_send`; returns the policy, for what must not be made before it."""
        return _grant_send(self.queue, self.name, function)


class _QueuesOwn(DeadLetterQueue):
    """The dead letters of one queue, which allows itself (and no other) to move messages there."""

    _redrive_allow_policy = None


class Queue(Construct):
    """A queue between two roles, with the dead letters `<name>-dead`."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        name: str,
        layer: Layer,
        optional: bool = False,
    ) -> None:
        super().__init__(scope, id_)
        self.name = name
        self.optional = optional
        dead_letters = _QueuesOwn(
            self,
            "dead-letters",
            foundation=foundation,
            name=f"{name}-dead",
            layer=layer,
            optional=optional,
        )
        self.dead_letters: contracts.DeadLetters = dead_letters
        dead, hidden_s = dead_letters.queue, deadlines.hidden_s(name, Cloud.AWS)
        queue = SqsQueue(
            self,
            "queue",
            name=foundation.twin.names.name(name),
            message_retention_seconds=RETENTION_S,
            max_message_size=MAX_MESSAGE_BYTES,
            receive_wait_time_seconds=20,
            visibility_timeout_seconds=hidden_s,
            sqs_managed_sse_enabled=True,
            redrive_policy=_compact(deadLetterTargetArn=dead["arn"], maxReceiveCount=MAX_RECEIVES),
            tags=foundation.labels(layer, name),
        )
        self.queue = place(queue, name, optional=optional)
        foundation.inventory.record(
            facts.Queue(
                address=self.queue.address,
                kept_s=RETENTION_S,
                hidden_s=hidden_s,
                receives=MAX_RECEIVES,
                dead_letters=dead.address,
            )
        )
        self.address = self.queue["url"]
        _refuse_plain_http(self, self.queue, name)
        redrive = SqsQueueRedriveAllowPolicy(
            self,
            "redrive",
            queue_url=dead["url"],
            redrive_allow_policy=_compact(redrivePermission="byQueue", sourceQueueArns=[self.queue["arn"]]),
        )
        place(redrive, name, optional=optional)

    def grant_send(self, function: contracts.Function) -> None:
        _grant_send(self.queue, self.name, function)


def _grant_send(queue: Ref, name: str, function: contracts.Function) -> Ref:
    # Sending a batch needs the same action.
    statement = allow("sqs:SendMessage", on=[queue["arn"]])
    return grant(function, f"send-to-{name}", statement, about=queue, optional=queue.optional)


def _refuse_plain_http(scope: Construct, queue: Ref, address: str) -> None:
    policy = document(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": queue["arn"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )
    place(
        SqsQueuePolicy(scope, "policy", queue_url=queue["url"], policy=policy),
        address,
        optional=queue.optional,
    )
