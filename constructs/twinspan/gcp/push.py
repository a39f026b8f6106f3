"""Push subscriptions: how Pub/Sub delivers messages to a function, and its dead-letter topic."""

from twin_runtime.deadlines import BACKOFF_S, ack_deadline_s
from twin_runtime.roles import ROLES, Layer, Role
from twinspan.gcp import names
from twinspan.gcp.facts import Push
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.queues import RETENTION_S, DeadLetterQueue
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    PubsubSubscription,
    PubsubSubscriptionDeadLetterPolicy,
    PubsubSubscriptionExpirationPolicy,
    PubsubSubscriptionIamMember,
    PubsubSubscriptionPushConfig,
    PubsubSubscriptionPushConfigOidcToken,
    PubsubSubscriptionRetryPolicy,
)
from twinspan.sizing import MAX_RECEIVES
from twinspan.terraform.resources import Ref, place

SUBSCRIBE = "roles/pubsub.subscriber"


def push(
    scope: Construct,
    name: str,
    *,
    foundation: Foundation,
    topic: Ref,
    dead_letters: DeadLetterQueue,
    role: Role,
    layer: Layer,
    uri: str,
    optional: bool,
) -> Ref:
    """A subscription `name` that pushes every message of `topic` to the function of a role, at `uri`. Returns
    the service account that calls it, with a token that Cloud Run checks.

    Ingress "internal" admits Pub/Sub of the same project on the service's run.app address. The dead-letter
    policy needs two grants to Pub/Sub's agent: to publish to the dead letters, and to acknowledge here.
    """
    caller = foundation.push_account(topic)
    deadline_s = ack_deadline_s(ROLES[role].timeout_s)  # a push request ends after it
    whole = foundation.twin.names.name(name)
    key = name.replace("-", "_")
    subscription = PubsubSubscription(
        scope,
        "push",
        name=whole,
        topic=topic["id"],
        ack_deadline_seconds=deadline_s,
        message_retention_duration=f"{RETENTION_S}s",
        expiration_policy=PubsubSubscriptionExpirationPolicy(ttl=""),  # else deleted after 31 idle days
        retry_policy=PubsubSubscriptionRetryPolicy(
            minimum_backoff=f"{BACKOFF_S[0]}s", maximum_backoff=f"{BACKOFF_S[1]}s"
        ),
        dead_letter_policy=PubsubSubscriptionDeadLetterPolicy(
            dead_letter_topic=dead_letters.topic["id"], max_delivery_attempts=MAX_RECEIVES
        ),
        push_config=PubsubSubscriptionPushConfig(
            push_endpoint=uri,
            oidc_token=PubsubSubscriptionPushConfigOidcToken(
                service_account_email=caller["email"], audience=uri
            ),
        ),
        labels=foundation.twin.labels(layer, role),
    )
    placed = place(subscription, key, optional=optional, protect=foundation.protects(layer))
    acknowledge = PubsubSubscriptionIamMember(
        scope,
        "push-acknowledge",
        subscription=placed["name"],
        role=SUBSCRIBE,
        member=foundation.pubsub_agent,
    )
    foundation.inventory.grant(
        place(acknowledge, key, optional=optional), to=names.PUBSUB, may=SUBSCRIBE, on=placed
    )
    dead_letters.accept_from_pubsub()
    foundation.inventory.record(
        Push(
            address=placed.address,
            name=whole,
            topic=topic.address,
            kept_s=RETENTION_S,
            to=role,
            account=caller.address,
            deadline_s=deadline_s,
            least_backoff_s=BACKOFF_S[0],
            most_backoff_s=BACKOFF_S[1],
            attempts=MAX_RECEIVES,
            dead_letters=dead_letters.topic.address,
        )
    )
    return caller
