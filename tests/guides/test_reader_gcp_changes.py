"""A figure that changes in a Google Cloud stack changes what a guide says of it."""

from collections.abc import Mapping

import pytest

from guides import facts, twins
from guides.readers import read
from support.stack_changes import Change, changed, drop, put
from twin_runtime.roles import Cloud, Role

JOB = "google_cloud_scheduler_job.cold_mover"
SERVICE = "google_cloudfunctions2_function.processor.service_config"
SUBSCRIPTION = "google_pubsub_subscription.processing"
DEAD = "google_pubsub_subscription.processing_dead"
ATTEMPTS = f"{SUBSCRIPTION}.dead_letter_policy.max_delivery_attempts"
BODY = "${base64encode(jsonencode({partition = tonumber(each.key), partitions = 2, timeout_s = 300}))}"


def functions(*changes: Change) -> Mapping[Role, facts.Function]:
    """The functions of a twin that is in Google Cloud alone, after changes to its stack."""
    placement = twins.SINGLE[Cloud.GCP]
    stack = changed(twins.stacks(placement)["gcp"], *changes)
    return read(Cloud.GCP, stack, twins.topology(placement)).functions


@pytest.mark.parametrize(
    ("part", "change", "expected"),
    [
        ("triggers", put(f"{SUBSCRIPTION}.ack_deadline_seconds", 45), "ack deadline 45 s"),
        ("triggers", put(f"{SUBSCRIPTION}.filter", "hasPrefix(a)"), "each message that has hasPrefix(a)"),
        ("retries", put(ATTEMPTS, 7), "after 7 deliveries"),
        ("retries", put(f"{SUBSCRIPTION}.retry_policy.minimum_backoff", "20s"), "again after 20 s"),
        ("retries", put(f"{SUBSCRIPTION}.retry_policy.maximum_backoff", "120s"), "up to 2 min"),
        ("retries", drop(f"{SUBSCRIPTION}.retry_policy"), "again at once"),
        ("retries", put(f"{SUBSCRIPTION}.message_retention_duration", "86400s"), "for 24 h at most"),
        ("dead_letters", put(ATTEMPTS, 7), "after 7 deliveries"),
        ("dead_letters", put(f"{DEAD}.message_retention_duration", "172800s"), "keeps it for 2 days"),
        ("limits", put(f"{SERVICE}.available_cpu", "2"), "2 CPU"),
        ("limits", put(f"{SERVICE}.max_instance_request_concurrency", 3), "3 requests at a time"),
        ("limits", put(f"{SERVICE}.max_instance_count", 9), "at most 9 instances"),
        ("limits", put(f"{SERVICE}.min_instance_count", 1), "at least 1 instance"),
        ("memory_mb", put(f"{SERVICE}.available_memory", "2Gi"), "2048"),
        ("timeout_s", put(f"{SERVICE}.timeout_seconds", 61), "61"),
    ],
)
def test_figures_of_a_queue_and_its_function(part: str, change: Change, expected: str) -> None:
    assert expected in str(getattr(functions(change)[Role.PROCESSOR], part))
    assert expected not in str(getattr(functions()[Role.PROCESSOR], part))


@pytest.mark.parametrize(
    ("part", "argument", "value", "expected"),
    [
        ("triggers", "schedule", "0 3 * * *", "0 3 * * * (Etc/UTC)"),
        ("triggers", "time_zone", "Europe/Vienna", "(Europe/Vienna)"),
        ("triggers", "attempt_deadline", "700s", "its answer 700 s"),
        ("retries", "schedule", "0 3 * * *", "the next is due at 0 3 * * *"),
        ("retries", "retry_config", {"retry_count": 3}, "repeats a run that failed: retry_count 3"),
    ],
)
def test_figures_of_a_clock(part: str, argument: str, value: object, expected: str) -> None:
    assert expected in str(getattr(functions(put(f"{JOB}.{argument}", value))[Role.COLD_MOVER], part))
    assert expected not in str(getattr(functions()[Role.COLD_MOVER], part))


def test_partitions_are_those_of_the_jobs_and_of_what_they_send() -> None:
    fewer = put(f"{JOB}.for_each", '${toset(["0", "1"])}')
    (trigger,) = functions(fewer, put(f"{JOB}.http_target.body", BODY))[Role.COLD_MOVER].triggers
    assert "2 jobs, one for each partition" in trigger.text
    assert "a run is given 5 min" in trigger.text
    with pytest.raises(KeyError, match=r"has the numbers \[0, 1\], but tells of 4 partitions"):
        functions(fewer)


def test_without_a_dead_letter_policy_messages_are_forgotten() -> None:
    no_policy = drop(f"{SUBSCRIPTION}.dead_letter_policy")
    processor = functions(no_policy)[Role.PROCESSOR]
    assert processor.retries[0].endswith("it then forgets the message: there is no dead-letter topic")
    assert processor.dead_letters[0] == facts.Use(
        "google_pubsub_topic.processing_dead", "the function publishes what it refuses, with the reason"
    )
    not_named = drop(f"{SERVICE}.environment_variables.DEAD_LETTER_QUEUE")
    assert functions(no_policy, not_named)[Role.PROCESSOR].dead_letters == ()
