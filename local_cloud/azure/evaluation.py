"""What the stand-ins take from an evaluated stack: apps, Event Grid's targets, who may start a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from local_cloud.azure.addresses import Addresses
from local_cloud.azure.iot_hub.telemetry_event import TYPE
from local_cloud.errors import LocalCloudError
from local_cloud.standins import Evaluated

APP = "azurerm_function_app_flex_consumption"
GRAFANA = "Microsoft.Dashboard/grafana"
TABLE = "Microsoft.Storage/storageAccounts/tableServices/tables"
WORKFLOW = "Microsoft.Logic/workflows"
"""Types of Azure's own API, by which azapi makes resources."""


@dataclass(frozen=True)
class App:
    """A function app as it is deployed. `identities` are principals by client id, `package` is the file of
    its zip in the stack's folder.
    """

    id: str
    settings: Mapping[str, str]
    identities: Mapping[str, str]
    public: bool
    package: str


def apps(evaluated: Evaluated) -> dict[str, App]:
    """By the name of the resource. Settings are those that the app's deployment writes, beside its code."""
    sent = [
        action.get("body", {}).get("properties", {})
        for action in evaluated.of("azapi_resource_action").values()
    ]
    deployed = [properties["parameters"] for properties in sent if "parameters" in properties]
    sites = {parameters["site"]["value"]: parameters for parameters in deployed}
    sources = {blob["name"]: blob["source"] for blob in evaluated.of("azurerm_storage_blob").values()}
    known = {each["id"]: each for each in evaluated.of("azurerm_user_assigned_identity").values()}
    found = {}
    for name, app in evaluated.of(APP).items():
        if app["name"] not in sites:
            raise LocalCloudError(f"The function app {name} has no deployment of code in the stack: add one.")
        assigned = [known[each] for each in _block(app.get("identity")).get("identity_ids", ())]
        identities = {each["client_id"]: each["principal_id"] for each in assigned}
        public = app.get("public_network_access_enabled") is not False
        site = sites[app["name"]]
        package = sources[site["packageBlob"]["value"]]
        found[name] = App(app["id"], site["settings"]["value"], identities, public, package)
    return found


def subscriptions(evaluated: Evaluated, addresses: Addresses) -> list[dict[str, Any]]:
    """Event Grid's subscriptions to the hub's telemetry, in the form of `iot_hub.configuration`."""
    hubs = {hub["id"] for hub in evaluated.of("azurerm_iothub").values()}
    topics = {
        topic["name"]: topic
        for topic in evaluated.of("azurerm_eventgrid_system_topic").values()
        if topic["source_resource_id"] in hubs
    }
    return [
        _subscription(each, topics[each["system_topic"]], apps(evaluated), addresses)
        for each in evaluated.of("azurerm_eventgrid_system_topic_event_subscription").values()
        if each["system_topic"] in topics and TYPE in each["included_event_types"]
    ]


def policies(evaluated: Evaluated) -> dict[str, list[dict[str, str]]]:
    """By the path of each logic app's trigger: the claims by name that each policy on it asks for."""
    found = {}
    for workflow in _of_type(evaluated, WORKFLOW):
        properties = workflow["body"]["properties"]
        policies = properties["accessControl"]["triggers"]["openAuthenticationPolicies"]["policies"]
        for trigger in properties["definition"]["triggers"]:
            path = f"/workflows/{workflow['name']}/triggers/{quote(trigger, safe='')}/paths/invoke"
            found[path] = [
                {claim["name"]: claim["value"] for claim in policy["claims"]} for policy in policies.values()
            ]
    return found


def twin_roles(evaluated: Evaluated) -> dict[str, str]:
    """Roles on the Digital Twins instance, or on the group that it is in, by principal."""
    instances = [each["id"] for each in evaluated.of("azurerm_digital_twins_instance").values()]
    return {
        each["principal_id"]: each["role_definition_name"]
        for each in evaluated.of("azurerm_role_assignment").values()
        if each["role_definition_name"].startswith("Azure Digital Twins ")
        and any(f"{instance}/".startswith(f"{each['scope']}/") for instance in instances)
    }


def grafana(evaluated: Evaluated) -> dict[str, list[str]]:
    """Who administers Azure Managed Grafana, and the plugins that it is made with."""
    workspaces = _of_type(evaluated, GRAFANA)
    ids = {each["id"] for each in workspaces}
    administrators = [
        each["principal_id"]
        for each in evaluated.of("azurerm_role_assignment").values()
        if each["scope"] in ids and each["role_definition_name"] == "Grafana Admin"
    ]
    plugins = [plugin for each in workspaces for plugin in each["body"]["properties"]["grafanaPlugins"]]
    return {"administrators": administrators, "plugins": plugins}


def _of_type(evaluated: Evaluated, kind: str) -> list[Mapping[str, Any]]:
    """The resources of one of Azure's own types."""
    return [
        each for each in evaluated.of("azapi_resource").values() if each["type"].partition("@")[0] == kind
    ]


def _subscription(
    values: Mapping[str, Any], topic: Mapping[str, Any], known: Mapping[str, App], addresses: Addresses
) -> dict[str, Any]:
    endpoint = _block(values["azure_function_endpoint"])
    app_id, _, function = endpoint["function_id"].partition("/functions/")
    name = next((name for name, app in known.items() if app.id == app_id), None)
    if name is None:
        raise LocalCloudError(f"Event Grid delivers to {app_id}, which is no function app of the stack.")
    retry = _block(values["retry_policy"])
    letters = _block(values["storage_blob_dead_letter_destination"])
    account = letters["storage_account_id"].rpartition("/")[2]
    return {
        "name": values["name"],
        "url": f"https://{addresses.apps[name].host}/runtime/webhooks/EventGrid?functionName={function}",
        "policy": {
            "max_events": endpoint["max_events_per_batch"],
            "max_bytes": endpoint["preferred_batch_size_in_kilobytes"] * 1024,
            "attempts": retry["max_delivery_attempts"],
            "ttl_s": retry["event_time_to_live"] * 60,
        },
        "container": f"https://{addresses.blobs.host}/{account}/{letters['storage_blob_container_name']}",
        "principal": topic["identity"][0]["principal_id"],
    }


def _block(value: Any) -> Mapping[str, Any]:
    """A block, which Terraform's JSON may hold in a list."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value or {}
