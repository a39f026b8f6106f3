"""What an instance of a role holds at most, for every role.

What a function is given takes most memory where it is JSON of many empty objects, which a device may send:
`FACTOR` bytes for each of its bytes. What stays text, or is the bytes of a file, is copied a few times.
The factors and `IDLE_MB` are measured, and `tests/packages/test_memory.py` measures each case anew.

The process of the user's code counts in full (`code_mb`), since the kernel refuses it more than its bound. A
function has one at a time: an old one is ended and waited for before a new one starts. The rest of the
processor's memory is for the processor itself, with a third to spare.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from twin_runtime.events import cloudevents, user_code
from twin_runtime.events.payload import MAX_PAYLOAD_BYTES
from twin_runtime.functions.hot_reader import MAX_ANSWER_BYTES as HOT_ANSWER_BYTES
from twin_runtime.grafana_api import MAX_ANSWER_BYTES
from twin_runtime.graph import graph
from twin_runtime.ports import MAX_BATCH_BYTES
from twin_runtime.roles import ROLES, Cloud, Role, Trigger, roles_of
from twin_runtime.storage import newest
from twin_runtime.tiers import cold_run, due_rows
from twin_runtime.tiers.catalogue import MOST_OVERLAPPING, WORKERS
from twin_runtime.tiers.tier_files import MAX_PARTS, MAX_TEXT_BYTES, PART_BYTES
from twin_runtime.tiers.tier_reader import MAX_PAGE_BYTES
from twin_runtime.wire.receiver import MAX_BODY_BYTES
from twinspan.sizing import LAMBDA_PAYLOAD_BYTES, at_once

SHARE = 2 / 3
"""Of its memory that a function uses at most."""
IDLE_MB = 90
"""Of a function with its SDKs that has nothing to do."""
FACTOR = 36
PAGE_BYTES = 8_000_000
"""Of the rows of a page of the hot store. They are text, and stay text until each is read alone."""
PAGE_FACTOR = 4
FILE_BYTES = MAX_PARTS * PART_BYTES
"""Of a file that a receiver puts together. It stays bytes."""
READ_FACTOR = 2
"""Of a file that is read: while it is put together, and as bytes."""
FILE_FACTOR = 3
"""Of a file that is received, and its rows: those that are left of it, and those that it is merged with."""
PART_FACTOR = 4
"""Of a part of a file that is sent to a receiver: the part, the request with its first line, and what the
connection copies."""
BATCH_FACTOR = 3
"""Of the rows that cold_mover packs: the rows, and their file twice, while it is packed and while it is sent.
Rows of random text do not become much shorter. Or: the rows, and those that are gathered next."""
ROW_BYTES = 1_500
"""Of a row beside its data: ten short texts, and what is remembered of its key."""
PAGE_ROWS = 500
"""Rows that cold_mover asks the hot store for at a time."""
VALUES_FACTOR = 16
"""Of a page of twins. It is numbers by their names."""
CHANGES = 100
"""Rows that Cosmos DB's change feed hands over together."""
DEVICES = 40_000
"""A device takes 5 of the 200,000 values that a twin.yaml may have."""
DEVICE_BYTES = 1_000
"""Of a device in twin_sync: its twin, digests and time. In cold_mover: its type, as it is noted."""
ENTRIES = 20_000
"""Of a bucket's month in the index of files. 40,000 devices with an event a minute each make so many: of a
day of a device, which is in a file or two, four blocks."""
MONTH_BYTES = 850 * ENTRIES
"""Of a bucket's month that is read, or written."""
NOTE_BYTES = 600
"""Of a note of late rows."""
DASHBOARDS_BYTES = 20_000_000
"""Of the dashboards of a twin."""
LARGEST = {
    Trigger.BROKER: MAX_PAYLOAD_BYTES,
    Trigger.QUEUE: MAX_BATCH_BYTES,
    Trigger.HTTPS: MAX_BODY_BYTES,
}
"""Bytes of one message or request with events."""
_NO_REMOTE = (
    Role.DISPATCHER, Role.PROCESSOR, Role.TWIN_READER, Role.DASHBOARD_SYNC,
)  # fmt: skip
_NO_LOCAL = (
    Role.CONNECTOR, Role.INGESTION, Role.WRITER, Role.HOT_READER, Role.COLD_WRITER, Role.ARCHIVE_WRITER,
    Role.ARCHIVE_MOVER,
)  # fmt: skip
_WORKS = {
    Role.HOT_READER: ("range", "newest", "cold", "remote_cold"),
    Role.COLD_WRITER: ("file", "read"),
    Role.ARCHIVE_WRITER: ("file",),
}
_ROW = cloudevents.MAX_DATA_BYTES
_FROM_FILES = (MOST_OVERLAPPING + 1) * MAX_PAGE_BYTES + max(MAX_TEXT_BYTES * READ_FACTOR, MONTH_BYTES)
"""Of a page of the cold tier: rows of each of the files that overlap, one more than are left so, and the
file that is read, or the index before it."""


