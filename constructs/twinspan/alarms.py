"""The texts of the alarms: what happened and which command to run, the same in every cloud."""


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
