"""The table of bounds on time: call < function < visibility < alarm, for every role, variant, cloud and
link. The vendors' ranges are from their documentation, which each constant names.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from twin_runtime import deadlines
from twin_runtime.deadlines import (
    ANSWERED_S,
    BACKOFF_S,
    EVENT_GRID_S,
    EVERY_S,
    GATEWAY_S,
    LATE_S,
    MARGIN_S,
    WAIT_S,
    Budget,
    Limits,
    Service,
    ack_deadline_s,
    bounds,
    hidden_s,
    looks_back_s,
)
from twin_runtime.ports import MAX_DELIVERIES
from twin_runtime.roles import ROLES, SCHEDULES, Cloud, Layer, Role, Trigger
from twin_runtime.tiers.tier_reader import MAX_PAGE_S
from twinspan.aws.queues import RETENTION_S as SQS_RETENTION_S
from twinspan.gcp.queues import RETENTION_S as PUBSUB_RETENTION_S
from twinspan.sizing import MAX_RECEIVES
from twinspan.topology import Topology

LAMBDA_S = 900  # Lambda quotas: function timeout
SQS_HIDDEN_S = (0, 43_200)  # SetQueueAttributes: VisibilityTimeout
SQS_RETENTION = (60, 1_209_600)  # the same: MessageRetentionPeriod
PUBSUB_ACK_S = (10, 600)  # REST reference, projects.subscriptions: ackDeadlineSeconds
PUBSUB_BACKOFF_S = (0, 600)  # the same: RetryPolicy
SCHEDULER_S = (15, 1_800)  # Cloud Scheduler REST reference, Job: attemptDeadline of an HTTP target
CLOUD_RUN_S = 3_600  # Cloud Run quotas: request timeout
AZURE_HTTP_S = 230  # functions-scale, time-out: the load balancer's; Flex Consumption has no other bound
AZURE_HIDES_S = 600  # azure-webjobs-sdk: how long a message is hidden while a function works on it, renewed
DEVICE_S = (5, 300)  # IoT Hub, "Understand and invoke direct methods": responseTimeoutInSeconds
HOST = json.loads((Path(__file__).parents[2] / "function_src/twin_azure/root/host.json").read_text())[
    "extensions"
]["queues"]
FUNCTIONS = [
    Limits(role, cloud, remote)
    for role, spec in ROLES.items()
    for cloud in Cloud
    if cloud not in spec.absent
    for remote in ((False, True) if spec.remote_link else (False,))
]
QUEUES = sorted({spec.queue for spec in ROLES.values() if spec.queue})


def named(limits: Limits) -> str:
    return f"{limits.role}-{limits.cloud}{'-remote' if limits.remote else ''}"


each_function = pytest.mark.parametrize("limits", FUNCTIONS, ids=named)


@each_function
def test_a_call_is_shorter_than_the_function_and_what_follows_it_has_its_time(limits: Limits) -> None:
    budget, queue = limits.budget(), bounds(limits.cloud, Service.QUEUE).longest_s
    ends = limits.function_s - MARGIN_S
    assert 0 < limits.call_s < limits.function_s
    # What is begun at the last moment ends before what follows it must begin.
    assert budget.budget + limits.step_s <= budget.hand_over
    follows = queue if budget.letters > budget.hand_over else 0
    assert budget.hand_over + follows <= budget.letters
    assert budget.letters <= ends
    variables = {each.name for each in ROLES[limits.role].variables}
    if "DEAD_LETTER_QUEUE" in variables:
        assert budget.letters + queue <= ends
    if variables & {"PROCESSING_QUEUE", "PERSISTING_QUEUE", "EVENTS_QUEUE"}:
        assert budget.hand_over + queue <= budget.letters, "it hands on, and then puts its dead letters"
    # A function that is told its keys in time has time for its work.
    assert budget.budget >= 3


@each_function
def test_what_is_over_already_is_taken_off(limits: Limits) -> None:
    whole, late = limits.budget(), limits.budget(limits.function_s - 2)
    assert late.hand_over == whole.hand_over - 2
    assert late.budget == whole.budget - 2
    assert limits.budget(1_000) == whole, "what the platform tells is never more than the table"
    assert limits.budget(0).budget == 0


@each_function
def test_a_function_is_within_its_platform(limits: Limits) -> None:
    timeout = ROLES[limits.role].timeout_s
    assert timeout <= min(LAMBDA_S, CLOUD_RUN_S)
    trigger = ROLES[limits.role].trigger_of(remote=limits.remote)
    if trigger is Trigger.HTTPS:
        assert limits.function_s < GATEWAY_S, "API Gateway would answer in its place"
        assert limits.function_s < timeout, "the platform would end it before it answers"
        assert limits.function_s < AZURE_HTTP_S
    if trigger is Trigger.BROKER:
        assert limits.function_s < EVENT_GRID_S
        assert limits.function_s < timeout
    if limits.role in SCHEDULES:
        assert SCHEDULER_S[0] <= timeout + deadlines.START_S <= SCHEDULER_S[1]
        assert timeout <= SCHEDULES[limits.role].every_minutes * 60, "a run ends before the next begins"


@pytest.mark.parametrize("cloud", Cloud)
@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_hides_a_message_for_longer_than_its_functions_run(cloud: Cloud, queue: str) -> None:
    consumers = [
        limits for limits in FUNCTIONS if limits.cloud is cloud and ROLES[limits.role].queue == queue
    ]
    longest, hidden = max(ROLES[limits.role].timeout_s for limits in consumers), hidden_s(queue, cloud)
    assert max(limits.function_s for limits in consumers) <= longest < hidden
    match cloud:
        case Cloud.AWS:
            # Lambda developer guide, "Configuring a queue to use with Lambda": six times, and the window.
            assert hidden >= 6 * longest + deadlines.BATCHING_WINDOW_S
            assert SQS_HIDDEN_S[0] <= hidden <= SQS_HIDDEN_S[1]
            assert SQS_RETENTION[0] <= MAX_RECEIVES * hidden < SQS_RETENTION_S <= SQS_RETENTION[1]
        case Cloud.AZURE:
            assert hidden == _seconds(HOST["visibilityTimeout"])
            assert longest < AZURE_HIDES_S
            assert MAX_RECEIVES == HOST["maxDequeueCount"] > MAX_DELIVERIES
        case Cloud.GCP:
            assert PUBSUB_ACK_S[0] <= hidden <= PUBSUB_ACK_S[1]
            assert MAX_RECEIVES * (hidden + BACKOFF_S[1]) < PUBSUB_RETENTION_S


def test_pub_sub_waits_for_the_functions_that_the_broker_calls() -> None:
    timeout = ROLES[Role.DISPATCHER].timeout_s
    assert PUBSUB_ACK_S[0] <= ack_deadline_s(timeout) <= PUBSUB_ACK_S[1]
    assert ack_deadline_s(timeout) > timeout
    assert PUBSUB_BACKOFF_S[0] <= BACKOFF_S[0] <= BACKOFF_S[1] <= PUBSUB_BACKOFF_S[1]


@pytest.mark.parametrize("cloud", Cloud)
def test_an_alarm_looks_back_further_than_a_message_or_a_run_can_be_out_of_its_sight(cloud: Cloud) -> None:
    looks = deadlines.DEAD_LETTER_LOOKS * EVERY_S
    assert looks > max(hidden_s(queue, cloud) for queue in QUEUES)
    assert looks > deadlines.LEASE_S
    for role in SCHEDULES:
        if cloud not in ROLES[role].absent:
            # A failure is dated by the run's start, told at its end, late, and seen at the next look.
            assert looks_back_s(role, cloud) >= ROLES[role].timeout_s + LATE_S[cloud] + EVERY_S


def test_an_operator_s_lease_is_one_that_every_service_takes() -> None:
    assert PUBSUB_ACK_S[0] <= deadlines.LEASE_S <= min(PUBSUB_ACK_S[1], SQS_HIDDEN_S[1])


def _links() -> list[tuple[str, Limits, Limits]]:
    """Every remote link of every layout: its name, and the limits of its two ends."""
    found: dict[tuple[str, Cloud, Cloud], tuple[str, Limits, Limits]] = {}
    for clouds in itertools.product(Cloud, repeat=2):
        for rest in itertools.product(Cloud, repeat=5):
            topology = Topology(dict(zip(Layer, (*clouds, *rest), strict=True)))
            for link in topology.wired_links:
                if link.signed and link.sender and link.receiver and link.sender_cloud:
                    key = (link.name, link.sender_cloud, link.receiver_cloud)
                    found[key] = (
                        link.name,
                        Limits(link.sender, link.sender_cloud, bool(ROLES[link.sender].remote_link)),
                        Limits(link.receiver, link.receiver_cloud, bool(ROLES[link.receiver].remote_link)),
                    )
    return list(found.values())


LINKS = _links()


def test_every_link_between_every_two_clouds_is_looked_at() -> None:
    names = {name for name, _, _ in LINKS}
    assert names == {"telemetry", "write", "feedback", "cold", "archive", "twin"}
    assert len(LINKS) == len(names) * 6


@pytest.mark.parametrize(
    ("link", "sender", "receiver"), LINKS, ids=[f"{n}-{s.cloud}-{r.cloud}" for n, s, r in LINKS]
)
def test_a_sender_waits_for_longer_than_its_receiver_works(
    link: str, sender: Limits, receiver: Limits
) -> None:
    budget, queue = receiver.budget(), bounds(receiver.cloud, Service.QUEUE).longest_s
    slowest = max(budget.budget + receiver.step_s, budget.hand_over)
    if budget.letters < ANSWERED_S - MARGIN_S:  # it has dead letters
        slowest = budget.letters + queue
    assert slowest + MARGIN_S <= ANSWERED_S
    assert ANSWERED_S + bounds(sender.cloud, Service.QUEUE).connect_s <= WAIT_S
    # A request that is begun at the last moment is answered before the sender's own time is over.
    assert sender.asks_link
    assert sender.budget().budget + WAIT_S + MARGIN_S <= sender.function_s


def test_a_page_of_the_cold_tier_leaves_time_for_its_last_file() -> None:
    for cloud in Cloud:
        reader = Limits(Role.COLD_WRITER, cloud)
        assert reader.budget().budget >= MAX_PAGE_S


def test_a_device_s_time_is_one_that_iot_hub_takes_and_shorter_than_the_call() -> None:
    assert DEVICE_S[0] <= deadlines.DEVICE_S <= DEVICE_S[1]
    broker = bounds(Cloud.AZURE, Service.BROKER)
    assert deadlines.DEVICE_S + broker.connect_s < broker.try_s


def test_the_moments_of_a_call_are_in_the_order_of_its_parts() -> None:
    deadline = Budget(1, 2, 3).deadline()
    assert deadline < deadline.hand_over < deadline.letters
    assert not deadlines.over(deadline)
    assert deadlines.over(Budget(0).deadline())


def _seconds(text: str) -> int:
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * 3_600 + minutes * 60 + seconds
