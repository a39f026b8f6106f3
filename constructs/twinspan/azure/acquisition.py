"""L1: IoT Hub, and Event Grid from it to the dispatcher."""

from collections.abc import Mapping

from twin_runtime.roles import Layer
from twinspan import alarms, contracts
from twinspan.azure import facts, names
from twinspan.azure.foundation import Foundation
from twinspan.azure.functions import Function
from twinspan.azure.shared.grants import COMMAND, WRITE_BLOBS, Settling, grant
from twinspan.azure.shared.lock import Lock
from twinspan.providers import Construct
from twinspan.providers.azure import (
    EventgridSystemTopic,
    EventgridSystemTopicEventSubscription,
    EventgridSystemTopicEventSubscriptionAzureFunctionEndpoint,
    EventgridSystemTopicEventSubscriptionDeadLetterIdentity,
    EventgridSystemTopicEventSubscriptionRetryPolicy,
    EventgridSystemTopicIdentity,
    Iothub,
    IothubSku,
    RoleAssignment,
)
from twinspan.providers.azure import (
    EventgridSystemTopicEventSubscriptionStorageBlobDeadLetterDestination as DeadLetterDestination,
)
from twinspan.terraform.resources import Ref, place

TELEMETRY = "Microsoft.Devices.DeviceTelemetry"
SCHEMA = "EventGridSchema"
BATCH, BATCH_KB = 50, 64
"""The most events of a delivery, and about how large it may be."""
ATTEMPTS, LIFETIME_MIN = 30, 1440
"""How often, and for how long, Event Grid tries to deliver an event."""
_METRICS = "Microsoft.EventGrid/systemTopics"


class Broker(Construct):
    """An IoT hub (S1, one unit: 400,000 messages of 4 KB a day) and its system topic.

    Devices are not Terraform's: the provider has no type for them. The operator registers each one of
    twin.yaml by its id, with the thumbprint or the authority of its X.509 certificate; the hub's own shared
    keys are off.

    A device that sends `$.ct=application/json` and `$.ce=utf-8` has its body forwarded as JSON; any other
    body comes in base64, and the dispatcher reads both.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._tags = foundation.labels(Layer.ACQUISITION, "broker")
        name = names.worldwide(foundation.names, "hub")
        self._hub = place(
            Iothub(
                self,
                "hub",
                name=name,
                resource_group_name=foundation.group,
                location=foundation.location,
                sku=IothubSku(name="S1", capacity=1),
                local_authentication_enabled=False,
                min_tls_version="1.2",
                tags=self._tags,
            ),
            "broker",
            protect=foundation.twin.config.protects(Layer.ACQUISITION),
        )
        Lock(self, "kept", group=foundation, on=self._hub, name="broker", layer=Layer.ACQUISITION)
        self.address = self.endpoint = self._hub["hostname"]
        foundation.inventory.record(facts.Named(address=self._hub.address, name=name, value=self.address))
        self.dispatcher_environment: Mapping[str, str] = {}

    def deliver_to(self, dispatcher: contracts.Function, *, dead_letters: contracts.DeadLetters) -> str:
        """Deliver every telemetry message to the dispatcher.

        Event Grid tries for a day, then writes what it could not deliver into a blob container, since it
        puts dead letters nowhere else; an alarm then fires as well. Returns the container's URL. What the
        dispatcher itself refuses goes to `dead_letters`.
        """
        target = contracts.own(dispatcher, Function)
        topic = self._topic()
        refused, writes = self._refused(topic)
        subscription = EventgridSystemTopicEventSubscription(
            self,
            "subscription",
            name=target.role,
            resource_group_name=self._foundation.group,
            system_topic=topic["name"],
            event_delivery_schema=SCHEMA,
            included_event_types=[TELEMETRY],
            azure_function_endpoint=EventgridSystemTopicEventSubscriptionAzureFunctionEndpoint(
                function_id=f"{target.app['id']}/functions/{target.role}",
                max_events_per_batch=BATCH,
                preferred_batch_size_in_kilobytes=BATCH_KB,
            ),
            retry_policy=EventgridSystemTopicEventSubscriptionRetryPolicy(
                event_time_to_live=LIFETIME_MIN, max_delivery_attempts=ATTEMPTS
            ),
            dead_letter_identity=EventgridSystemTopicEventSubscriptionDeadLetterIdentity(
                type="SystemAssigned"
            ),
            storage_blob_dead_letter_destination=DeadLetterDestination(
                storage_account_id=self._foundation.storage.account["id"],
                storage_blob_container_name=refused["name"],
            ),
        )
        # Azure reads the function's key when it creates the subscription, so the function must exist.
        subscription.add_override("depends_on", [target.code.address, writes.address])
        self._foundation.inventory.record(
            facts.Delivery(
                address=place(subscription, target.role).address,
                name=target.role,
                to=target.role,
                hub=self._hub.address,
                topic=topic.address,
                events=TELEMETRY,
                schema=SCHEMA,
                batch=BATCH,
                batch_kb=BATCH_KB,
                attempts=ATTEMPTS,
                lifetime_min=LIFETIME_MIN,
                dead_letters=refused.address,
            )
        )
        self._foundation.monitoring.on_metric(
            "broker_dead",
            of=topic,
            namespace=_METRICS,
            metric="DeadLetteredCount",
            description=alarms.dead_letters(
                self._foundation.names.name(names.BROKER_DEAD_LETTERS),
                alarms.hop_of(names.BROKER_DEAD_LETTERS),
            ),
            layer=Layer.ACQUISITION,
            role="broker",
        )
        return f"{self._foundation.storage.account['primary_blob_endpoint']}{refused['name']}"

    def grant_command(self, function: contracts.Function) -> None:
        """Direct methods. The hub knows no role that is narrower than data contributor and can call them."""
        grant(function, "commands_devices", role=COMMAND, at=self._hub, scope=self._foundation.group_id)

    def _topic(self) -> Ref:
        name = self._foundation.names.name("telemetry")
        topic = EventgridSystemTopic(
            self,
            "topic",
            name=name,
            resource_group_name=self._foundation.group,
            location=self._foundation.location,
            source_resource_id=self._hub["id"],
            topic_type="Microsoft.Devices.IoTHubs",
            identity=EventgridSystemTopicIdentity(type="SystemAssigned"),
            tags=self._tags,
        )
        return self._foundation.inventory.part(place(topic, "telemetry"), name)

    def _refused(self, topic: Ref) -> tuple[Ref, Settling]:
        """The container of what could not be delivered, and the topic's role there, in effect."""
        name = self._foundation.names.name(names.BROKER_DEAD_LETTERS)
        container = self._foundation.storage.container(
            self,
            name,
            address="broker_dead",
            protect=self._foundation.twin.config.protects(Layer.ACQUISITION),
        )
        writer = RoleAssignment(
            self,
            "write-refused",
            scope=container["id"],
            role_definition_name=WRITE_BLOBS,
            principal_id=topic["identity[0].principal_id"],
            principal_type="ServicePrincipal",
        )
        settling = Settling(self, "settling", name="broker")
        placed = place(writer, "broker_writes_broker_dead")
        self._foundation.inventory.grant(placed, to="broker", may=WRITE_BLOBS, on=container)
        self._foundation.inventory.part(container, name)
        settling.add(placed)
        return container, settling
