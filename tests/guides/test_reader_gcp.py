"""What is Google's own in what a guide says of a stack."""

from collections.abc import Mapping

from guides import facts, twins
from guides.readers import gcp
from twin_runtime.roles import Cloud, Layer, Role

ALONE = twins.SINGLE[Cloud.GCP]
FIRST = twins.spread_with(Layer.ACQUISITION, Cloud.GCP)
MIDDLE = twins.spread_with(Layer.PROCESSING, Cloud.GCP)
HOT = twins.spread_with(Layer.HOT_STORAGE, Cloud.GCP)
COLD = twins.spread_with(Layer.COLD_STORAGE, Cloud.GCP)
FUNCTION, JOB = "google_cloudfunctions2_function", "google_cloud_scheduler_job"
SUBSCRIPTION, TOPIC = "google_pubsub_subscription", "google_pubsub_topic"
SECRET, DATABASE = "google_secret_manager_secret", "google_firestore_database"
INVOKER = "google_cloud_run_v2_service_iam_member"


def functions(placement: twins.Placement) -> Mapping[Role, facts.Function]:
    """The functions of a placement's Google Cloud stack."""
    inventory, topology = twins.inventory(placement, Cloud.GCP), twins.topology(placement)
    return {each.role: each for each in gcp.functions(inventory, topology)}


def addresses(uses: tuple[facts.Use, ...]) -> list[str]:
    return [use.address for use in uses]


def text(uses: tuple[facts.Use, ...], address: str) -> str:
    return next(use.text for use in uses if use.address == address)


def test_a_queue_is_a_topic_with_a_push_subscription() -> None:
    processor = functions(ALONE)[Role.PROCESSOR]
    (trigger,) = processor.triggers
    assert trigger == facts.Trigger(
        "queue",
        "Pub/Sub topic factory-processing: the push subscription factory-processing sends each message, with "
        "an OIDC token of the service account factory-push; ack deadline 90 s",
        (
            f"{TOPIC}.processing",
            f"{SUBSCRIPTION}.processing",
            "google_service_account.push",
            f"{INVOKER}.processor_push",
        ),
    )
    assert addresses(processor.inputs) == [f"{TOPIC}.processing", f"{SUBSCRIPTION}.processing"]
    assert addresses(processor.outputs) == [f"{TOPIC}.persisting"]
    assert processor.retries == (
        "Pub/Sub delivers a message of factory-processing again after 10 s, and later each time, up to "
        "10 min, for 7 days at most; after 60 deliveries it moves the message to the dead-letter topic",
        "On its delivery number 50 the function itself dead-letters what still fails",
    )
    assert processor.dead_letters == (
        facts.Use(
            f"{TOPIC}.processing_dead",
            "the function publishes what it refuses, with the reason; "
            "Pub/Sub moves a message after 60 deliveries, without a reason",
        ),
        facts.Use(
            f"{SUBSCRIPTION}.processing_dead",
            "Pub/Sub subscription factory-processing-dead, which keeps it for 14 days",
        ),
    )
    assert (processor.runtime, processor.memory_mb, processor.timeout_s) == ("python313", 1024, 60)
    assert processor.limits == (
        "1 CPU",
        "1 request at a time in an instance",
        "at most 50 instances",
        "no instance while nothing calls",
        "ingress ALLOW_INTERNAL_ONLY",
    )


def test_the_broker_is_the_topic_that_devices_publish_to() -> None:
    dispatcher = functions(ALONE)[Role.DISPATCHER]
    (trigger,) = dispatcher.triggers
    assert trigger.kind == "broker"
    assert trigger.addresses[:2] == (f"{TOPIC}.telemetry", f"{SUBSCRIPTION}.telemetry")
    assert addresses(dispatcher.inputs)[-1] == f"{SECRET}.fleet"
    assert addresses(dispatcher.dead_letters)[0] == f"{TOPIC}.telemetry_dead"


def test_each_device_pulls_its_own_commands() -> None:
    for placement in (ALONE, FIRST):
        outputs = functions(placement)[Role.EVENT_FEEDBACK].outputs
        assert addresses(outputs) == [f"{TOPIC}.device_commands", f"{SUBSCRIPTION}.devices"]
        assert outputs[1].text == (
            "Pub/Sub subscription factory-command-<key>: hands those that have "
            'attributes.device_id = "<key>" to whoever pulls it, for 24 h'
        )


