"""The broker: AWS IoT Core, its things and their policy, and the rule that calls the dispatcher."""

from collections.abc import Mapping

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.aws import facts, names
from twinspan.aws.foundation import Foundation
from twinspan.aws.functions import Function
from twinspan.aws.queues import DeadLetterQueue
from twinspan.aws.shared.grants import grant
from twinspan.aws.shared.policies import allow, document, record, trust
from twinspan.providers import Construct
from twinspan.providers.aws import (
    DataAwsIotEndpoint,
    IamRole,
    IamRolePolicy,
    IotPolicy,
    IotThing,
    IotTopicRule,
    IotTopicRuleErrorAction,
    IotTopicRuleErrorActionSqs,
    IotTopicRuleLambda,
)
from twinspan.terraform.resources import Ref, place

_SELECTED = (
    "encode(*, 'base64') AS payload",
    "topic(3) AS device",
    "clientid() AS client",
    "timestamp() AS received",
)
"""The dispatcher's input. The sender is a field beside the payload, never in it; in base64 the payload
stays as it was published, with every digit of its numbers, and may be anything.
"""
SQL_VERSION = "2016-03-23"
# `$$` is Terraform's escape for the `$` of an IoT Core policy variable.
_THING = "$${iot:Connection.Thing.ThingName}"


class Broker(Construct):
    """One thing per device and one policy for all of them.

    A thing is named by its device's id, so in one account and region an id belongs to one twin: a second
    twin's thing of the same name is refused at apply. There are no thing types: one cannot be deleted within
    five minutes of its deprecation, which `destroy` would wait for. A thing has no `prevent_destroy`, which
    would refuse to take one device out of twin.yaml: AWS itself deletes no thing that has a certificate.

    The operator creates the certificates, because Terraform state would contain a private key that Terraform
    creates. Create each certificate on the device (or by fleet provisioning), then attach the policy and the
    thing to it. A device uses its id as MQTT client id.
    """

    dispatcher_environment: Mapping[str, str]

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self.dispatcher_environment = {}
        self._foundation = foundation
        self._names = foundation.twin.names
        self._tags = foundation.labels(Layer.ACQUISITION, "broker")
        endpoint = DataAwsIotEndpoint(self, "endpoint", endpoint_type="iot:Data-ATS")
        self._endpoint = place(endpoint, "devices")
        self.address = self.endpoint = self._endpoint["endpoint_address"]
        self._things()
        policy = IotPolicy(
            self, "policy", name=self._names.name(names.DEVICE), policy=self._device_policy(), tags=self._tags
        )
        place(policy, "device")

    def deliver_to(self, dispatcher: contracts.Function, *, dead_letters: contracts.DeadLetters) -> None:
        target = contracts.own(dispatcher, Function)
        refused = contracts.own(dead_letters, DeadLetterQueue)
        role = self._error_role(refused)
        name, topic = names.telemetry_rule(self._names), names.telemetry_topic(self._names, "+")
        # IoT Core's own language; the topic is made of the twin's checked name.
        sql = f"SELECT {', '.join(_SELECTED)} FROM '{topic}'"  # noqa: S608
        rule = IotTopicRule(
            self,
            "rule",
            name=name,
            enabled=True,
            sql_version=SQL_VERSION,
            sql=sql,
            lambda_=[IotTopicRuleLambda(function_arn=target.function["arn"])],
            error_action=IotTopicRuleErrorAction(
                sqs=IotTopicRuleErrorActionSqs(
                    queue_url=refused.queue["url"], role_arn=role["arn"], use_base64=False
                )
            ),
            tags=self._tags,
        )
        placed = place(rule, "telemetry")
        permission = target.permit_caller("iot.amazonaws.com", placed["arn"])
        self._foundation.inventory.record(
            facts.Rule(
                address=placed.address,
                name=name,
                to=target.role,
                permission=permission.address,
                sql=sql,
                sql_version=SQL_VERSION,
                topic=topic,
                dead_letters=refused.queue.address,
            )
        )
        target.dead_letters_of_asynchronous_calls(refused)

    def grant_command(self, function: contracts.Function) -> None:
        topic = self._foundation.arn("iot", f"topic/{names.command_topic(self._names, '*')}")
        grant(function, "publish-commands", allow("iot:Publish", on=[topic]), about=self._endpoint)

    def _things(self) -> None:
        config = self._foundation.twin.config
        thing = IotThing(
            self, "things", name="${each.key}", attributes={"twin": config.name, "type": "${each.value}"}
        )
        thing.add_override("for_each", {device.id: device.type for device in config.devices})
        place(thing, "devices")

    def _device_policy(self) -> str:
        """A device connects as itself, publishes its own telemetry, and receives its own commands."""
        arn = self._foundation.arn
        telemetry = names.telemetry_topic(self._names, _THING)
        commands = names.command_topic(self._names, _THING)
        attached = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
        return document(
            allow("iot:Connect", on=[arn("iot", f"client/{_THING}")], when=attached),
            allow("iot:Publish", on=[arn("iot", f"topic/{telemetry}")]),
            allow("iot:Subscribe", on=[arn("iot", f"topicfilter/{commands}")]),
            allow("iot:Receive", on=[arn("iot", f"topic/{commands}")]),
        )

    def _error_role(self, dead_letters: DeadLetterQueue) -> Ref:
        """The role with which IoT Core dead-letters a message that it could not deliver."""
        rule = self._foundation.arn("iot", f"rule/{names.telemetry_rule(self._names)}")
        when = {
            "StringEquals": {"aws:SourceAccount": self._foundation.account},
            "ArnLike": {"aws:SourceArn": rule},
        }
        role = place(
            IamRole(
                self,
                "error-role",
                name=self._names.name(names.BROKER_ERRORS),
                assume_role_policy=trust("iot.amazonaws.com", when),
                tags=self._tags,
            ),
            "broker_errors",
        )
        sends = allow("sqs:SendMessage", on=[dead_letters.queue["arn"]])
        policy = IamRolePolicy(
            self,
            "error-policy",
            name="send-to-dead-letters",
            role=role["id"],
            policy=document(sends),
        )
        placed = place(policy, "broker_errors_send_to_dead_letters")
        record(self._foundation.inventory, placed, sends, to=names.BROKER_ERRORS)
        return role
