"""What is Azure's own in what a guide says of a stack."""

import json
from collections.abc import Mapping

import pytest

from guides import facts, twins
from guides.readers import azure
from twin_azure.queues import FOR_EVER
from twin_azure.triggers import Once, http_app
from twin_runtime.ports import MAX_DELIVERIES
from twin_runtime.roles import Cloud, Layer, Role

ALONE = twins.SINGLE[Cloud.AZURE]
FIRST = twins.spread_with(Layer.ACQUISITION, Cloud.AZURE)
MIDDLE = twins.spread_with(Layer.PROCESSING, Cloud.AZURE)
HOT = twins.spread_with(Layer.HOT_STORAGE, Cloud.AZURE)
COLD = twins.spread_with(Layer.COLD_STORAGE, Cloud.AZURE)
APP = "azurerm_function_app_flex_consumption"
QUEUE = "azurerm_storage_queue"
SUBSCRIPTION = "azurerm_eventgrid_system_topic_event_subscription"
WORKFLOW = "azapi_resource"
ROWS, BLOBS = "azurerm_cosmosdb_sql_container", "azurerm_storage_container"
SECRET, VAULT = "azurerm_key_vault_secret", "azurerm_key_vault.twin"


def functions(placement: twins.Placement) -> Mapping[Role, facts.Function]:
    """The functions of a placement's Azure stack."""
    inventory, topology = twins.inventory(placement, Cloud.AZURE), twins.topology(placement)
    return {each.role: each for each in azure.functions(inventory, topology)}


def addresses(uses: tuple[facts.Use, ...]) -> list[str]:
    return [use.address for use in uses]


def text(uses: tuple[facts.Use, ...], address: str) -> str:
    return next(use.text for use in uses if use.address == address)


def test_a_queue_is_a_storage_queue_that_the_host_takes_from() -> None:
    persister = functions(ALONE)[Role.PERSISTER]
    assert persister.triggers == (
        facts.Trigger(
            "queue",
            "Storage queue factory-persisting: queue trigger, up to 48 messages at a time per instance "
            "(batchSize 32, newBatchThreshold 16); an empty queue is looked at every 5 s at least "
            "(maxPollingInterval)",
            (f"{QUEUE}.persisting",),
        ),
    )
    assert addresses(persister.inputs) == [f"{QUEUE}.persisting"]
    assert addresses(persister.outputs) == [f"{QUEUE}.events", f"{ROWS}.store"]
    assert persister.retries == (
        "A message that failed is visible again after 5 min (visibilityTimeout). On its delivery 50 the "
        "function itself puts what still fails into the dead letters, with the reason; after 60 deliveries "
        "(maxDequeueCount) the Functions host moves the message there.",
    )
    assert persister.dead_letters == (
        facts.Use(
            f"{QUEUE}.persisting_dead",
            "Storage queue factory-persisting-poison: filled by the function itself, with the reason (kept "
            "until they are taken); the Functions host, after 60 deliveries",
        ),
    )


def test_size_and_limits_are_those_of_the_app_and_its_plan() -> None:
    processor = functions(ALONE)[Role.PROCESSOR]
    assert (processor.runtime, processor.memory_mb, processor.timeout_s) == ("python 3.13", 2048, 60)
    assert processor.limits == (
        "Flex Consumption plan (FC1), no instance while nothing calls",
        "50 instances at most",
        "1 call at a time per instance (PYTHON_THREADPOOL_THREAD_COUNT)",
        "no public network access",
    )
    assert functions(ALONE)[Role.HOT_READER].limits[2:] == (
        "4 calls at a time per instance (PYTHON_THREADPOOL_THREAD_COUNT)",
        "public network access",
    )


def test_app_settings_stand_in_the_place_of_host_json() -> None:
    (trigger,) = functions(ALONE)[Role.PROCESSOR].triggers
    assert "up to 1 message at a time per instance (batchSize 1, newBatchThreshold 0)" in trigger.text


def test_event_grid_brings_telemetry_and_has_dead_letters_of_its_own() -> None:
    dispatcher = functions(ALONE)[Role.DISPATCHER]
    (trigger,) = dispatcher.triggers
    assert trigger.kind == "broker"
    assert trigger.addresses == (
        "azurerm_iothub.broker",
        "azurerm_eventgrid_system_topic.telemetry",
        f"{SUBSCRIPTION}.dispatcher",
    )
    assert trigger.text.endswith(
        "Event Grid subscription dispatcher on the Event Grid system topic factory-telemetry delivers "
        "Microsoft.Devices.DeviceTelemetry, up to 50 events or about 64 KB at a time (EventGridSchema)"
    )
    assert addresses(dispatcher.inputs) == ["azurerm_iothub.broker"]
    assert dispatcher.retries == (
        "Event Grid delivers again what failed, up to 30 attempts (max_delivery_attempts) in 24 h "
        "(event_time_to_live); then it writes the events into the blob container factory-broker-dead.",
    )
    assert addresses(dispatcher.dead_letters) == [f"{QUEUE}.telemetry_dead", f"{BLOBS}.broker_dead"]
    assert "Event Grid, after 30 attempts or 24 h" in dispatcher.dead_letters[1].text