class Case(NamedTuple):
    """A role with one kind of work, if it has several. `remote`: the remote variant of the two."""

    cloud: Cloud
    role: Role
    remote: bool
    work: str = ""

    def __str__(self) -> str:
        parts = (self.cloud, self.role, "remote" if self.remote else "local", self.work)
        return "-".join(filter(None, parts))

    @property
    def trigger(self) -> Trigger:
        return ROLES[self.role].trigger_of(remote=self.remote)

    @property
    def at_once(self) -> int:
        """Scheduled functions run alone: runs do not overlap, and each partition has its own instance."""
        return 1 if self.trigger is Trigger.CLOCK else at_once(self.role, self.cloud, self.trigger)


def cases() -> Iterator[Case]:
    """Each cloud with each of its roles, local and remote where there are both, and each kind of work."""
    for cloud in Cloud:
        for role in roles_of(cloud):
            for remote in (False, True):
                if role not in (_NO_LOCAL, _NO_REMOTE)[remote]:
                    yield from (Case(cloud, role, remote, work) for work in _works(cloud, role, remote))


def _works(cloud: Cloud, role: Role, remote: bool) -> Sequence[str]:
    if role is Role.TWIN_SYNC and cloud is Cloud.AZURE and not remote:
        return ("", "changes")
    return _WORKS.get(role, ("",))


def code_mb(case: Case) -> int:
    """What the process of the user's code may have, beside the function."""
    return user_code.MEMORY_MB if case.role is Role.PROCESSOR else 0


def needed_mb(case: Case) -> float:
    """What the function needs when all that it works on at a time is as large as it can be."""
    return IDLE_MB + _bytes(case) / 2**20


def _bytes(case: Case) -> float:
    count, page = case.at_once, PAGE_BYTES * PAGE_FACTOR
    newest_rows = newest.AT_A_TIME * _ROW * 1.5
    match case.role, case.work:
        case Role.HOT_READER, "range":
            return count * page
        case Role.HOT_READER, "newest":
            return count * (newest_rows + HOT_ANSWER_BYTES * PAGE_FACTOR)
        case Role.HOT_READER, "cold":
            return count * (2 * PAGE_BYTES + _FROM_FILES)
        case Role.HOT_READER, "remote_cold":
            return count * page + MAX_PAGE_BYTES * FACTOR
        case Role.COLD_WRITER, "read":
            return count * (_FROM_FILES + MAX_PAGE_BYTES * 2)
        case _, "file":
            index = WORKERS * MONTH_BYTES if case.role is Role.COLD_WRITER else 0
            return count * FILE_BYTES * FILE_FACTOR + index
        case Role.TWIN_SYNC, "changes":
            return CHANGES * _ROW * PAGE_FACTOR + _ROW * FACTOR
        case Role.TWIN_SYNC, _:
            values = HOT_ANSWER_BYTES * FACTOR if case.remote else newest_rows + _ROW * FACTOR
            return DEVICES * DEVICE_BYTES + values
        case Role.TWIN_CONNECTOR, _ if case.remote:
            return HOT_ANSWER_BYTES * FACTOR
        case Role.TWIN_CONNECTOR, _:
            return page + _ROW * FACTOR
        case Role.TWIN_READER, _:
            return count * graph.MAX_PAGE_BYTES * VALUES_FACTOR
        case Role.COLD_MOVER, _:
            batch = due_rows.MAX_BYTES + _ROW + due_rows.MAX_ROWS * ROW_BYTES
            notes = DEVICES * DEVICE_BYTES + cold_run.MOST_LATE * NOTE_BYTES
            # Of a file of the release before, a row is read with all others.
            catalogue = WORKERS * (MONTH_BYTES + due_rows.MAX_BYTES * READ_FACTOR)
            sink = PART_BYTES * PART_FACTOR if case.remote else catalogue
            return notes + page + batch * BATCH_FACTOR + sink
        case Role.ARCHIVE_MOVER, _:
            return FILE_BYTES * READ_FACTOR + PART_BYTES * PART_FACTOR
        case Role.DASHBOARD_SYNC, _:
            return MAX_ANSWER_BYTES * FACTOR + DASHBOARDS_BYTES * 2
    size = count * LARGEST[case.trigger]
    if case.cloud is Cloud.AWS and case.trigger is Trigger.QUEUE:
        size = min(size, LAMBDA_PAYLOAD_BYTES)
    return size * FACTOR
