"""Memory, time and concurrency of each role, and how long logs and refused messages are kept."""

from dataclasses import dataclass

from twinspan.vocabulary import Role

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


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often a function runs by the clock, and how many of it at a time: each run has a number below
    `partitions`, and does that part of the work.
    """

    every_minutes: int
    """1, or a divisor of 60 above it: what the clock's own expressions can say."""
    partitions: int = 1

    @property
    def cron(self) -> str:
        """The five fields of cron, in UTC.

        >>> Schedule(every_minutes=15).cron
        '*/15 * * * *'
        """
        if self.every_minutes == 60:
            return "0 * * * *"
        return "* * * * *" if self.every_minutes == 1 else f"*/{self.every_minutes} * * * *"


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
    Role.COLD_MOVER: Size(memory_mb=1024, timeout_s=600, max_concurrency=4),
    Role.COLD_WRITER: Size(memory_mb=1024, timeout_s=60, max_concurrency=20),
    Role.ARCHIVE_MOVER: Size(memory_mb=1024, timeout_s=600, max_concurrency=4),
    Role.ARCHIVE_WRITER: Size(memory_mb=1024, timeout_s=60, max_concurrency=20),
    Role.TWIN_SYNC: Size(memory_mb=512, timeout_s=55, max_concurrency=1),
    Role.TWIN_CONNECTOR: Size(memory_mb=512, timeout_s=30, max_concurrency=20),
    Role.TWIN_READER: Size(memory_mb=512, timeout_s=30, max_concurrency=20),
    Role.DASHBOARD_SYNC: Size(memory_mb=512, timeout_s=240, max_concurrency=1),
}
SCHEDULES: dict[Role, Schedule] = {
    Role.COLD_MOVER: Schedule(every_minutes=15, partitions=4),
    Role.ARCHIVE_MOVER: Schedule(every_minutes=60, partitions=4),
    Role.TWIN_SYNC: Schedule(every_minutes=1),
    Role.DASHBOARD_SYNC: Schedule(every_minutes=5),
}
"""The roles that run by the clock. A run ends before the next one of its partition begins."""
