"""Push subscriptions: how Pub/Sub delivers messages to a function, and its dead-letter topic."""

from typing import TYPE_CHECKING

from twin_runtime.roles import ROLES
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.queues import DeadLetterQueue
from twinspan.providers.gcp import (
    PubsubSubscription,
    PubsubSubscriptionDeadLetterPolicy,
    PubsubSubscriptionExpirationPolicy,
    PubsubSubscriptionIamMember,
    PubsubSubscriptionPushConfig,
    PubsubSubscriptionPushConfigOidcToken,
    PubsubSubscriptionRetryPolicy,
)
from twinspan.resources import Ref, place
from twinspan.sizing import MAX_RECEIVES

if TYPE_CHECKING:
    from twinspan.gcp.functions import Function

BACKLOG_S = 7 * 24 * 3600
"""How long a message waits for a function that does not take it."""


def push(
    name: str,
    *,
    foundation: Foundation,
    topic: Ref,
    dead_letters: DeadLetterQueue,
    function: "Function",
) -> None:
    """A subscription `name` that pushes every message of `topic` to `function`, which is called with a token
    that Cloud Run checks.

    Ingress "internal" admits Pub/Sub of the same project on the service's run.app address. The dead-letter
    policy needs two grants to Pub/Sub's agent: to publish to the dead letters, and to acknowledge here.
    """
    optional = topic.optional or function.optional
    caller = foundation.push_account(topic)
    key = name.replace("-", "_")
    subscription = PubsubSubscription(
        function,
        "push",
        name=foundation.twin.names.name(name),
        topic=topic["id"],
        ack_deadline_seconds=ROLES[function.role].timeout_s,  # a push request ends after it
        message_retention_duration=f"{BACKLOG_S}s",
        expiration_policy=PubsubSubscriptionExpirationPolicy(ttl=""),  # else deleted after 31 idle days
        retry_policy=PubsubSubscriptionRetryPolicy(minimum_backoff="10s", maximum_backoff="600s"),
        dead_letter_policy=PubsubSubscriptionDeadLetterPolicy(
            dead_letter_topic=dead_letters.topic["id"], max_delivery_attempts=MAX_RECEIVES
        ),
        push_config=PubsubSubscriptionPushConfig(
            push_endpoint=function.uri,
            oidc_token=PubsubSubscriptionPushConfigOidcToken(
                service_account_email=caller["email"], audience=function.uri
            ),
        ),
        labels=foundation.twin.labels(function.layer, function.role),
    )
    placed = place(subscription, key, optional=optional)
    acknowledge = PubsubSubscriptionIamMember(
        function,
        "push-acknowledge",
        subscription=placed["name"],
        role="roles/pubsub.subscriber",
        member=foundation.pubsub_agent,
    )
    place(acknowledge, key, optional=optional)
    dead_letters.accept_from_pubsub()
    function.grant_invoke(function, "push", caller["member"])
