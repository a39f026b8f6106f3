"""Names of Azure resources, and Azure's rules for them. No cdktf: they are checked before it is loaded."""

from collections.abc import Iterator

from twin_runtime.roles import Cloud, Layer, Role
from twinspan.naming import NameRule, Names
from twinspan.topology import Topology

_PROVIDER = "hashicorp/terraform-provider-azurerm 4.55.0, internal/services/"
_AZURE = "learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#"
_DASHED = r"[A-Za-z0-9-]+"
_ALARM = r"[^*#&+:<>?@%{}\\/|]*[^*#&+:<>?@%{}\\/|. ]"
_SINGLE_DASHES = r"[a-z0-9](?!.*--)[a-z0-9-]*[a-z0-9]"


def _rule(
    kind: str, what: str, shortest: int, longest: int, pattern: str, provider: str, azure: str
) -> NameRule:
    """The narrower of two rules: the check in the file `provider`, and the part `azure` of Azure's page."""
    sources = [_PROVIDER + provider] if provider else []
    sources += [_AZURE + azure] if azure else []
    return NameRule(f"azurerm_{kind}", what, shortest, longest, pattern, "; ".join(sources))


RULES = (
    _rule("resource_group", "resource group", 1, 90, r"[\w.()-]*[\w()-]", "", "microsoftresources"),
    _rule(
        "storage_account",
        "storage account",
        3,
        24,
        r"[a-z0-9]+",
        "storage/validate/storage_account_name.go",
        "",
    ),
    _rule(
        "storage_queue", "storage queue", 3, 63, _SINGLE_DASHES, "storage/validate/storage_queue_name.go", ""
    ),
    _rule(
        "storage_container",
        "storage container",
        3,
        63,
        _SINGLE_DASHES,
        "storage/validate/storage_container.go",
        "",
    ),
    _rule(
        *("key_vault", "key vault", 3, 24, r"[A-Za-z](?!.*--)[A-Za-z0-9-]*[A-Za-z0-9]"),
        *("keyvault/validate/vault_name.go", "microsoftkeyvault"),
    ),
    _rule(
        *("key_vault_secret", "key vault secret", 1, 127, _DASHED),
        *("keyvault/validate/nested_item_name.go", "microsoftkeyvault"),
    ),
    _rule(  # the provider takes 50
        *("cosmosdb_account", "Cosmos DB account", 3, 44, r"[a-z0-9][a-z0-9-]*[a-z0-9]"),
        *("cosmos/validate/cosmos.go", "microsoftdocumentdb"),
    ),
    _rule(
        *("digital_twins_instance", "Digital Twins instance", 3, 63, r"[A-Za-z0-9][A-Za-z0-9-]+[A-Za-z0-9]"),
        *("digitaltwins/validate/digital_twins_instance_name.go", ""),
    ),
    NameRule(
        "azapi_resource.grafana",
        "Grafana workspace",
        2,
        23,
        r"[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]",
        f"{_PROVIDER}dashboard/dashboard_grafana_resource.go",
    ),
    _rule(
        *("iothub", "IoT hub", 3, 50, r"[A-Za-z0-9-]*[A-Za-z0-9]"),
        *("iothub/validate/iot_hub_name.go", "microsoftdevices"),
    ),
    _rule(  # the provider takes 128
        *("eventgrid_system_topic", "Event Grid system topic", 3, 50, _DASHED),
        *("eventgrid/eventgrid_system_topic_resource.go", "microsofteventgrid"),
    ),
    _rule(
        *("eventgrid_system_topic_event_subscription", "Event Grid subscription", 3, 64, _DASHED),
        *("eventgrid/event_subscription_schema.go", ""),
    ),
    _rule(
        *("function_app_flex_consumption", "function app", 2, 60, r"[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]"),
        *("appservice/validate/web_app_name.go", "microsoftweb"),
    ),
    _rule(
        *("service_plan", "service plan", 1, 60, r"[A-Za-z0-9_-]+"),
        *("appservice/validate/service_plan_name.go", ""),
    ),
    _rule(
        *("user_assigned_identity", "managed identity", 3, 128, r"[A-Za-z0-9][A-Za-z0-9_-]*"),
        *("", "microsoftmanagedidentity"),
    ),
    _rule(
        *(
            "log_analytics_workspace",
            "Log Analytics workspace",
            4,
            63,
            r"[A-Za-z0-9][A-Za-z0-9-]+[A-Za-z0-9]",
        ),
        *("loganalytics/validate/log_analytics_workspace_name.go", ""),
    ),
    NameRule("azapi_resource.workflow", "logic app", 1, 43, r"[A-Za-z0-9_.()-]+", _AZURE + "microsoftlogic"),
    NameRule(
        "azapi_resource.state",
        "table",
        3,
        63,
        r"(?!tables?$)[A-Za-z][A-Za-z0-9]*",
        f"{_PROVIDER}storage/validate/storage_table.go; Table service, 'Understanding the data model'",
    ),
    _rule(
        *("application_insights", "Application Insights component", 1, 260, r"[^%&\\?/]*[^%&\\?/. ]"),
        *("", "microsoftinsights"),
    ),
    _rule(
        *("monitor_action_group", "action group", 1, 260, _ALARM),
        *("", "microsoftinsights"),
    ),
    _rule(
        *("monitor_metric_alert", "metric alert", 1, 260, _ALARM),
        *("", "microsoftinsights"),
    ),
    _rule(
        *("monitor_scheduled_query_rules_alert_v2", "log alert", 1, 260, _ALARM),
        *("", "microsoftinsights"),
    ),
    NameRule(
        *("azapi_resource_action", "deployment", 1, 64, r"[A-Za-z0-9._()-]+", _AZURE + "microsoftresources"),
    ),
)

