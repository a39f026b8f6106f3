"""What a guide cannot tell of a Google Cloud stack, or what cannot be right in one, is refused."""

import pytest

from guides import twins
from guides.readers import read
from support.stack_changes import Change, add, changed, drop, put
from support.terraform_json import Stack
from twin_runtime.roles import Cloud

FUNCTION = "google_cloudfunctions2_function.processor"
READER = "google_cloudfunctions2_function.hot_reader"
SERVICE = f"{FUNCTION}.service_config"
SUBSCRIPTION = "google_pubsub_subscription.processing"
JOB = "google_cloud_scheduler_job.cold_mover"
INVOKER = "google_cloud_run_v2_service_iam_member"
TOPIC_MEMBER, BUCKET_MEMBER = "google_pubsub_topic_iam_member", "google_storage_bucket_iam_member"
CONDITION = "google_project_iam_member.store_persister.condition.expression"


def refusal(change: Change) -> str:
    """The sentence with which the reader refuses a changed stack."""
    placement = twins.SINGLE[Cloud.GCP]
    stack = changed(twins.stacks(placement)["gcp"], change)
    with pytest.raises(KeyError) as error:
        read(Cloud.GCP, stack, twins.topology(placement))
    return error.value.args[0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (put(f"{SERVICE}.vpc_access", {}), f"{FUNCTION} has vpc_access, which the guides do not know"),
        (put(f"{FUNCTION}.event_trigger", {}), f"{FUNCTION} has event_trigger"),
        (put(f"{FUNCTION}.build_config.worker_pool", "p"), f"{FUNCTION} has worker_pool"),
        (put(f"{FUNCTION}.labels.role", "miller"), f"{FUNCTION} has no role of a twin"),
        (put(f"{SERVICE}.available_memory", "1G"), f"{FUNCTION} has '1G' of memory"),
        (drop(f"{SERVICE}.max_instance_count"), f"{FUNCTION} does not say its max_instance_count"),
        (put(f"{SUBSCRIPTION}.enable_message_ordering", True), f"{SUBSCRIPTION} has enable_message_ordering"),
        (
            put(f"{SUBSCRIPTION}.expiration_policy.ttl", "86400s"),
            f"{SUBSCRIPTION} is deleted when it is idle",
        ),
        (
            drop(f"{SUBSCRIPTION}.ack_deadline_seconds"),
            f"{SUBSCRIPTION} does not say its ack_deadline_seconds",
        ),
        (
            put(f"{SUBSCRIPTION}.message_retention_duration", "1 week"),
            "'1 week' of message_retention_duration",
        ),
        (put(f"{SUBSCRIPTION}.push_config.push_endpoint", "https://example.com"), "should name one"),
        (put(f"{JOB}.http_target.body", "hello"), f"{JOB} sends a body that the guides do not know"),
        (drop(f"{JOB}.attempt_deadline"), f"{JOB} does not say its attempt_deadline"),
        (add("google_eventarc_trigger.files", {"to": f"${{{FUNCTION}.id}}"}), f"refers to {FUNCTION} in an"),
    ],
)
def test_arguments_without_a_sentence(change: Change, sentence: str) -> None:
    assert sentence in refusal(change)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (drop(f"{SUBSCRIPTION}.push_config"), f"nothing starts {FUNCTION}"),
        (drop(f"{SUBSCRIPTION}.push_config.oidc_token"), f"{SUBSCRIPTION} does not say its oidc_token"),
        (
            drop(f"{INVOKER}.processor_push"),
            "google_service_account.push, which has no roles/run.invoker there",
        ),
        (
            drop(f"{INVOKER}.cold_mover_clock"),
            "google_service_account.clock, which has no roles/run.invoker there",
        ),
        (drop(f"{INVOKER}.hot_reader_public"), f"{READER} has ingress ALLOW_ALL, and 0 grants to allUsers"),
        (put(f"{SERVICE}.ingress_settings", "ALLOW_ALL"), f"{FUNCTION} has ingress ALLOW_ALL, and 0 grants"),
        (
            drop(f"{READER}.service_config.environment_variables.API_KEYS_SECRET"),
            f"{READER} is open to everybody, and has no API keys",
        ),
    ],
)
def test_functions_that_nobody_can_call_or_anybody(change: Change, sentence: str) -> None:
    assert sentence in refusal(change)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (drop(f"{SUBSCRIPTION}_dead"), "google_pubsub_topic.processing_dead has no subscription"),
        (drop(f"{TOPIC_MEMBER}.processing_dead_pubsub"), "Pub/Sub has no roles/pubsub.publisher on"),
        (
            drop("google_pubsub_subscription_iam_member.processing"),
            f"Pub/Sub has no roles/pubsub.subscriber on {SUBSCRIPTION}",
        ),
    ],
)
def test_dead_letters_that_would_be_lost(change: Change, sentence: str) -> None:
    assert sentence in refusal(change)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (drop(f"{TOPIC_MEMBER}.persisting_processor"), "in PERSISTING_QUEUE, and may not use it"),
        (
            put(f"{BUCKET_MEMBER}.files_cold_mover.role", "projects/p/roles/own"),
            f"{BUCKET_MEMBER}.files_cold_mover grants projects/p/roles/own, which is no predefined role",
        ),
        (
            put(f"{BUCKET_MEMBER}.files_cold_mover.role", "roles/storage.admin"),
            "the guides do not know what a function does by roles/storage.admin",
        ),
        (put(CONDITION, "true"), "store_persister has a condition that names no Firestore database: true"),
        (
            put(CONDITION, 'resource.name == "projects/my-project/databases/other"'),
            "store_persister has a condition that names no Firestore database",
        ),
        (
            add("google_pubsub_topic_iam_binding.all", {"topic": "t", "role": "roles/pubsub.viewer"}),
            "google_pubsub_topic_iam_binding.all grants in a way that the guides do not know",
        ),
    ],
)
def test_grants_that_do_not_say_what_they_let_do(change: Change, sentence: str) -> None:
    assert sentence in refusal(change)


def test_a_receiver_that_no_output_tells_of() -> None:
    def change(stack: Stack) -> None:
        del stack["output"]["telemetry_api_url"]

    assert refusal(change) == f"no output tells where {READER} is"
