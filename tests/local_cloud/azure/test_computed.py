"""The attributes that stand for what Azure computes, and what is read from an evaluated stack."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.azure import evaluation
from local_cloud.azure.addresses import Addresses, Place
from local_cloud.azure.computed import Computed
from local_cloud.errors import LocalCloudError
from local_cloud.standins import Evaluated

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
AT = Addresses(
    queues=Place(1, 101),
    blobs=Place(2, 102),
    tables=Place(13, 113),
    cosmos=Place(3, 103),
    vault=Place(4, 104),
    hub=Place(5, 105),
    logic_apps=Place(6, 106),
    identity=Place(7, 7),
    mqtt=Place(8, 8),
    twins=Place(11, 111),
    grafana=Place(12, 112),
    apps={"ingestion": Place(9, 109), "dispatcher": Place(10, 110)},
)
COMPUTED = Computed(AT, SUBSCRIPTION)
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/factory"


def computed(kind: str, name: str = "it", **body: Any) -> Any:
    return COMPUTED(f"azurerm_{kind}", name, {"name": "its-name", "resource_group_name": "factory", **body})


@pytest.mark.parametrize(
    ("kind", "attribute", "value"),
    [
        ("cosmosdb_account", "endpoint", "https://127.0.0.1:103/"),
        ("key_vault", "vault_uri", "https://127.0.0.1:104/"),
        ("iothub", "hostname", "127.0.0.1:105"),
        ("storage_account", "primary_queue_endpoint", "https://127.0.0.1:101/its-name/"),
        ("storage_account", "primary_blob_endpoint", "https://127.0.0.1:102/its-name/"),
        ("storage_account", "primary_table_endpoint", "https://127.0.0.1:113/its-name/"),
    ],
)
def test_clients_are_told_the_port_that_a_proxy_may_have(kind: str, attribute: str, value: str) -> None:
    assert computed(kind)[attribute] == value


def test_resources_of_the_api_s_own_types() -> None:
    def made(kind: str) -> Any:
        return COMPUTED("azapi_resource", "it", {"type": kind, "name": "its-name", "parent_id": GROUP})

    flow = made("Microsoft.Logic/workflows@2019-05-01")
    assert flow["id"] == f"{GROUP}/providers/Microsoft.Logic/workflows/its-name"
    endpoint = "https://127.0.0.1:106/workflows/its-name"
    assert flow["output"] == {"properties": {"accessEndpoint": endpoint}}
    assert made("Microsoft.Dashboard/grafana@2024-10-01")["output"]["properties"]["endpoint"]
    with pytest.raises(LocalCloudError, match=r"has no Microsoft\.Other/kind"):
        made("Microsoft.Other/kind@2024-10-01")


def test_a_function_app_has_the_port_of_its_resource() -> None:
    assert computed("function_app_flex_consumption", "ingestion")["default_hostname"] == "127.0.0.1:109"


def test_ids_have_azures_shape() -> None:
    twins = computed("digital_twins_instance")
    assert twins["id"] == f"{GROUP}/providers/Microsoft.DigitalTwins/digitalTwinsInstances/its-name"
    assert twins["host_name"] == "127.0.0.1:111"
    assert computed("iothub")["id"] == f"{GROUP}/providers/Microsoft.Devices/IotHubs/its-name"
    assert COMPUTED("azurerm_resource_group", "twin", {"name": "factory"})["id"] == GROUP
    queue = computed("storage_queue", storage_account_id="${azurerm_storage_account.twin.id}")
    assert queue["id"] == "${azurerm_storage_account.twin.id}/queueServices/default/queues/its-name"


def test_an_address_beneath_another_resource_is_left_to_terraform() -> None:
    queue = computed("storage_queue", storage_account_id="${azurerm_storage_account.twin.id}")
    account = '${basename("${azurerm_storage_account.twin.id}")}'
    assert queue["url"] == f"https://127.0.0.1:101/{account}/its-name"


def test_identities_differ_and_are_kept() -> None:
    first, second = computed("user_assigned_identity", "one"), computed("user_assigned_identity", "two")
    assert len({first["client_id"], first["principal_id"], second["client_id"], second["principal_id"]}) == 4
    assert computed("user_assigned_identity", "one") == first


def test_the_topics_identity_is_a_list_as_expressions_read_it() -> None:
    (identity,) = computed("eventgrid_system_topic", identity={"type": "SystemAssigned"})["identity"]
    assert identity["type"] == "SystemAssigned"
    assert identity["principal_id"]


APP = f"{GROUP}/providers/Microsoft.Web/sites/factory-dispatcher"
RESOURCES: dict[str, dict[str, Any]] = {
    "azurerm_user_assigned_identity.dispatcher": {"id": "/one", "client_id": "c", "principal_id": "p"},
    "azurerm_function_app_flex_consumption.dispatcher": {
        "id": APP,
        "name": "factory-dispatcher",
        "identity": {"identity_ids": ["/one"]},
        "public_network_access_enabled": True,
    },
    "azapi_resource_action.dispatcher": {
        "body": {
            "properties": {
                "parameters": {
                    "site": {"value": "factory-dispatcher"},
                    "settings": {"value": {"TWIN_ROLE": "dispatcher"}},
                    "packageBlob": {"value": "code-1.zip"},
                }
            }
        }
    },
    "azurerm_storage_blob.code": {"name": "code-1.zip", "source": "assets/code-1.zip"},
    "azurerm_iothub.broker": {"id": "/hub"},
    "azurerm_eventgrid_system_topic.telemetry": {
        "name": "factory-telemetry",
        "source_resource_id": "/hub",
        "identity": [{"principal_id": "topic"}],
    },
    "azurerm_eventgrid_system_topic_event_subscription.dispatcher": {
        "name": "dispatcher",
        "system_topic": "factory-telemetry",
        "included_event_types": ["Microsoft.Devices.DeviceTelemetry"],
        "azure_function_endpoint": {
            "function_id": f"{APP}/functions/dispatcher",
            "max_events_per_batch": 50,
            "preferred_batch_size_in_kilobytes": 64,
        },
        "retry_policy": {"event_time_to_live": 1440, "max_delivery_attempts": 30},
        "storage_blob_dead_letter_destination": {
            "storage_account_id": "/accounts/factory1",
            "storage_blob_container_name": "dead",
        },
    },
}
SUBSCRIBED = "azurerm_eventgrid_system_topic_event_subscription.dispatcher"


def evaluated(**changes: dict[str, Any] | None) -> Evaluated:
    """`RESOURCES` with some laid over, by name; None takes one away."""
    resources = {**RESOURCES}
    for name, change in changes.items():
        address = next(address for address in resources if address.partition(".")[0].endswith(name))
        if change is None:
            del resources[address]
        else:
            resources[address] = {**resources[address], **change}
    return Evaluated(resources, {})


def test_an_app_has_the_settings_that_its_deployment_writes() -> None:
    (app,) = evaluation.apps(evaluated()).values()
    assert app == evaluation.App(
        APP, {"TWIN_ROLE": "dispatcher"}, {"c": "p"}, public=True, package="assets/code-1.zip"
    )


def test_an_app_without_a_deployment_has_no_code() -> None:
    with pytest.raises(LocalCloudError, match="has no deployment of code"):
        evaluation.apps(evaluated(resource_action=None))


def test_event_grid_delivers_as_the_subscription_says() -> None:
    (found,) = evaluation.subscriptions(evaluated(), AT)
    assert found == {
        "name": "dispatcher",
        "url": "https://127.0.0.1:110/runtime/webhooks/EventGrid?functionName=dispatcher",
        "policy": {"max_events": 50, "max_bytes": 65_536, "attempts": 30, "ttl_s": 86_400},
        "container": "https://127.0.0.1:102/factory1/dead",
        "principal": "topic",
    }


def test_event_grid_hands_on_what_it_is_subscribed_to_alone() -> None:
    other = {"included_event_types": ["Microsoft.Devices.DeviceCreated"]}
    assert not evaluation.subscriptions(evaluated(event_subscription=other), AT)
    elsewhere = {"source_resource_id": "/another"}
    assert not evaluation.subscriptions(evaluated(system_topic=elsewhere), AT)


def test_a_subscription_to_no_app_is_a_mistake() -> None:
    endpoint = {"azure_function_endpoint": {"function_id": "/nowhere/functions/dispatcher"}}
    with pytest.raises(LocalCloudError, match="which is no function app"):
        evaluation.subscriptions(evaluated(event_subscription=endpoint), AT)


def test_who_may_start_a_run_is_read_from_the_policies() -> None:
    claims = [{"name": "oid", "value": "p"}, {"name": "aud", "value": "a"}]
    policies = {"policies": {"event-checker": {"type": "AAD", "claims": claims}}}
    properties = {
        "accessControl": {"triggers": {"openAuthenticationPolicies": policies}},
        "definition": {"triggers": {"fired": {"type": "Request"}}},
    }
    workflow = {"type": "Microsoft.Logic/workflows@2019-05-01", "name": "flow"}
    resources = {"azapi_resource.workflow[0]": {**workflow, "body": {"properties": properties}}}
    expected = {"/workflows/flow/triggers/fired/paths/invoke": [{"oid": "p", "aud": "a"}]}
    assert evaluation.policies(Evaluated(resources, {})) == expected


def test_a_role_on_the_group_is_one_on_the_instance_in_it() -> None:
    def role(name: str, scope: str, to: str) -> dict[str, str]:
        return {"role_definition_name": name, "scope": scope, "principal_id": to}

    reader, owner = "Azure Digital Twins Data Reader", "Azure Digital Twins Data Owner"
    instance = f"{GROUP}/providers/Microsoft.DigitalTwins/digitalTwinsInstances/graph"
    roles = {
        "a": role(reader, GROUP, "a"),
        "b": role(owner, instance, "b"),
        "c": role(reader, f"{GROUP}2", "c"),
        "d": role("IoT Hub Data Contributor", GROUP, "d"),
    }
    resources = {
        "azurerm_digital_twins_instance.graph": {"id": instance},
        **{f"azurerm_role_assignment.{name}": body for name, body in roles.items()},
    }
    assert evaluation.twin_roles(Evaluated(resources, {})) == {"a": reader, "b": owner}


def test_a_table_has_the_id_that_a_role_is_given_at() -> None:
    body = {
        "type": "Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01",
        "name": "state",
        "parent_id": "/account/tableServices/default",
    }
    assert COMPUTED("azapi_resource", "state", body)["id"] == "/account/tableServices/default/tables/state"
