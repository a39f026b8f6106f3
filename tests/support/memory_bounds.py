"""What an instance of a role holds at most: those that events pass through, and the one that reads them.

What a function is given takes most memory where it is JSON of many empty objects, which a device may send:
`FACTOR` bytes for each of its bytes. The factors and `IDLE_MB` are measured, and
`tests/packages/test_memory.py` measures each of `MEASURED` anew. The process in which a processor's code runs
is not in it: it has a bound of its own (`user_code.MEMORY_MB`).
"""

from collections.abc import Iterator

from twin_runtime.events.payload import MAX_PAYLOAD_BYTES
from twin_runtime.ports import MAX_BATCH_BYTES
from twin_runtime.roles import ROLES, Cloud, Role, Trigger, roles_of
from twin_runtime.wire.receiver import MAX_BODY_BYTES
from twinspan.sizing import LAMBDA_PAYLOAD_BYTES, at_once

SHARE = 2 / 3
"""Of its memory that a function uses at most."""
IDLE_MB = 90
"""Of a function with its SDKs that has nothing to do."""
FACTOR = 36
PAGE_BYTES = 8_000_000
"""Of the rows of a page that hot_reader reads. They are text, and stay text."""
PAGE_FACTOR = 4
LARGEST = {
    Trigger.BROKER: MAX_PAYLOAD_BYTES,
    Trigger.QUEUE: MAX_BATCH_BYTES,
    Trigger.HTTPS: MAX_BODY_BYTES,
}
"""Bytes of one message or request."""
MEASURED = (
    Role.DISPATCHER,
    Role.CONNECTOR,
    Role.INGESTION,
    Role.PROCESSOR,
    Role.PERSISTER,
    Role.WRITER,
    Role.HOT_READER,
    Role.EVENT_CHECKER,
    Role.EVENT_FEEDBACK,
)
"""The others, which work by pages or files that they ask for, are not measured."""
_NO_REMOTE = (Role.DISPATCHER, Role.PROCESSOR)
_NO_LOCAL = (Role.CONNECTOR, Role.INGESTION, Role.WRITER, Role.HOT_READER)


def variants() -> Iterator[tuple[Cloud, Role, bool]]:
    """Each cloud with each of its measured roles, local and remote (True) where there are both."""
    for cloud in Cloud:
        for role in (role for role in roles_of(cloud) if role in MEASURED):
            if role not in _NO_LOCAL:
                yield cloud, role, False
            if role not in _NO_REMOTE:
                yield cloud, role, True


def needed_mb(role: Role, cloud: Cloud, *, remote: bool) -> float:
    """What an instance needs when all that it works on at a time is as large as it can be."""
    trigger = ROLES[role].trigger_of(remote=remote)
    count = at_once(role, cloud, trigger)
    if role is Role.HOT_READER:
        return IDLE_MB + count * PAGE_BYTES * PAGE_FACTOR / 2**20
    size = count * LARGEST[trigger]
    if cloud is Cloud.AWS and trigger is Trigger.QUEUE:
        size = min(size, LAMBDA_PAYLOAD_BYTES)
    return IDLE_MB + size * FACTOR / 2**20
