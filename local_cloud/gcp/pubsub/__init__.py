"""A Pub/Sub of our own: the part of the REST API that a twin relies on, as a process on loopback.

It delivers at least once: push with the envelope of Pub/Sub, pull with acknowledgement deadlines, retries
after the subscription's back-off, dead-letter policies, filters on one attribute. Messages are in memory.

It does not: sign pushes with a token of the push account (Cloud Run would check it; here nobody does), order
messages, enforce permissions, drop what is older than the retention, adapt the number of pushes under way to
how the endpoint fares (it is `push.WORKERS`), or know any other call.

Google's emulator (SDK 528, measured) does back-off and dead-letter policies, but pushes without
`deliveryAttempt`, by which functions give up with a reason, and takes a filter without applying it, so that
every device would see all commands. It signs nothing either. Hence ours is the default.
"""
