"""The attributes that Azure would compute for a stack: ids of its shape, addresses on loopback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_cloud.azure.addresses import Addresses
from local_cloud.azure.evaluation import GRAFANA, TABLE, WORKFLOW
from local_cloud.azure.tokens import TENANT, known_id
from local_cloud.errors import LocalCloudError
from local_cloud.standins import Body

Attributes = Mapping[str, Any]
DEPLOYER = known_id("principal", "deployer")
"""Who runs Terraform."""
DEPLOYER_CLIENT = known_id("client", "deployer")

_IN_GROUP = {
    "azurerm_application_insights": "Microsoft.Insights/components",
    "azurerm_cosmosdb_account": "Microsoft.DocumentDB/databaseAccounts",
    "azurerm_digital_twins_instance": "Microsoft.DigitalTwins/digitalTwinsInstances",
    "azurerm_eventgrid_system_topic": "Microsoft.EventGrid/systemTopics",
    "azurerm_function_app_flex_consumption": "Microsoft.Web/sites",
    "azurerm_iothub": "Microsoft.Devices/IotHubs",
    "azurerm_key_vault": "Microsoft.KeyVault/vaults",
    "azurerm_log_analytics_workspace": "Microsoft.OperationalInsights/workspaces",
    "azurerm_monitor_action_group": "Microsoft.Insights/actionGroups",
    "azurerm_monitor_metric_alert": "Microsoft.Insights/metricAlerts",
    "azurerm_monitor_scheduled_query_rules_alert_v2": "Microsoft.Insights/scheduledQueryRules",
    "azurerm_service_plan": "Microsoft.Web/serverFarms",
    "azurerm_storage_account": "Microsoft.Storage/storageAccounts",
    "azurerm_user_assigned_identity": "Microsoft.ManagedIdentity/userAssignedIdentities",
}


class Computed:
    """`standins.Computed` for azurerm's types. `subscription` is the subscription's id.

    Of a type that is not named here, only an id is known. Values may hold Terraform's expressions, since
    arguments do.
    """

    def __init__(self, addresses: Addresses, subscription: str) -> None:
        self._at = addresses
        self._subscription = subscription
        self._makers: Mapping[str, Callable[[str, Body], Attributes]] = {
            "azapi_resource": self._resource,
            "azurerm_application_insights": self._insights,
            "azurerm_cosmosdb_account": self._cosmos,
            "azurerm_digital_twins_instance": self._twins,
            "azurerm_eventgrid_system_topic": self._topic,
            "azurerm_function_app_flex_consumption": self._app,
            "azurerm_iothub": self._hub,
            "azurerm_key_vault": self._vault,
            "azurerm_key_vault_secret": self._secret,
            "azurerm_resource_group": self._group,
            "azurerm_storage_account": self._account,
            "azurerm_storage_blob": self._blob,
            "azurerm_storage_container": self._container,
            "azurerm_storage_queue": self._queue,
            "azurerm_user_assigned_identity": self._identity,
            "data.azurerm_client_config": self._client,
        }

    def __call__(self, kind: str, name: str, body: Body) -> Attributes:
        made = {"id": self._id(kind, name, body)}
        maker = self._makers.get(kind)
        return {**made, **(maker(name, body) if maker else {})}

    def _id(self, kind: str, name: str, body: Body) -> str:
        if kind in _IN_GROUP:
            group = f"/subscriptions/{self._subscription}/resourceGroups/{body['resource_group_name']}"
            return f"{group}/providers/{_IN_GROUP[kind]}/{body['name']}"
        return f"/subscriptions/{self._subscription}/local/{kind}/{body.get('name', name)}"

    def _group(self, _name: str, body: Body) -> Attributes:
        return {"id": f"/subscriptions/{self._subscription}/resourceGroups/{body['name']}"}

    def _client(self, _name: str, _body: Body) -> Attributes:
        return {
            "client_id": DEPLOYER_CLIENT,
            "object_id": DEPLOYER,
            "subscription_id": self._subscription,
            "tenant_id": TENANT,
        }

    def _identity(self, name: str, _body: Body) -> Attributes:
        client, principal = known_id("client", name), known_id("principal", name)
        return {"client_id": client, "principal_id": principal, "tenant_id": TENANT}

    def _insights(self, name: str, _body: Body) -> Attributes:
        key = known_id("instrumentation", name)
        return {"instrumentation_key": key, "connection_string": f"InstrumentationKey={key}"}

    def _account(self, _name: str, body: Body) -> Attributes:
        return {
            "primary_blob_endpoint": f"https://{self._at.blobs.host}/{body['name']}/",
            "primary_queue_endpoint": f"https://{self._at.queues.host}/{body['name']}/",
            "primary_table_endpoint": f"https://{self._at.tables.host}/{body['name']}/",
        }

    def _queue(self, _name: str, body: Body) -> Attributes:
        account = body["storage_account_id"]
        resource = f"{account}/queueServices/default/queues/{body['name']}"
        url = f"https://{self._at.queues.host}/{_last(account)}/{body['name']}"
        return {"id": resource, "url": url}

    def _container(self, _name: str, body: Body) -> Attributes:
        resource = f"{body['storage_account_id']}/blobServices/default/containers/{body['name']}"
        return {"id": resource}

    def _blob(self, _name: str, body: Body) -> Attributes:
        path = f"{body['storage_account_name']}/{body['storage_container_name']}/{body['name']}"
        url = f"https://{self._at.blobs.host}/{path}"
        return {"id": url, "url": url}

    def _app(self, name: str, _body: Body) -> Attributes:
        return {"default_hostname": self._at.apps[name].host}

    def _hub(self, _name: str, _body: Body) -> Attributes:
        return {"hostname": self._at.hub.host}

    def _topic(self, name: str, body: Body) -> Attributes:
        """Its own identity is made with it."""
        principal = known_id("principal", f"topic/{name}")
        identity = {**body.get("identity", {}), "principal_id": principal, "tenant_id": TENANT}
        return {"identity": [identity]}

    def _cosmos(self, _name: str, _body: Body) -> Attributes:
        return {"endpoint": f"https://{self._at.cosmos.host}/"}

    def _resource(self, name: str, body: Body) -> Attributes:
        """A resource of the API's own types: Azure Managed Grafana, the logic app, a table."""
        kind = body["type"].partition("@")[0]
        if kind == TABLE:
            return {"id": f"{body['parent_id']}/tables/{body['name']}"}
        found = {"id": f"{body['parent_id']}/providers/{kind}/{body['name']}"}
        if kind == WORKFLOW:
            endpoint = f"https://{self._at.logic_apps.host}/workflows/{body['name']}"
            return {**found, "output": {"properties": {"accessEndpoint": endpoint}}}
        if kind != GRAFANA:
            raise LocalCloudError(f"The local cloud has no {kind}.")
        principal = known_id("principal", name)
        return {
            **found,
            "identity": [{"principal_id": principal, "tenant_id": TENANT, "type": "SystemAssigned"}],
            "output": {"properties": {"endpoint": f"https://{self._at.grafana.host}"}},
        }

    def _twins(self, _name: str, _body: Body) -> Attributes:
        return {"host_name": self._at.twins.host}

    def _vault(self, _name: str, _body: Body) -> Attributes:
        return {"vault_uri": f"https://{self._at.vault.host}/"}

    def _secret(self, _name: str, body: Body) -> Attributes:
        url = f"https://{self._at.vault.host}/secrets/{body['name']}"
        resource = f"{body['key_vault_id']}/secrets/{body['name']}"
        return {"id": url, "versionless_id": url, "resource_versionless_id": resource}


def _last(identifier: str) -> str:
    """The last segment of an id that may be an expression."""
    return f'${{basename("{identifier}")}}'
