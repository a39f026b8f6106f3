"""How long logs and refused messages are kept, how often a message is tried, and how much an instance works
on at a time, on every cloud.
"""

from twin_runtime.roles import READERS, ROLES, Batching, Cloud, Role, Trigger

LOG_RETENTION_DAYS = 30
DEAD_LETTER_DAYS = 14
BODY_DAYS = 366
"""How long Azure keeps a body that is too long for a message. It goes with its message: this is for the few
whose sending or deletion failed. A dead letter on Azure waits without a limit, but its body no longer than
this.
"""
MAX_RECEIVES = 60
"""How often a queue hands out a message before it moves it to the dead letters by itself, which tells no
reason.

Above the runtime's own MAX_DELIVERIES: there the function moves the message, with the reason."""


_HOLDING_MUCH = (*READERS, Role.COLD_WRITER, Role.ARCHIVE_WRITER)
"""A request of theirs holds a page, or a file of up to 24 MB and a copy of it."""
LAMBDA_MESSAGES = 50
"""Messages of a queue per call at most."""
LAMBDA_PAYLOAD_BYTES = 6_000_000
"""Of a call; Lambda ends a batch of messages before it."""


def at_once(role: Role, cloud: Cloud, trigger: Trigger) -> int:
    """How many messages or requests an instance works on at a time, when `trigger` calls the role.

    A Lambda function works on one call at a time, whose messages are bounded by `LAMBDA_PAYLOAD_BYTES`.
    """
    if cloud is Cloud.AWS:
        return LAMBDA_MESSAGES if trigger is Trigger.QUEUE else 1
    spec = ROLES[role]
    if spec.batching is Batching.ALONE or (spec.schedule and cloud is Cloud.GCP):
        return 1
    if role in _HOLDING_MUCH:
        return 4
    if trigger in (Trigger.HTTPS, Trigger.PLATFORM):
        return 16
    return 48 if cloud is Cloud.AZURE or spec.batching is Batching.TOGETHER else 16