DEAD = "-dead"
POISON = "-poison"
GRAPH = "graph"
STATE = "state"
"""The table of the event checker's records: of letters and digits alone, as Azure asks of a table."""
BODIES = "bodies"
"""In the names of the containers of what is too long for a message of a queue."""
FILES = "files"
"""Container of the files of the cold and the archive tier, whichever of them are in Azure."""
GENERATED_ACTION_GROUP = "Application Insights Smart Detection"
"""Azure's own name of what it makes for Application Insights."""
BROKER_DEAD_LETTERS = "broker-dead"
"""Container of what Event Grid could not deliver: it writes blobs and knows no queues."""


def group(names: Names) -> str:
    """The resource group: `factory-twin-3f9a01`, another one in each location.

    A location is a resource group's for life. What is in the group is named by the group's name, so it is
    made anew with the group when the location changes.
    """
    return worldwide(names, "twin")


def account(names: Names) -> str:
    """The storage account for queues, the functions' hosts and refused deliveries: `factory3f9a01`."""
    return names.compact(Cloud.AZURE)


def package_account(names: Names) -> str:
    """The storage account that holds the functions' package alone: `factory3f9a01p`."""
    return names.compact(Cloud.AZURE) + "p"


def tier_account(names: Names) -> str:
    """The storage account of the cold and the archive tier: `factory3f9a01f`."""
    return names.compact(Cloud.AZURE) + FILES[0]


def failed_alarm(names: Names, role: Role) -> str:
    """The alarm on a scheduled function."""
    return names.name(role, "failed")


def behind_alarm(names: Names, role: Role) -> str:
    """The alarm on a mover that lags."""
    return names.name(role, "behind")


def refusals_alarm(names: Names, role: Role) -> str:
    """The alarm on the refusals of a reader."""
    return names.name(role, "refusals")


def vault(names: Names) -> str:
    """The key vault: `factory3f9a01`."""
    return names.compact(Cloud.AZURE)


def grafana(names: Names) -> str:
    """The Grafana workspace: `factory3f9a01`."""
    return names.compact(Cloud.AZURE)


def worldwide(names: Names, word: str) -> str:
    """A name that must be unique in the world and may have hyphens: `factory-hub-3f9a01`."""
    return f"{names.name(word)}-{names.unique(Cloud.AZURE)}"