def test_a_clock_is_a_job_for_each_partition() -> None:
    found = functions(ALONE)
    (trigger,) = found[Role.COLD_MOVER].triggers
    assert trigger == facts.Trigger(
        "schedule",
        "Cloud Scheduler job factory-cold-mover-<key>: */15 * * * * (Etc/UTC), 4 jobs, one for each "
        "partition; a POST with an OIDC token of the service account factory-clock; a run is given 10 min, "
        "and its answer 630 s",
        (f"{JOB}.cold_mover", "google_service_account.clock", f"{INVOKER}.cold_mover_clock"),
    )
    assert "1 job, for the one partition" in found[Role.TWIN_SYNC].triggers[0].text
    assert found[Role.TWIN_SYNC].retries == (
        "Cloud Scheduler does not repeat a run: the next is due at * * * * *",
    )
    assert found[Role.TWIN_SYNC].dead_letters == ()


def test_a_receiver_is_open_to_everybody_and_checks_keys_itself() -> None:
    (by_key,) = functions(ALONE)[Role.HOT_READER].triggers
    assert by_key.kind == "http"
    assert by_key.text == (
        "HTTPS endpoint on run.app (output telemetry_api_url): ingress ALLOW_ALL, open to allUsers; the "
        "function itself checks API keys"
    )
    assert by_key.addresses == (f"{FUNCTION}.hot_reader", f"{INVOKER}.hot_reader_public")
    (signed,) = functions(MIDDLE)[Role.INGESTION].triggers
    assert signed.text.endswith("checks API keys and signatures")


def test_movers_read_and_delete_rows_that_others_write_alone() -> None:
    alone, cold = functions(ALONE), functions(COLD)
    hot, bucket = f"{DATABASE}.hot", "google_storage_bucket.files"
    assert text(alone[Role.COLD_MOVER].inputs, hot).startswith("queries")
    assert text(alone[Role.COLD_MOVER].outputs, hot).startswith("writes and deletes")
    assert text(alone[Role.COLD_MOVER].outputs, bucket).startswith("writes and deletes files")
    assert hot not in addresses(alone[Role.PERSISTER].inputs)
    assert text(alone[Role.PERSISTER].outputs, hot).startswith("writes documents")
    assert text(cold[Role.ARCHIVE_MOVER].inputs, bucket).startswith("lists and reads")
    assert text(cold[Role.ARCHIVE_MOVER].outputs, bucket).startswith("writes and deletes")
    assert text(cold[Role.COLD_WRITER].inputs, bucket).startswith("lists and reads")
    assert text(cold[Role.COLD_WRITER].outputs, bucket).startswith("writes and deletes")


def test_permissions_are_roles_and_what_they_are_granted_on() -> None:
    state = 'resource.name == "projects/my-project/databases/factory-state-europe-west1"'
    assert functions(ALONE)[Role.EVENT_CHECKER].permissions == (
        facts.Permission(
            "roles/datastore.user", f"{DATABASE}.state (granted on the project my-project, if {state})"
        ),
        facts.Permission(
            "roles/workflows.invoker",
            "google_workflows_workflow.workflow (granted on the project my-project)",
        ),
        facts.Permission("roles/pubsub.publisher", f"{TOPIC}.commands"),
        facts.Permission("roles/pubsub.publisher", f"{TOPIC}.events_dead"),
    )
    condition = 'resource.name == "projects/my-project/databases/factory-hot-europe-west1"'
    assert functions(HOT)[Role.HOT_READER].permissions == (
        facts.Permission(
            "roles/datastore.viewer", f"{DATABASE}.hot (granted on the project my-project, if {condition})"
        ),
        *(
            facts.Permission("roles/secretmanager.secretAccessor", f"{SECRET}.{name}")
            for name in ("hot_reader_api_keys", "link_cold", "link_twin")
        ),
    )


def test_the_environment_is_in_words() -> None:
    found = functions(ALONE)
    persister = {variable.name: variable for variable in found[Role.PERSISTER].environment}
    store = f"projects/my-project/databases/<name of the Firestore database {DATABASE}.hot>"
    assert persister["STORE"].value == store
    assert [name for name, variable in persister.items() if variable.optional] == ["EVENTS_QUEUE"]
    reader = {variable.name: variable.value for variable in found[Role.HOT_READER].environment}
    assert reader["COLD_STORE"] == "gs://<name of the Cloud Storage bucket google_storage_bucket.files>"
    keys = f"<name of the Secret Manager secret {SECRET}.hot_reader_api_keys>"
    assert reader["API_KEYS_SECRET"] == f"projects/my-project/secrets/{keys}"
    assert (reader["API_KEY_READS"], reader["THREADS"]) == ("true", "4")
    assert "COLD_LINK_SECRET" not in reader


def test_what_a_reader_of_the_cold_tier_asks_is_told_though_it_is_no_end_of_the_link() -> None:
    assert "link:cold" in addresses(functions(HOT)[Role.HOT_READER].inputs)
    assert "link:cold" not in addresses(functions(ALONE)[Role.HOT_READER].inputs)
