"""Queues between roles: a Pub/Sub topic each, and the dead letters that people look at."""

from collections.abc import Sequence

from twin_runtime.roles import Layer, Role
from twinspan import contracts
from twinspan.gcp import names
from twinspan.gcp.facts import Subscription
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.shared.alarms import fire_when_not_empty
from twinspan.providers import Construct, TerraformElement
from twinspan.providers.gcp import (
    PubsubSubscription,
    PubsubSubscriptionExpirationPolicy,
    PubsubTopic,
    PubsubTopicIamMember,
    PubsubTopicMessageStoragePolicy,
)
from twinspan.sizing import DEAD_LETTER_DAYS
from twinspan.terraform.resources import Ref, place

PUBLISH = "roles/pubsub.publisher"
RETENTION_S = 7 * 24 * 3600
"""How long a message waits for a function that does not take it."""
ACK_DEADLINE_S = 600
"""How long a person who pulls a dead letter has to look at it."""


def topic(
    scope: Construct,
    id_: str,
    name: str,
    *,
    foundation: Foundation,
    labels: dict[str, str],
    optional: bool = False,
) -> Ref:
    """A topic whose messages are stored in the twin's region alone, encrypted by Google."""
    whole = foundation.twin.names.name(name)
    made = PubsubTopic(
        scope,
        id_,
        name=whole,
        message_storage_policy=PubsubTopicMessageStoragePolicy(
            allowed_persistence_regions=[foundation.region]
        ),
        labels=labels,
        depends_on=foundation.ready,
    )
    return foundation.inventory.part(place(made, name.replace("-", "_"), optional=optional), whole)


def grant_publish(
    scope: Construct,
    topic: Ref,
    name: str,
    *,
    foundation: Foundation,
    who: Role | str,
    member: str,
    optional: bool,
    after: Sequence[TerraformElement] = (),
) -> None:
    """Let a member publish to a topic. `name` and `who` make the grant's address, `after` is what it waits
    for.
    """
    grant = PubsubTopicIamMember(
        scope,
        f"publish-{who}",
        topic=topic["name"],
        role=PUBLISH,
        member=member,
        depends_on=list(after) or None,
    )
    placed = place(grant, f"{name.replace('-', '_')}_{who}", optional=optional)
    foundation.inventory.grant(placed, to=who, may=PUBLISH, on=topic)


class DeadLetterQueue(Construct):
    """A topic of refused messages, a subscription that keeps them, and an alarm that fires when one is in it.

    Kept for `DEAD_LETTER_DAYS`. `name` is the whole name, such as `telemetry-dead`.
    """

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
        self.name, self.layer, self.optional = name, layer, optional
        self._foundation = foundation
        self._accepts = False
        self._labels = foundation.twin.labels(layer, name)
        self.topic = topic(self, "topic", name, foundation=foundation, labels=self._labels, optional=optional)
        self.address = foundation.path("topics", self.topic)
        # Without a subscription a topic forgets what is published to it.
        whole, kept_s = foundation.twin.names.name(name), DEAD_LETTER_DAYS * 24 * 3600
        kept = PubsubSubscription(
            self,
            "kept",
            name=whole,
            topic=self.topic["id"],
            ack_deadline_seconds=ACK_DEADLINE_S,
            message_retention_duration=f"{kept_s}s",
            expiration_policy=PubsubSubscriptionExpirationPolicy(ttl=""),
            labels=self._labels,
        )
        subscription = place(
            kept, name.replace("-", "_"), optional=optional, protect=foundation.protects(layer)
        )
        foundation.inventory.record(
            Subscription(address=subscription.address, name=whole, topic=self.topic.address, kept_s=kept_s)
        )
        self.source = subscription["id"]
        fire_when_not_empty(
            self,
            subscription,
            foundation=foundation,
            name=name,
            labels=self._labels,
        )

    def grant_send(self, function: contracts.Function) -> None:
        grant_publish(
            self,
            self.topic,
            self.name,
            foundation=self._foundation,
            who=function.role,
            member=self._foundation.member(function),
            optional=self.optional or function.optional,
        )

    def accept_from_pubsub(self) -> None:
        """Let Pub/Sub itself move messages here, from any subscription that names this topic."""
        if not self._accepts:
            self._accepts = True
            grant_publish(
                self,
                self.topic,
                self.name,
                foundation=self._foundation,
                who=names.PUBSUB,
                member=self._foundation.pubsub_agent,
                optional=self.optional,
                after=[self._foundation.settled.over.element],
            )


class Queue(Construct):
    """A topic with its dead letters. The subscription belongs to the function that consumes it."""

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
        self.name, self.optional = name, optional
        self._foundation = foundation
        self.dead = DeadLetterQueue(
            self, "dead", foundation=foundation, name=names.dead(name), layer=layer, optional=optional
        )
        self.dead_letters: contracts.DeadLetters = self.dead
        self.topic = topic(
            self,
            "topic",
            name,
            foundation=foundation,
            labels=foundation.twin.labels(layer, name),
            optional=optional,
        )
        self.address = foundation.path("topics", self.topic)

    def grant_send(self, function: contracts.Function) -> None:
        grant_publish(
            self,
            self.topic,
            self.name,
            foundation=self._foundation,
            who=function.role,
            member=self._foundation.member(function),
            optional=self.optional or function.optional,
        )
