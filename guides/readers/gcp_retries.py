"""What repeats a call of a Cloud Run function that failed: Pub/Sub, Cloud Scheduler, or whoever called."""

from collections.abc import Iterable, Iterator

from guides import facts
from guides.readers import gcp_names as names
from guides.readers import gcp_triggers as calls
from guides.readers.links import NO_RETRIES
from guides.readers.runtime import most_deliveries
from guides.readers.values import duration, known
from twinspan.terraform.stackjson import Block, Blocks

_CONFIG = (
    *("retry_count", "max_retry_duration", "min_backoff_duration", "max_backoff_duration", "max_doublings"),
)


def retries(function: Block, started: Iterable[facts.Trigger], blocks: Blocks) -> tuple[str, ...]:
    """A sentence for each way to start a function."""
    return (
        *(text for each in calls.subscriptions(function, blocks) for text in _redelivery(each)),
        *(_again(each) for each in calls.jobs(function, blocks)),
        *(NO_RETRIES for trigger in started if trigger.kind == "http"),
    )


def attempts(subscription: Block) -> int | None:
    """After how many deliveries Pub/Sub moves a message to the dead-letter topic; None without one."""
    policy = subscription.body.get("dead_letter_policy")
    if policy is None:
        return None
    known(policy, ("dead_letter_topic", "max_delivery_attempts"), of=subscription)
    return names.said(policy, "max_delivery_attempts", of=subscription)


def kept(subscription: Block) -> str:
    """How long a subscription keeps a message that nobody takes."""
    return duration(names.seconds(subscription.body, "message_retention_duration", of=subscription))


def _redelivery(subscription: Block) -> Iterator[str]:
    pace = "at once"
    if policy := subscription.body.get("retry_policy"):
        known(policy, ("minimum_backoff", "maximum_backoff"), of=subscription)
        low, high = (names.seconds(policy, f"{end}imum_backoff", of=subscription) for end in ("min", "max"))
        pace = f"after {duration(low)}, and later each time, up to {duration(high)}"
    most = attempts(subscription)
    end = (
        "it then forgets the message: there is no dead-letter topic"
        if most is None
        else f"after {most} deliveries it moves the message to the dead-letter topic"
    )
    again = f"Pub/Sub delivers a message of {names.name(subscription)} again {pace}"
    yield f"{again}, for {kept(subscription)} at most; {end}"
    yield f"On its delivery number {most_deliveries()} the function itself dead-letters what still fails"


def _again(job: Block) -> str:
    """Cloud Scheduler repeats a run that failed only where a `retry_config` says so."""
    config = job.body.get("retry_config", {})
    known(config, _CONFIG, of=job)
    if not config.get("retry_count"):
        return f"Cloud Scheduler does not repeat a run: the next is due at {job.body['schedule']}"
    how = ", ".join(f"{argument} {config[argument]}" for argument in _CONFIG if argument in config)
    return f"Cloud Scheduler repeats a run that failed: {how}"
