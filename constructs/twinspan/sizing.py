"""How long logs and refused messages are kept, and how often a message is tried, on every cloud."""

LOG_RETENTION_DAYS = 30
DEAD_LETTER_DAYS = 14
IDEMPOTENCY_DAYS = 90
"""How long an event that is delivered, or sent from the dead letters, again starts no workflow a second time.

Step Functions remembers the name of an execution for so long; where a store keeps the starts, it does so too.
Dead letters are kept for less: what is resent in time repeats nothing that was done.
"""
MAX_RECEIVES = 60
"""How often a queue hands out a message before it moves it to the dead letters by itself, which tells no
reason.

Above the runtime's own MAX_DELIVERIES: there the function moves the message, with the reason."""
