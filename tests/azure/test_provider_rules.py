"""Values that hashicorp/azurerm 4.55 or the service behind it constrains. The bindings do not check them.

Each rule names where it stands: `docs/r/…` is the provider's documentation of a resource, other paths are in
its source under internal/services, and the rest is Microsoft's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from support.terraform_json import Resource, environment, resources

from .stacks import AZURE_LAYOUTS, azure_stack

pytestmark = pytest.mark.matrix
Check = Callable[[Any], bool]


class Rule(NamedTuple):
    kind: str
    path: str
    check: Check
    says: str


def one_of(*values: Any) -> Check:
    return lambda value: value in values


def matches(pattern: str) -> Check:
    return lambda value: re.fullmatch(pattern, str(value)) is not None


def between(low: int, high: int) -> Check:
    return lambda value: isinstance(value, int) and low <= value <= high


def reference(kind: str, attribute: str) -> Check:
    """The attribute of a resource of a kind, of one that is always there or of the one that may be."""
    return matches(rf"\$\{{(one\()?{kind}\.\w+(\[\*\])?\.{attribute}\)?\}}")


POLICY = "azurerm_storage_management_policy"
ACTIONS = {
    "delete_after_days_since_modification_greater_than",
    "tier_to_archive_after_days_since_last_tier_change_greater_than",
    "tier_to_archive_after_days_since_modification_greater_than",
}
APP = "azurerm_function_app_flex_consumption"
ACTION = "azapi_resource_action"
ACCOUNT = "azurerm_storage_account"
BLOB = "azurerm_storage_blob"
STORE = "azurerm_cosmosdb_account"
ROWS = "azurerm_cosmosdb_sql_container"
DATA_ROLE = "azurerm_cosmosdb_sql_role_assignment"
HUB = "azurerm_iothub"
TWINS_INSTANCE = "azurerm_digital_twins_instance"
TOPIC = "azurerm_eventgrid_system_topic"
DELIVERY = "azurerm_eventgrid_system_topic_event_subscription"
ALARM = "azurerm_monitor_scheduled_query_rules_alert_v2"
METRIC = "azurerm_monitor_metric_alert"
VAULT = "azurerm_key_vault"
RESOURCE = "azapi_resource"
FLOW = "azapi_resource.workflow"
TABLE = "azapi_resource.state"
GROUP_ID = r"\$\{azurerm_resource_group\.twin\.id\}"
BLOB_CONTAINER = r"\$\{azurerm_storage_account\.twin\.primary_blob_endpoint\}\$\{.+\}"
FUNCTION = rf"\$\{{{APP}\.dispatcher\.id\}}/functions/dispatcher"
OPERATORS = ("Equal", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual")
COUNTS = {"time_aggregation_method": "Count"}
METRICS = {
    ("Microsoft.EventGrid/systemTopics", "DeadLetteredCount"),
    ("Microsoft.Logic/workflows", "RunsFailed"),
}


def days_of(rule: Any) -> dict[str, int]:
    """The days of a lifecycle rule's actions."""
    return rule["actions"]["base_blob"]


def each(check: Check) -> Check:
    return lambda blocks: bool(blocks) and all(check(block) for block in blocks)


in_a_container = matches(r"\$\{azurerm_storage_container\.\w+\.name\}/(\w+/)?|factory-bodies-")

