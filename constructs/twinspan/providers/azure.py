"""The bindings of hashicorp/azurerm that Twinspan uses."""

from cdktf_cdktf_provider_azurerm.application_insights import ApplicationInsights
from cdktf_cdktf_provider_azurerm.cosmosdb_account import (
    CosmosdbAccount,
    CosmosdbAccountBackup,
    CosmosdbAccountCapabilities,
    CosmosdbAccountConsistencyPolicy,
    CosmosdbAccountGeoLocation,
)
from cdktf_cdktf_provider_azurerm.cosmosdb_sql_container import (
    CosmosdbSqlContainer,
    CosmosdbSqlContainerIndexingPolicy,
    CosmosdbSqlContainerIndexingPolicyExcludedPath,
    CosmosdbSqlContainerIndexingPolicyIncludedPath,
)
from cdktf_cdktf_provider_azurerm.cosmosdb_sql_database import CosmosdbSqlDatabase
from cdktf_cdktf_provider_azurerm.cosmosdb_sql_role_assignment import CosmosdbSqlRoleAssignment
from cdktf_cdktf_provider_azurerm.data_azurerm_client_config import DataAzurermClientConfig
from cdktf_cdktf_provider_azurerm.digital_twins_instance import DigitalTwinsInstance
from cdktf_cdktf_provider_azurerm.eventgrid_system_topic import (
    EventgridSystemTopic,
    EventgridSystemTopicIdentity,
)
from cdktf_cdktf_provider_azurerm.eventgrid_system_topic_event_subscription import (
    EventgridSystemTopicEventSubscription,
    EventgridSystemTopicEventSubscriptionAzureFunctionEndpoint,
    EventgridSystemTopicEventSubscriptionDeadLetterIdentity,
    EventgridSystemTopicEventSubscriptionRetryPolicy,
    EventgridSystemTopicEventSubscriptionStorageBlobDeadLetterDestination,
)
from cdktf_cdktf_provider_azurerm.function_app_flex_consumption import (
    FunctionAppFlexConsumption,
    FunctionAppFlexConsumptionIdentity,
    FunctionAppFlexConsumptionSiteConfig,
)
from cdktf_cdktf_provider_azurerm.iothub import Iothub, IothubSku
from cdktf_cdktf_provider_azurerm.key_vault import KeyVault
from cdktf_cdktf_provider_azurerm.key_vault_secret import KeyVaultSecret
from cdktf_cdktf_provider_azurerm.log_analytics_workspace import LogAnalyticsWorkspace
from cdktf_cdktf_provider_azurerm.monitor_action_group import (
    MonitorActionGroup,
    MonitorActionGroupEmailReceiver,
)
from cdktf_cdktf_provider_azurerm.monitor_metric_alert import (
    MonitorMetricAlert,
    MonitorMetricAlertAction,
    MonitorMetricAlertCriteria,
)
from cdktf_cdktf_provider_azurerm.monitor_scheduled_query_rules_alert_v2 import (
    MonitorScheduledQueryRulesAlertV2,
    MonitorScheduledQueryRulesAlertV2Action,
    MonitorScheduledQueryRulesAlertV2Criteria,
)
from cdktf_cdktf_provider_azurerm.provider import (
    AzurermProvider,
    AzurermProviderFeatures,
    AzurermProviderFeaturesKeyVault,
    AzurermProviderFeaturesStorage,
)
from cdktf_cdktf_provider_azurerm.resource_group import ResourceGroup
from cdktf_cdktf_provider_azurerm.role_assignment import RoleAssignment
from cdktf_cdktf_provider_azurerm.service_plan import ServicePlan
from cdktf_cdktf_provider_azurerm.storage_account import (
    StorageAccount,
    StorageAccountBlobProperties,
    StorageAccountBlobPropertiesContainerDeleteRetentionPolicy,
    StorageAccountBlobPropertiesDeleteRetentionPolicy,
)
from cdktf_cdktf_provider_azurerm.storage_blob import StorageBlob
from cdktf_cdktf_provider_azurerm.storage_container import StorageContainer
from cdktf_cdktf_provider_azurerm.storage_management_policy import (
    StorageManagementPolicy,
    StorageManagementPolicyRule,
    StorageManagementPolicyRuleActions,
    StorageManagementPolicyRuleActionsBaseBlob,
    StorageManagementPolicyRuleActionsVersion,
    StorageManagementPolicyRuleFilters,
)
from cdktf_cdktf_provider_azurerm.storage_queue import StorageQueue
from cdktf_cdktf_provider_azurerm.user_assigned_identity import UserAssignedIdentity

__all__ = [
    "ApplicationInsights",
    "AzurermProvider",
    "AzurermProviderFeatures",
    "AzurermProviderFeaturesKeyVault",
    "AzurermProviderFeaturesStorage",
    "CosmosdbAccount",
    "CosmosdbAccountBackup",
    "CosmosdbAccountCapabilities",
    "CosmosdbAccountConsistencyPolicy",
    "CosmosdbAccountGeoLocation",
    "CosmosdbSqlContainer",
    "CosmosdbSqlContainerIndexingPolicy",
    "CosmosdbSqlContainerIndexingPolicyExcludedPath",
    "CosmosdbSqlContainerIndexingPolicyIncludedPath",
    "CosmosdbSqlDatabase",
    "CosmosdbSqlRoleAssignment",
    "DataAzurermClientConfig",
    "DigitalTwinsInstance",
    "EventgridSystemTopic",
    "EventgridSystemTopicEventSubscription",
    "EventgridSystemTopicEventSubscriptionAzureFunctionEndpoint",
    "EventgridSystemTopicEventSubscriptionDeadLetterIdentity",
    "EventgridSystemTopicEventSubscriptionRetryPolicy",
    "EventgridSystemTopicEventSubscriptionStorageBlobDeadLetterDestination",
    "EventgridSystemTopicIdentity",
    "FunctionAppFlexConsumption",
    "FunctionAppFlexConsumptionIdentity",
    "FunctionAppFlexConsumptionSiteConfig",
    "Iothub",
    "IothubSku",
    "KeyVault",
    "KeyVaultSecret",
    "LogAnalyticsWorkspace",
    "MonitorActionGroup",
    "MonitorActionGroupEmailReceiver",
    "MonitorMetricAlert",
    "MonitorMetricAlertAction",
    "MonitorMetricAlertCriteria",
    "MonitorScheduledQueryRulesAlertV2",
    "MonitorScheduledQueryRulesAlertV2Action",
    "MonitorScheduledQueryRulesAlertV2Criteria",
    "ResourceGroup",
    "RoleAssignment",
    "ServicePlan",
    "StorageAccount",
    "StorageAccountBlobProperties",
    "StorageAccountBlobPropertiesContainerDeleteRetentionPolicy",
    "StorageAccountBlobPropertiesDeleteRetentionPolicy",
    "StorageBlob",
    "StorageContainer",
    "StorageManagementPolicy",
    "StorageManagementPolicyRule",
    "StorageManagementPolicyRuleActions",
    "StorageManagementPolicyRuleActionsBaseBlob",
    "StorageManagementPolicyRuleActionsVersion",
    "StorageManagementPolicyRuleFilters",
    "StorageQueue",
    "UserAssignedIdentity",
]
