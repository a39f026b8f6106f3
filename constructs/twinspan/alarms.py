"""Alarms and metrics, the same in every cloud: texts with the command to run, and the lines of logs."""

from collections.abc import Mapping

from twin_runtime.roles import Role

REFUSALS_A_MINUTE = 60
"""Refused requests of a reader, in every minute of a few, from which on the alarm fires."""


def dead_letters(queue: str, hop: str) -> str:
    """Return the text of the alarm on a dead-letter queue. `queue` is its full name."""
    command = "twinspan dead-letters"
    return (
        f"There are dead letters in {queue}. List them with their reasons: `{command} list --hop {hop}`. "
        f"Then resend them: `{command} resend --hop {hop} --all`."
    )


def hop_of(queue: str) -> str:
    """Return the hop of a dead-letter queue: `processing` for `processing-dead`."""
    return queue.removesuffix("-dead")


def failed_run(function: str) -> str:
    """Return the text of the alarm on a scheduled function. `function` is its full name."""
    return f"A scheduled run of {function} failed or did not start. Check its log. The next run resumes."


BEHIND = "behind"
"""The event of the log line by which a mover says that it needs a person."""
RUN: Mapping[Role, str] = {Role.COLD_MOVER: "moved", Role.ARCHIVE_MOVER: "archived"}
"""The event of the log line at the end of a mover's run."""
MEASURED = ("rows", "oldest_due_days")
"""The fields of that line that become metrics: progress, and by how many days the oldest left is overdue."""


def behind(function: str) -> str:
    """Return the text of the alarm on a mover that lags. `function` is its full name."""
    return (
        f"{function} has not moved everything that is due for hours, or has set aside what cannot be stored. "
        f"The lines `{BEHIND}` of its log say how much; `row_refused`, `file_refused` and `store_failed` say "
        "why. No data is lost: nothing is deleted before it is in a file."
    )


def refusals(function: str) -> str:
    """Return the text of the alarm on the refusals of a reader. `function` is its full name."""
    return (
        f"{function} refuses more than {REFUSALS_A_MINUTE} requests a minute: the API key is missing, "
        "wrong or revoked (401), or a client sends too many (429). The lines `refused` of its log have "
        "status, reason and count, and the client of a 429. If a key has leaked, revoke it."
    )