RULES = [
    Rule(APP, "runtime_name", one_of("python"), "docs/r/function_app_flex_consumption: runtime_name"),
    Rule(APP, "runtime_version", one_of("3.10", "3.11", "3.12", "3.13"),
         "Flex Consumption plan, supported language stack versions: Python 3.10 to 3.13"),
    Rule(APP, "instance_memory_in_mb", one_of(512, 2048, 4096), "Flex Consumption plan, instance sizes"),
    Rule(APP, "maximum_instance_count", between(40, 1000),
         "appservice/function_app_flex_consumption_resource.go: IntBetween(40, 1000)"),
    Rule(APP, "storage_container_type", one_of("blobContainer"),
         "docs/r/function_app_flex_consumption: the only type"),
    Rule(APP,
         "storage_container_endpoint", matches(BLOB_CONTAINER),
         "function_app_flex_consumption_resource.go: https://<account>.blob.…/<container>, or it fails"),
    Rule(APP, "storage_authentication_type", one_of("UserAssignedIdentity"),
         "docs/r/function_app_flex_consumption: one of three, of which this needs the next field"),
    Rule(APP, "storage_user_assigned_identity_id", reference("azurerm_user_assigned_identity", "id"),
         "docs/r/function_app_flex_consumption: must be given with UserAssignedIdentity"),
    Rule(APP, "identity.type", one_of("UserAssigned"), "docs/r/function_app_flex_consumption: identity.type"),
    Rule(APP, "identity.identity_ids", lambda ids: len(ids) == 1, "the same: required with UserAssigned"),
    Rule(APP, "site_config.minimum_tls_version", one_of("1.2", "1.3"), "the same: 1.0, 1.1, 1.2 or 1.3"),
    Rule(APP, "site_config.scm_minimum_tls_version", one_of("1.2", "1.3"), "the same: 1.0, 1.1, 1.2 or 1.3"),
    Rule(APP,
         "app_settings.AzureFunctionsWebHost__hostid", matches(r"(?!.*--)[a-z0-9][a-z0-9-]{0,30}[a-z0-9]"),
         "Azure/azure-functions-host wiki, Host IDs: 1 to 32 of a-z, 0-9 and single '-', not at an end"),
    Rule(APP, "app_settings.AzureFunctionsJobHost__functionTimeout", matches(r"00:[0-5][0-9]:[0-5][0-9]"),
         "host.json reference, functionTimeout: a timespan"),
    Rule(APP, "app_settings.QUEUES__queueServiceUri?", reference("azurerm_storage_account",
         "primary_queue_endpoint"),
         "functions-bindings-storage-queue-trigger, identity-based connections: queueServiceUri"),
    Rule(APP, "app_settings.QUEUES__credential?", one_of("managedidentity"),
         "functions-reference, identity-based connections: credential, needed with clientId"),
    Rule(APP, "app_settings.AzureWebJobsStorage__credential", one_of("managedidentity"), "the same"),
    Rule("azurerm_service_plan", "sku_name", one_of("FC1"),
         "docs/r/service_plan: the SKU of Flex Consumption"),
    Rule("azurerm_service_plan", "os_type", one_of("Linux"), "Flex Consumption runs on Linux alone"),
    Rule(ACCOUNT, "account_kind", one_of("StorageV2"),
         "docs/r/storage_account: queues need Storage or StorageV2"),
    Rule(ACCOUNT, "account_tier", one_of("Standard", "Premium"), "docs/r/storage_account: account_tier"),
    Rule(ACCOUNT, "account_replication_type", one_of("LRS", "GRS", "RAGRS", "ZRS", "GZRS", "RAGZRS"),
         "docs/r/storage_account: account_replication_type"),
    Rule(ACCOUNT, "min_tls_version", one_of("TLS1_2", "TLS1_3"), "docs/r/storage_account: min_tls_version"),
    Rule(ACCOUNT, "blob_properties.delete_retention_policy.days", between(1, 365),
         "docs/r/storage_account: days"),
    Rule(ACCOUNT, "blob_properties.container_delete_retention_policy.days", between(1, 365), "the same"),
    Rule(POLICY, "storage_account_id", reference(ACCOUNT, "id"),
         "docs/r/storage_management_policy: one policy for an account"),
    Rule(POLICY, "rule", each(lambda rule: days_of(rule).keys() <= ACTIONS),
         "storage/storage_management_policy_resource.go: of each action one count of days; that since the "
         "last change of tier goes with that since the modification (REST, DateAfterModification)"),
    Rule(POLICY, "rule", each(lambda rule: all(0 <= days <= 99_999 for days in days_of(rule).values())),
         "the same: IntBetween(0, 99999)"),
    Rule(POLICY, "rule", each(lambda rule: rule["filters"]["blob_types"] == ["blockBlob"]),
         "the same: blockBlob or appendBlob; Blob Storage, access tiers: of block blobs alone"),
    Rule(POLICY, "rule", each(lambda rule: all(map(in_a_container, rule["filters"]["prefix_match"]))),
         "Blob Storage, lifecycle policy structure, prefixMatch: it begins with a container's name"),
    Rule("azurerm_storage_container", "container_access_type", one_of("private"),
         "docs/r/storage_container: blob, container or private"),
    Rule("azurerm_storage_container", "storage_account_id", reference("azurerm_storage_account", "id"),
         "docs/r/storage_container: with the id, Resource Manager makes it, which needs no role on data"),
    Rule("azurerm_storage_queue", "storage_account_id", reference("azurerm_storage_account", "id"),
         "the same for queues"),
    Rule(BLOB, "type", one_of("Block"), "docs/r/storage_blob: Append, Block or Page"),
    Rule(BLOB, "name", matches(r"[0-9a-f]{16}/released-package\.zip"),
         "functions-infrastructure-as-code, deployment package: the file is named released-package.zip"),
    Rule(STORE, "offer_type", one_of("Standard"), "docs/r/cosmosdb_account: the only value"),
    Rule(STORE, "kind", one_of("GlobalDocumentDB"), "docs/r/cosmosdb_account: kind; the API for NoSQL"),
    Rule(STORE, "capabilities", lambda all: [c["name"] for c in all] == ["EnableServerless"],
         "docs/r/cosmosdb_account: capabilities.name"),
    Rule(STORE, "consistency_policy.consistency_level",
         one_of("BoundedStaleness", "Eventual", "Session", "Strong", "ConsistentPrefix"),
         "docs/r/cosmosdb_account: consistency_level"),
    Rule(STORE, "geo_location", lambda all: [place["failover_priority"] for place in all] == [0],
         "docs/r/cosmosdb_account: 0 is the write region; a serverless account has one region"),
    Rule(STORE, "backup", lambda backup: set(backup) == {"type", "tier"} and backup["type"] == "Continuous",
         "docs/r/cosmosdb_account: interval, retention and redundancy are for Periodic alone"),
    Rule(STORE, "backup.tier", one_of("Continuous7Days", "Continuous30Days"),
         "docs/r/cosmosdb_account: backup.tier"),
    Rule(STORE, "minimal_tls_version", one_of("Tls12"), "docs/r/cosmosdb_account: Tls, Tls11 or Tls12"),
    Rule(ROWS, "partition_key_paths", one_of(["/device"], ["/id"]),
         "docs/r/cosmosdb_sql_container: a list of paths; functions-bindings-cosmosdb-v2-trigger: /id"),
    Rule(ROWS, "partition_key_version", one_of(1, 2), "docs/r/cosmosdb_sql_container: 1 or 2"),
    Rule(ROWS, "default_ttl?", between(1, 2_147_483_647),
         "cosmos/cosmosdb_sql_container_resource.go: at least -1; Cosmos DB: 31 bits, and not 0"),
    Rule(ROWS, "indexing_policy.indexing_mode?", one_of("consistent", "none"),
         "docs/r/cosmosdb_sql_container: indexing_mode"),
    Rule(ROWS, "indexing_policy?", lambda policy: "/*" in [p["path"] for p in policy["excluded_path"]],
         "Cosmos DB indexing policies: the root path must be included or excluded"),
    Rule(DATA_ROLE, "role_definition_id",
         matches(rf"\$\{{{STORE}\.store\.id\}}/sqlRoleDefinitions/0{{8}}(-0000){{3}}-0{{11}}[12]"),
         "Cosmos DB for NoSQL, data plane roles: …1 is the built-in reader, …2 the contributor"),
    Rule(DATA_ROLE,
         "scope", matches(r"\$\{azurerm_cosmosdb_account\.store\.id\}/dbs/\$\{.+\}/colls/\$\{.+\}"),
         "docs/r/cosmosdb_sql_role_assignment: a data plane path, <account>/dbs/<db>/colls/<container>"),
    Rule(TWINS_INSTANCE, "name", matches(r"[A-Za-z0-9][A-Za-z0-9-]{1,61}[A-Za-z0-9]"),
         "digitaltwins/validate/digital_twins_instance_name.go: 3 to 63 letters, digits and inner hyphens"),
    Rule(APP, "app_settings.CHANGES__accountEndpoint?", reference("azurerm_cosmosdb_account", "endpoint"),
         "functions-bindings-cosmosdb-v2, identity-based connections: accountEndpoint"),
    Rule(APP, "app_settings.CHANGES__credential?", one_of("managedidentity"),
         "functions-reference, identity-based connections: credential, needed with clientId"),
    Rule(HUB, "sku.name", one_of("B1", "B2", "B3", "F1", "S1", "S2", "S3"), "docs/r/iothub: sku.name"),
    Rule(HUB, "sku.name", one_of("S1", "S2", "S3"),
         "IoT Hub tiers: direct methods are in the standard tiers and the free one alone"),
    Rule(HUB, "min_tls_version", one_of("1.2"), "docs/r/iothub: the only valid value"),
    Rule(TOPIC, "topic_type", one_of("Microsoft.Devices.IoTHubs"),
         "docs/r/eventgrid_system_topic: topic_type"),
    Rule(TOPIC, "identity.type", one_of("SystemAssigned", "UserAssigned"),
         "docs/r/eventgrid_system_topic: identity"),
    Rule(DELIVERY, "event_delivery_schema", one_of("EventGridSchema", "CloudEventSchemaV1_0",
         "CustomInputSchema"),
         "docs/r/eventgrid_system_topic_event_subscription: event_delivery_schema"),
    Rule(DELIVERY, "included_event_types", one_of(["Microsoft.Devices.DeviceTelemetry"]),
         "Event Grid, Azure IoT Hub as a source: event types"),
    Rule(DELIVERY,
         "azure_function_endpoint.function_id", matches(FUNCTION),
         "docs/r/eventgrid_system_topic_event_subscription: {function_app.id}/functions/{name}"),
    Rule(DELIVERY, "azure_function_endpoint.max_events_per_batch", between(1, 5000),
         "eventgrid/event_subscription_schema.go and Event Grid, output batching: 1 to 5,000"),
    Rule(DELIVERY, "azure_function_endpoint.preferred_batch_size_in_kilobytes", between(1, 1024),
         "the same: 1 to 1,024"),
    Rule(DELIVERY, "retry_policy.max_delivery_attempts", between(1, 30),
         "eventgrid/event_subscription_schema.go: IntBetween(1, 30)"),
    Rule(DELIVERY, "retry_policy.event_time_to_live", between(1, 1440),
         "the same: IntBetween(1, 1440) minutes"),
    Rule(DELIVERY, "dead_letter_identity.type", one_of("SystemAssigned", "UserAssigned"),
         "docs/r/eventgrid_system_topic_event_subscription; needs storage_blob_dead_letter_destination"),
    Rule(DELIVERY, "storage_blob_dead_letter_destination", lambda place: len(place) == 2, "the same"),
    Rule(ALARM, "evaluation_frequency", one_of("PT1M", "PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H"),
         "docs/r/monitor_scheduled_query_rules_alert_v2: evaluation_frequency"),
    Rule(ALARM, "window_duration", one_of("PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H", "PT2H",
         "PT3H", "PT4H", "PT5H", "PT6H", "P1D", "P2D"),
         "the same: window_duration"),
    Rule(ALARM, "severity", between(0, 4), "the same: 0, the severest, to 4"),
    Rule(ALARM, "scopes", lambda scopes: len(scopes) == 1, "the same: exactly one resource"),
    Rule(ALARM,
         "criteria", lambda all: COUNTS.items() <= all[0].items() and "metric_measure_column" not in all[0],
         "the same: metric_measure_column cannot be given with Count"),
    Rule(ALARM, "criteria", lambda all: all[0]["operator"] in OPERATORS,
         "the same: criteria.operator"),
    Rule(METRIC, "frequency", one_of("PT1M", "PT5M", "PT15M", "PT30M", "PT1H"),
         "docs/r/monitor_metric_alert: frequency"),
    Rule(METRIC, "window_size", one_of("PT5M", "PT15M", "PT30M", "PT1H", "PT6H", "PT12H", "P1D"),
         "docs/r/monitor_metric_alert: window_size; as long as the frequency in the provider's own test"),
    Rule(METRIC, "severity", between(0, 4), "docs/r/monitor_metric_alert: severity"),
    Rule(METRIC, "criteria", lambda all: all[0]["aggregation"] in ("Average", "Count", "Minimum", "Maximum",
         "Total"),
         "docs/r/monitor_metric_alert: criteria.aggregation"),
    Rule(METRIC, "criteria", lambda all: (all[0]["metric_namespace"], all[0]["metric_name"]) in
         METRICS,
         "Azure Monitor, supported metrics of both types"),
    Rule(VAULT, "sku_name", one_of("standard", "premium"), "docs/r/key_vault: sku_name"),
    Rule(VAULT, "soft_delete_retention_days", between(7, 90), "docs/r/key_vault: 7 to 90"),
    Rule("azurerm_log_analytics_workspace", "sku", one_of("PerGB2018"),
         "docs/r/log_analytics_workspace: sku"),
    Rule("azurerm_log_analytics_workspace", "retention_in_days", between(30, 730),
         "loganalytics/log_analytics_workspace_resource.go: IntBetween(30, 730)"),
    Rule("azurerm_application_insights",
         "retention_in_days", one_of(30, 60, 90, 120, 180, 270, 365, 550, 730),
         "docs/r/application_insights: retention_in_days"),
    Rule("azurerm_application_insights", "application_type", one_of("web", "other"),
         "the same: application_type"),
    Rule("azurerm_role_assignment", "principal_type?", one_of("User", "Group", "ServicePrincipal"),
         "docs/r/role_assignment: principal_type"),
    Rule(RESOURCE, "type",
         one_of("Microsoft.Dashboard/grafana@2024-10-01", "Microsoft.Logic/workflows@2019-05-01",
                "Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01"),
         "azapi docs/resources/resource: <resource type>@<version of its API>"),
    Rule(TABLE, "name", matches(r"(?!tables?$)[A-Za-z][A-Za-z0-9]{2,62}"),
         "storage/validate/storage_table.go; azapi, storage 2023-05-01, tables: name"),
    Rule(TABLE, "parent_id", matches(r"\$\{azurerm_storage_account\.twin\.id\}/tableServices/default"),
         "azapi docs/resources/resource: parent_id is of the type's parent, storageAccounts/tableServices"),
    Rule(TABLE, "location?", lambda _: False, "azapi, storage 2023-05-01: a table has no location"),
    Rule(TABLE, "tags?", lambda _: False, "the same: and no tags"),
    Rule(FLOW, "body.properties.state", one_of("Enabled"), "azapi, logic 2019-05-01, WorkflowState"),
    Rule(FLOW, "body.properties.definition.$schema",
         matches(r"https://.+/2016-06-01/workflowdefinition\.json#"),
         "Logic Apps, workflow definition language: the only version"),
    Rule(FLOW, "body.properties.accessControl.triggers",
         lambda triggers: triggers.keys() == {"openAuthenticationPolicies"},
         "Logic Apps, secure access and data: with an empty list of addresses, other logic apps alone"),
    Rule(FLOW, "body.properties.accessControl.triggers.openAuthenticationPolicies.policies.event-checker",
         lambda policy: policy["type"] == "AAD"
         and {claim["name"] for claim in policy["claims"]} == {"iss", "aud", "oid"},
         "Logic Apps, authorization policies: an issuer is required, of https://sts.windows.net/"),
    Rule(FLOW, "response_export_values", one_of(["properties.accessEndpoint"]),
         "azapi docs/resources/resource: what is not exported is not in `output`"),
    Rule(ACTION, "type",
         one_of("Microsoft.Resources/deployments@2022-09-01", "Microsoft.Authorization/locks@2020-05-01"),
         "azapi docs/resources/resource_action; it must be the type that resource_id ends in"),
    Rule(ACTION, "resource_id",
         matches(rf"{GROUP_ID}/providers/Microsoft\.Resources/deployments/[A-Za-z0-9._()-]{{1,64}}"
                 r"|\$\{azurerm_\w+\.\w+\.id\}/providers/Microsoft\.Authorization/locks/[A-Za-z0-9-]{1,64}"),
         "azapi parse/resource.go: an id of the type; resource name rules: 1 to 64 characters"),
    Rule(ACTION, "method", one_of("PUT"), "the same: POST, PATCH, PUT, DELETE, GET or HEAD, in capitals"),
    Rule(ACTION, "body", lambda body: isinstance(body, dict), "the same: an object, and no string"),
    Rule(ACTION, "body.properties.mode?", one_of("Incremental"),
         "Microsoft.Resources, deployment modes: Complete deletes what the template does not have"),
    Rule(ACTION, "body.properties.level?", one_of("CanNotDelete"),
         "Microsoft.Authorization, locks: CanNotDelete or ReadOnly, which refuses changes as well"),
    Rule(ACTION, "body.properties.notes?", lambda notes: len(notes) <= 512, "the same: 512 characters"),
]  # fmt: skip


