"""The texts of the alarms: what happened and which command to run, the same in every cloud."""

REFUSALS_A_MINUTE = 60
"""Refused requests of a reader, in every minute of a few, from which on the alarm fires."""


def dead_letters(queue: str, hop: str) -> str:
    """Return the text of the alarm on a dead-letter queue. `queue` is its full name."""
    command = "python -m operations dead-letters"
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


def refusals(function: str) -> str:
    """Return the text of the alarm on the refusals of a reader. `function` is its full name."""
    return (
        f"{function} refuses more than {REFUSALS_A_MINUTE} requests a minute: the API key is missing, "
        "wrong or revoked (401), or a client sends too many (429). The lines `refused` of its log have "
        "status, reason and count, and the client of a 429. If a key has leaked, revoke it."
    )