def test_a_role_by_the_clock_has_a_timer_for_each_partition() -> None:
    found = functions(ALONE)
    assert found[Role.COLD_MOVER].triggers == (
        facts.Trigger(
            "schedule",
            "Timer trigger: NCRONTAB 0 */15 * * * * (UTC, every 15 min), 4 functions, one per partition: "
            "cold_mover_0, cold_mover_1, cold_mover_2 and cold_mover_3",
            (f"{APP}.cold_mover",),
        ),
    )
    assert found[Role.COLD_MOVER].retries == (
        "Timer: a run that failed is not repeated before the next one by its schedule (0 */15 * * * *).",
    )
    assert found[Role.COLD_MOVER].dead_letters == ()
    assert found[Role.DASHBOARD_SYNC].triggers[0].text.endswith("(UTC, every 5 min), one function")
    (hourly,) = functions(COLD)[Role.ARCHIVE_MOVER].triggers
    assert "NCRONTAB 0 0 * * * * (UTC, every hour), 4 functions" in hourly.text


def test_the_change_feed_is_there_where_the_hot_store_is() -> None:
    sync = functions(ALONE)[Role.TWIN_SYNC]
    assert [trigger.kind for trigger in sync.triggers] == ["schedule", "changes"]
    assert sync.triggers[1].addresses == (
        f"{ROWS}.store",
        "azurerm_cosmosdb_sql_database.store",
        f"{ROWS}.store_leases",
    )
    assert len(sync.retries) == 2
    assert addresses(sync.inputs) == [f"{ROWS}.store"]
    assert addresses(sync.outputs) == ["azurerm_digital_twins_instance.graph", f"{ROWS}.store_leases"]
    apart = functions(FIRST)[Role.TWIN_SYNC]
    assert [trigger.kind for trigger in apart.triggers] == ["schedule"]
    assert addresses(apart.inputs) == [VAULT, "link:twin"]


def test_a_receiver_is_found_by_its_output_and_says_what_it_checks() -> None:
    (by_key,) = functions(ALONE)[Role.HOT_READER].triggers
    assert by_key == facts.Trigger(
        "http",
        "HTTP trigger: HTTPS GET and POST /hot_reader, at the URL of the output telemetry_api_url; "
        "authorization level anonymous: the function itself checks API keys",
        (f"{APP}.hot_reader",),
    )
    (signed,) = functions(MIDDLE)[Role.INGESTION].triggers
    assert "POST /ingestion, at the URL of the output ingestion_url" in signed.text
    assert signed.text.endswith("checks API keys and signatures")


def test_feedback_comes_by_queue_or_over_https() -> None:
    local, remote = functions(ALONE)[Role.EVENT_FEEDBACK], functions(FIRST)[Role.EVENT_FEEDBACK]
    assert [trigger.kind for trigger in local.triggers] == ["queue"]
    assert [trigger.kind for trigger in remote.triggers] == ["http"]
    assert "link:feedback" in addresses(remote.inputs)
    for found in (local, remote):
        assert found.optional
        assert text(found.outputs, "azurerm_iothub.broker").startswith("calls direct methods")
        assert addresses(found.dead_letters) == [f"{QUEUE}.commands_dead"]


def test_movers_read_and_delete_what_others_write_alone() -> None:
    alone, cold = functions(ALONE), functions(COLD)
    store, bucket = f"{ROWS}.store", f"{BLOBS}.files"
    assert text(alone[Role.COLD_MOVER].inputs, store).startswith("reads rows")
    assert text(alone[Role.COLD_MOVER].outputs, store).startswith("writes and deletes")
    assert text(alone[Role.COLD_MOVER].outputs, bucket).startswith("writes files")
    assert bucket not in addresses(alone[Role.COLD_MOVER].inputs)
    assert store not in addresses(alone[Role.PERSISTER].inputs)
    assert text(alone[Role.PERSISTER].outputs, store).startswith("writes rows")
    assert text(cold[Role.ARCHIVE_MOVER].inputs, bucket).startswith("reads files")
    assert text(cold[Role.ARCHIVE_MOVER].outputs, bucket).startswith("writes and deletes")
    assert text(cold[Role.COLD_WRITER].inputs, bucket).startswith("reads files")
    assert text(cold[Role.COLD_WRITER].outputs, bucket).startswith("writes files")