def values(block: Any, path: str) -> Iterator[Any]:
    """What stands at a dotted path; nothing where it is missing."""
    head, _, rest = path.partition(".")
    if head == "app_settings":
        block = {head: environment(block[head])}
    if isinstance(block, dict) and head in block:
        if rest:
            yield from values(block[head], rest)
        else:
            yield block[head]


def _of(kind: str) -> list[tuple[str, Resource]]:
    """The resources of a type, or of an address, of all layouts."""
    return [
        (str(layout), block)
        for layout in AZURE_LAYOUTS
        for block in resources(azure_stack(layout))
        if kind in (block.kind, block.address)
    ]


@pytest.mark.parametrize("rule", RULES, ids=[f"{rule.kind}.{rule.path.rstrip('?')}" for rule in RULES])
def test_every_value_is_one_that_is_taken(rule: Rule) -> None:
    """A path that ends in '?' may be missing."""
    blocks = _of(rule.kind)
    assert blocks, rule.kind
    for layout, block in blocks:
        found = list(values(block.body, rule.path.rstrip("?")))
        assert found or rule.path.endswith("?"), f"{layout}: {block.address} has no {rule.path}"
        for value in found:
            assert rule.check(value), f"{layout}: {block.address}.{rule.path} is {value!r}; {rule.says}"


