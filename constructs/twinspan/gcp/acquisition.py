"""The broker: what devices publish to, and where each finds its commands."""

from collections.abc import Mapping

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.gcp import names
from twinspan.gcp.facts import Subscription
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.functions import Function
from twinspan.gcp.queues import DeadLetterQueue, grant_publish, topic
from twinspan.gcp.shared.secret import Secret
from twinspan.providers import Construct
from twinspan.providers.gcp import PubsubSubscription, PubsubSubscriptionExpirationPolicy
from twinspan.providers.random import RandomPassword
from twinspan.terraform.resources import EVENTS_VARIABLE, place

COMMAND_LIFE_S = 24 * 3600
"""How long a command waits for its device. A device must not act on an outdated command."""


class Broker(Construct):
    """Topic `<twin>-telemetry` for the devices' messages; topic `<twin>-device-commands` with a subscription
    per device.

    Pub/Sub does not identify the publishing device, so each message carries `device_id` and a signature
    (`twin_gcp.devices`) by a key derived from the fleet secret. A device's subscription
    `<twin>-command-<device>` is filtered on its own name; ':' in a device's name is '.' there. Who may
    publish telemetry, and who may read which device's subscription, is granted outside the twin, to the
    principals that the devices log in with.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._labels = foundation.twin.labels(Layer.ACQUISITION, "broker")
        self._telemetry = topic(
            self, "telemetry", names.TELEMETRY, foundation=foundation, labels=self._labels
        )
        self._commands = topic(
            self,
            "commands",
            names.DEVICE_COMMANDS,
            foundation=foundation,
            labels=self._labels,
            optional=True,
        )
        self.address = foundation.path("topics", self._commands)
        self.endpoint = self._telemetry["id"]
        self._fleet = _FleetSecret(self, "fleet", foundation=foundation)
        self.dispatcher_environment: Mapping[str, str] = {"FLEET_SECRET": self._fleet.address}
        devices = [device.id for device in foundation.twin.config.devices]
        if devices:
            self._subscriptions(devices)

    def deliver_to(self, dispatcher: contracts.Function, *, dead_letters: contracts.DeadLetters) -> None:
        contracts.own(dispatcher, Function).consume(
            names.TELEMETRY,
            topic=self._telemetry,
            dead_letters=contracts.own(dead_letters, DeadLetterQueue),
        )
        self._fleet.grant_read(dispatcher)

    def grant_command(self, function: contracts.Function) -> None:
        grant_publish(
            self,
            self._commands,
            names.DEVICE_COMMANDS,
            foundation=self._foundation,
            who=function.role,
            member=self._foundation.member(function),
            optional=True,
        )

    def _subscriptions(self, devices: list[str]) -> None:
        """One subscription per device, as one resource with `for_each`."""
        prefix = self._foundation.twin.names.name(names.DEVICE_COMMAND)
        own = 'attributes.device_id = "{}"'
        subscription = PubsubSubscription(
            self,
            "devices",
            name=f'{prefix}-${{replace(each.key, ":", ".")}}',
            topic=self._commands["id"],
            filter=own.format("${each.key}"),
            message_retention_duration=f"{COMMAND_LIFE_S}s",
            expiration_policy=PubsubSubscriptionExpirationPolicy(ttl=""),
            labels=self._labels,
        )
        listed = ", ".join(f'"{device}"' for device in sorted(devices))
        subscription.add_override("for_each", f"${{toset(var.{EVENTS_VARIABLE} ? [{listed}] : [])}}")
        placed = place(subscription, "devices")
        self._foundation.inventory.record(
            Subscription(
                address=placed.address,
                name=f"{prefix}-<key>",
                topic=self._commands.address,
                kept_s=COMMAND_LIFE_S,
                filter=own.format("<key>"),
            )
        )
        place(subscription, "devices")


class _FleetSecret(Secret):
    """The secret from which every device's key is derived (`twin_gcp.devices`): whoever holds it can be any
    device. It cannot be remade: with another one, every device would need a new key.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        protect = foundation.protects(Layer.ACQUISITION)
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            name=names.in_region(foundation.twin.names, names.FLEET),
            key=names.FLEET,
            labels=foundation.twin.labels(Layer.ACQUISITION, "broker"),
            protect=protect,
        )
        foundation.need_random()
        fleet = place(RandomPassword(self, "random", length=48), names.FLEET, protect=protect)
        self.write(fleet["result"])