def test_permissions_are_roles_policies_and_secrets_of_the_stack_links() -> None:
    found = functions(MIDDLE)
    host = [
        facts.Permission("Storage Blob Data Owner", f"{BLOBS}.azure_webjobs_{what}")
        for what in ("hosts", "secrets")
    ]
    assert found[Role.EVENT_CHECKER].permissions == (
        facts.Permission(
            "Invoke the HTTP request trigger", f"{WORKFLOW}.workflow, by its Entra ID policy event-checker"
        ),
        facts.Permission("Key Vault Secrets User", f"the secret factory-link-feedback alone, of {VAULT}"),
        facts.Permission("Storage Blob Data Contributor", f"{BLOBS}.event_checker_code"),
        facts.Permission("Storage Blob Data Contributor", f"{BLOBS}.events_bodies"),
        *host,
        facts.Permission("Storage Queue Data Contributor", f"{QUEUE}.events"),
        facts.Permission("Storage Queue Data Message Sender", f"{QUEUE}.events_dead"),
        facts.Permission("Storage Table Data Contributor", f"{WORKFLOW}.state"),
    )
    assert facts.Permission("Cosmos DB Built-in Data Reader", f"{ROWS}.store") in (
        functions(HOT)[Role.HOT_READER].permissions
    )
    assert facts.Permission("Cosmos DB Built-in Data Contributor", f"{ROWS}.store") in (
        functions(HOT)[Role.WRITER].permissions
    )


def test_a_secret_of_this_stack_is_told_apart_from_one_that_links_writes() -> None:
    local, remote = functions(ALONE)[Role.DASHBOARD_SYNC], functions(FIRST)[Role.DASHBOARD_SYNC]
    assert addresses(local.inputs) == [f"{SECRET}.link_dashboards"]
    assert remote.inputs == (
        facts.Use(VAULT, "reads the Key Vault secret factory-link-dashboards, which the stack links writes"),
    )
    assert addresses(local.outputs) == addresses(remote.outputs) == ["azapi_resource.grafana"]


def test_the_environment_is_in_words() -> None:
    found = functions(ALONE)
    persister = {variable.name: variable for variable in found[Role.PERSISTER].environment}
    assert persister["STORE"].value == f"URL of the Cosmos DB container {ROWS}.store"
    assert persister["TRIGGER_QUEUE"].value == f"name of the Storage queue {QUEUE}.persisting"
    assert persister["AZURE_CLIENT_ID"].value == (
        "client id of the managed identity azurerm_user_assigned_identity.persister"
    )
    assert [name for name, variable in persister.items() if variable.optional] == ["EVENTS_QUEUE"]
    reader = {variable.name: variable.value for variable in found[Role.HOT_READER].environment}
    assert reader["COLD_STORE"] == f"URL and access tier (Cool) of the blob container {BLOBS}.files"
    assert reader["API_KEY_READS"] == "true"
    assert "COLD_LINK_SECRET" not in reader
    checker = {variable.name: variable.value for variable in found[Role.EVENT_CHECKER].environment}
    assert checker["STATE_STORE"] == f"URL of the Storage table {WORKFLOW}.state"
    assert checker["WORKFLOW"] == f"URL of the HTTP request trigger of the Logic App {WORKFLOW}.workflow"
    remote = {variable.name: variable.value for variable in functions(MIDDLE)[Role.PERSISTER].environment}
    assert remote["LINK_SECRET"] == "URL of the Key Vault secret factory-link-write"


def test_host_json_and_the_code_are_as_the_guide_says(monkeypatch: pytest.MonkeyPatch) -> None:
    queues = dict(azure.host_json()["extensions"]["queues"])
    assert queues["maxDequeueCount"] > MAX_DELIVERIES  # the function says why, the host does not
    assert FOR_EVER == -1  # letters are kept until they are taken
    assert azure.host_json()["extensions"]["http"]["routePrefix"] == ""
    (function,) = http_app("writer", Once(lambda: None)).get_functions()
    route = json.loads(function.get_function_json())["bindings"][0]
    assert (route["route"], route["methods"], route["authLevel"]) == ("writer", ["GET", "POST"], "ANONYMOUS")
    monkeypatch.setattr(azure, "host_json", lambda: {"extensions": {"queues": queues | {"batchSize": 7}}})
    found = functions(ALONE)
    assert "up to 23 messages" in found[Role.PERSISTER].triggers[0].text
    assert "up to 1 message" in found[Role.PROCESSOR].triggers[0].text  # by its own app settings