NO_TAGS = {
    "azapi_resource.state",
    "azapi_resource_action",
    "time_sleep",
    "azurerm_cosmosdb_sql_container",
    "azurerm_cosmosdb_sql_database",
    "azurerm_cosmosdb_sql_role_assignment",
    "azurerm_eventgrid_system_topic_event_subscription",  # `labels`, a list for searching, not key and value
    "azurerm_role_assignment",
    "azurerm_storage_blob",
    "azurerm_storage_container",
    "azurerm_storage_management_policy",
    "azurerm_storage_queue",
    "random_password",
}
"""The types whose documentation has no `tags`, and the resource of Azure's own API that takes none."""


def test_every_resource_is_tagged_where_its_type_takes_tags() -> None:
    for layout in AZURE_LAYOUTS:
        for block in resources(azure_stack(layout)):
            if {block.kind, block.address} & NO_TAGS:
                assert block.labels is None
            else:
                assert (block.labels or {}).keys() == {"twin", "layer", "role"}, f"{layout}: {block.address}"


def test_the_provider_block_s_values() -> None:
    # docs/index: registrations core, extended, all or none, and named ones; docs/guides/features-block.
    (block,) = azure_stack(AZURE_LAYOUTS[0])["provider"]["azurerm"]
    assert block["resource_provider_registrations"] in ("core", "extended", "all", "none")
    assert all(
        re.fullmatch(r"Microsoft\.[A-Za-z]+", name) for name in block["resource_providers_to_register"]
    )
    (features,) = block["features"]
    # With purge protection a vault or secret cannot be purged before its time, and the destroy would fail.
    assert features["key_vault"] == [
        {"purge_soft_delete_on_destroy": False, "purge_soft_deleted_secrets_on_destroy": False}
    ]
    # Only for accounts without queue_properties and static_website.
    assert features["storage"] == [{"data_plane_available": False}]
    for _, account in _of(ACCOUNT):
        assert not {"queue_properties", "static_website"} & account.body.keys()
