"""Memory, time and concurrency of each role, and how long logs and refused messages are kept."""

from dataclasses import dataclass

from twinspan.vocabulary import Role

LOG_RETENTION_DAYS = 30
DEAD_LETTER_DAYS = 14
MAX_RECEIVES = 60
"""How often a queue hands out a message before it moves it to the dead letters by itself, which tells no
reason.

Above the runtime's own MAX_DELIVERIES: there the function moves the message, with the reason."""


@dataclass(frozen=True, slots=True)
class Size:
    """Bounds of one function."""

    memory_mb: int
    timeout_s: int
    max_concurrency: int
    """Most instances at a time: what a flood of events may cost, and what the next system must bear."""


SIZES: dict[Role, Size] = {
    Role.DISPATCHER: Size(memory_mb=512, timeout_s=30, max_concurrency=50),
    Role.CONNECTOR: Size(memory_mb=512, timeout_s=60, max_concurrency=20),
    Role.INGESTION: Size(memory_mb=512, timeout_s=30, max_concurrency=50),
    Role.PROCESSOR: Size(memory_mb=1024, timeout_s=60, max_concurrency=50),
    Role.PERSISTER: Size(memory_mb=512, timeout_s=60, max_concurrency=20),
    Role.WRITER: Size(memory_mb=512, timeout_s=30, max_concurrency=50),
    Role.HOT_READER: Size(memory_mb=512, timeout_s=30, max_concurrency=20),
    Role.EVENT_CHECKER: Size(memory_mb=512, timeout_s=60, max_concurrency=20),
    Role.EVENT_FEEDBACK: Size(memory_mb=512, timeout_s=60, max_concurrency=20),
}
