"""Push subscriptions: how Pub/Sub delivers messages to a function, and its dead-letter topic."""

from twin_runtime.roles import ROLES, Layer, Role
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
    key = name.replace("-", "_")
    subscription = PubsubSubscription(
        scope,
        "push",
        name=foundation.twin.names.name(name),
        topic=topic["id"],
        ack_deadline_seconds=ROLES[role].timeout_s,  # a push request ends after it
        message_retention_duration=f"{RETENTION_S}s",
        expiration_policy=PubsubSubscriptionExpirationPolicy(ttl=""),  # else deleted after 31 idle days
        retry_policy=PubsubSubscriptionRetryPolicy(minimum_backoff="10s", maximum_backoff="600s"),
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
    placed = place(subscription, key, optional=optional)
    acknowledge = PubsubSubscriptionIamMember(
        scope,
        "push-acknowledge",
        subscription=placed["name"],
        role="roles/pubsub.subscriber",
        member=foundation.pubsub_agent,
    )
    place(acknowledge, key, optional=optional)
    dead_letters.accept_from_pubsub()
    return caller
