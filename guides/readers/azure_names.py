"""What Azure calls the things of a stack, and what of a block is known."""

import re
from collections.abc import Mapping
from typing import Any

from twinspan.terraform.stackjson import Block, Blocks, pieces, references

APP = "azurerm_function_app_flex_consumption"
PLAN = "azurerm_service_plan"
IDENTITY = "azurerm_user_assigned_identity"
ACCOUNT = "azurerm_storage_account"
QUEUE = "azurerm_storage_queue"
BLOBS = "azurerm_storage_container"
COSMOS = "azurerm_cosmosdb_account"
DATABASE = "azurerm_cosmosdb_sql_database"
ROWS = "azurerm_cosmosdb_sql_container"
VAULT = "azurerm_key_vault"
SECRET = "azurerm_key_vault_secret"  # noqa: S105  (a Terraform type)
HUB = "azurerm_iothub"
TOPIC = "azurerm_eventgrid_system_topic"
SUBSCRIPTION = "azurerm_eventgrid_system_topic_event_subscription"
TWINS = "azurerm_digital_twins_instance"
ASSIGNMENT = "azurerm_role_assignment"
API = "azapi_resource"
"""A resource of the API's own types: `GRAFANA` or `WORKFLOW`."""
GRAFANA = "Microsoft.Dashboard/grafana"
WORKFLOW = "Microsoft.Logic/workflows"
WRITE_BLOBS = "Storage Blob Data Contributor"
_CALLED: Mapping[str, str] = {
    APP: "Function App",
    PLAN: "App Service plan",
    IDENTITY: "managed identity",
    ACCOUNT: "storage account",
    QUEUE: "Storage queue",
    BLOBS: "blob container",
    COSMOS: "Cosmos DB account",
    DATABASE: "Cosmos DB database",
    ROWS: "Cosmos DB container",
    VAULT: "Key Vault",
    SECRET: "Key Vault secret",
    HUB: "IoT Hub",
    TOPIC: "Event Grid system topic",
    SUBSCRIPTION: "Event Grid subscription",
    WORKFLOW: "Logic App",
    TWINS: "Digital Twins instance",
    GRAFANA: "Azure Managed Grafana",
}
"""By Terraform type, or by that of the API: what a person calls it."""
NOUNS: Mapping[tuple[str, str], str] = {
    (IDENTITY, "client_id"): "client id of the managed identity",
    (ACCOUNT, "name"): "name of the storage account",
    (ACCOUNT, "primary_queue_endpoint"): "queue endpoint of the storage account",
    (QUEUE, "name"): "name of the Storage queue",
    (QUEUE, "url"): "URL of the Storage queue",
    (BLOBS, "Cool"): "URL and access tier (Cool) of the blob container",
    (BLOBS, "Archive"): "URL and access tier (Archive) of the blob container",
    (BLOBS, "url"): "URL of the blob container",
    (COSMOS, "endpoint"): "endpoint of the Cosmos DB account",
    (DATABASE, "name"): "name of the Cosmos DB database",
    (ROWS, "name"): "name of the Cosmos DB container",
    (ROWS, "url"): "URL of the Cosmos DB container",
    (SECRET, "versionless_id"): "URL of the Key Vault secret",
    (HUB, "hostname"): "host name of the IoT Hub",
    (TWINS, "url"): "URL of the Digital Twins instance",
    (API, "access_endpoint"): "URL of the HTTP request trigger of the Logic App",
    (API, "endpoint"): "endpoint of Azure Managed Grafana",
}
"""What the attributes are called that functions are given."""
VAULT_SECRET = re.compile(r"\$\{(azurerm_key_vault\.\w+)\.vault_uri\}secrets/([\w-]+)")
"""The address of a secret that the stack `links` writes: the vault's, and the secret's name."""
_COMPOSED = (
    (
        r"\$\{azurerm_cosmosdb_account\.\w+\.endpoint\}dbs/\$\{azurerm_cosmosdb_sql_database\.\w+\.name\}"
        r"/colls/\$\{(azurerm_cosmosdb_sql_container\.\w+)\.name\}",
        r"${\1.url}",
    ),
    (
        r"\$\{azurerm_storage_account\.\w+\.primary_blob_endpoint\}"
        r"\$\{(azurerm_storage_container\.\w+)\.name\}\?tier=(\w+)",
        r"${\1.\2}",
    ),
    (
        r"\$\{azurerm_storage_account\.\w+\.primary_blob_endpoint\}"
        r"\$\{one\((azurerm_storage_container\.\w+)\[\*\]\.name\)\}",
        r"${one(\1[*].url)}",
    ),
    (
        r"\$\{azurerm_storage_account\.\w+\.primary_queue_endpoint\}"
        r"\$\{(?:one\()?(azurerm_storage_queue\.\w+)(?:\[\*\])?\.name\)?\}",
        r"${\1.url}",
    ),
    (
        r"\$\{azurerm_key_vault\.\w+\.vault_uri\}secrets/"
        r"\$\{(?:one\()?(azurerm_key_vault_secret\.\w+)(?:\[\*\])?\.name\)?\}",
        r"${\1.versionless_id}",
    ),
    (r"https://\$\{(azurerm_digital_twins_instance\.\w+)\.host_name\}", r"${\1.url}"),
    (
        r"\$\{one\((azapi_resource\.\w+)\[\*\]\.output\.properties\.accessEndpoint\)\}/triggers/[^\"]+",
        r"${\1.access_endpoint}",
    ),
    (r"\$\{(azapi_resource\.\w+)\.output\.properties\.endpoint\}", r"${\1.endpoint}"),
    (VAULT_SECRET.pattern, r"URL of the Key Vault secret \2"),
)
"""Addresses that are put together of several attributes, and the one attribute that stands for each: `url`,
or the access tier that a blob container's address names."""


def name(block: Block) -> str:
    """The name that is deployed: `factory-processing`."""
    return block.body["name"]


def called(block: Block) -> str:
    """A block in Azure's words: `Storage queue factory-processing`."""
    kind = block.body["type"].partition("@")[0] if block.kind == API else block.kind
    if kind not in _CALLED:
        raise KeyError(f"there is no word for {block.address}, a {kind}")
    return f"{_CALLED[kind]} {name(block)}"


def readable(settings: Mapping[str, str]) -> dict[str, str]:
    """App settings, each of them a text or one expression. KeyError when one is put together in a way that is
    not known.
    """
    return {setting: _composed(setting, value) for setting, value in settings.items()}


def _composed(setting: str, value: str) -> str:
    for pattern, simple in _COMPOSED:
        if re.fullmatch(pattern, value):
            return re.sub(pattern, simple, value)
    if len(list(pieces(value))) > 1:
        raise KeyError(
            f"the app setting {setting} is put together in a way that the guides do not know: {value}"
        )
    return value


def target(value: Any, *kinds: str, of: Block, blocks: Blocks) -> Block:
    """The one block of these types that a value of the block `of` refers to; KeyError else."""
    found = {reference.address for reference in references(value) if reference.kind in kinds}
    if len(found) != 1:
        raise KeyError(f"{of.address} should name one {' or '.join(kinds)} here: {value!r}")
    return blocks.at(found.pop())