def queue(names: Names, name: str) -> str:
    """The queue of that name; what is `processing-dead` elsewhere is `factory-processing-poison` here.

    The Functions host moves a message that failed too often to `<queue>-poison`, a name that cannot be set.
    """
    return names.name(name.removesuffix(DEAD) + POISON if name.endswith(DEAD) else name)


def bodies_container(names: Names, queue: str) -> str:
    """Of a queue and its dead letters, `processing` and `processing-dead`: `factory-bodies-processing`.

    The lifecycle rule finds these containers by what their names begin with.
    """
    return names.name(BODIES, queue.removesuffix(DEAD))


def code_container(names: Names, role: Role) -> str:
    """Where the platform keeps a function's built code."""
    return names.name(role, "code")


def code_deployment(names: Names, role: Role) -> str:
    return names.name(role, "code")


def link_secret(names: Names, link: str) -> str:
    """The secret of a link that crosses clouds. The stack `links` creates it."""
    return names.name("link", link)


def own_secret(names: Names, link: str) -> str:
    """The secret of a link inside Azure, created by the stack `azure` beside an older one of `links`."""
    return names.name("own", link)


def api_keys_secret(names: Names, role: Role) -> str:
    return names.name(role, "api-keys")


def planned(names: Names, topology: Topology) -> Iterator[tuple[str, str]]:
    """Every name that carries the twin's: what is planned is at least what is built."""
    yield "azurerm_resource_group", group(names)
    yield "azurerm_storage_account", account(names)
    yield "azurerm_storage_account", package_account(names)
    yield "azurerm_storage_account", tier_account(names)
    yield "azurerm_key_vault", vault(names)
    yield "azurerm_cosmosdb_account", worldwide(names, "store")
    yield "azurerm_digital_twins_instance", worldwide(names, GRAPH)
    yield "azurerm_iothub", worldwide(names, "hub")
    yield "azurerm_eventgrid_system_topic", names.name("telemetry")
    yield "azurerm_log_analytics_workspace", names.name("logs")
    yield "azurerm_storage_container", names.name(BROKER_DEAD_LETTERS)
    yield "azapi_resource.workflow", names.name("workflow")
    yield "azapi_resource.state", STATE
    yield "azurerm_application_insights", names.name("functions")
    yield "azurerm_monitor_action_group", names.name("alerts")
    yield "azurerm_monitor_metric_alert", names.name("workflow-failed")
    yield "azurerm_eventgrid_system_topic_event_subscription", Role.DISPATCHER
    for name in ("processing", "persisting", "events", "commands"):
        yield "azurerm_storage_queue", queue(names, name)
    for name in ("processing", "persisting", "events", "commands", "telemetry", "writing"):
        yield "azurerm_storage_container", bodies_container(names, name)
    for name in ("processing-dead", "persisting-dead", "telemetry-dead", "writing-dead"):
        yield "azurerm_storage_queue", queue(names, name)
        yield "azurerm_monitor_scheduled_query_rules_alert_v2", queue(names, name)
    if Layer.VISUALIZATION in topology.layers_in(Cloud.AZURE):
        yield "azapi_resource.grafana", grafana(names)
    for link in topology.links:
        yield "azurerm_key_vault_secret", (link_secret if link.wired else own_secret)(names, link.name)
    for role, cloud in topology.roles.items():
        if cloud is Cloud.AZURE:
            yield "azurerm_function_app_flex_consumption", worldwide(names, role)
            yield "azurerm_service_plan", names.name(role)
            yield "azurerm_user_assigned_identity", names.name(role)
            yield "azurerm_storage_container", code_container(names, role)
            yield "azapi_resource_action", code_deployment(names, role)
            yield "azurerm_key_vault_secret", api_keys_secret(names, role)
            yield "azurerm_monitor_scheduled_query_rules_alert_v2", failed_alarm(names, role)
            yield "azurerm_monitor_scheduled_query_rules_alert_v2", refusals_alarm(names, role)
            yield "azurerm_monitor_scheduled_query_rules_alert_v2", behind_alarm(names, role)
