"""Which Terraform types hold data or identity that a deletion would lose. Pure.

Every type that a stack uses has a row: `tests/synth/test_protection.py` fails for one without. What a row
calls data is protected where it is placed, and `twinspan plan` names it before it is deleted.
"""

from collections.abc import Mapping
from enum import StrEnum

from twin_runtime.roles import Role


class Holding(StrEnum):
    """What a resource holds, in the word that a plan uses for it."""

    ROWS = "rows"
    FILES = "files"
    GRAPH = "twin graph"
    DEVICES = "devices"
    MESSAGES = "messages"
    SECRET = "secret"  # noqa: S105 - the word for it
    DASHBOARDS = "dashboards"
    NOTHING = "nothing"
    """Twinspan makes it again, with equal content."""


_HOLDING: Mapping[Holding, str] = {
    Holding.ROWS: """
        aws_dynamodb_table
        azurerm_cosmosdb_account azurerm_cosmosdb_sql_container azurerm_cosmosdb_sql_database
        google_firestore_database
    """,
    Holding.FILES: """
        aws_s3_bucket aws_s3_object
        azurerm_storage_account azurerm_storage_container
        google_storage_bucket
    """,
    Holding.GRAPH: "aws_cloudformation_stack azurerm_digital_twins_instance",
    Holding.DEVICES: "aws_iot_thing azurerm_iothub",
    Holding.MESSAGES: "aws_sqs_queue azurerm_storage_queue google_pubsub_subscription",
    Holding.SECRET: "azurerm_key_vault google_secret_manager_secret",
    Holding.DASHBOARDS: "aws_grafana_workspace",
    Holding.NOTHING: """
        aws_api_gateway_api_key aws_api_gateway_deployment aws_api_gateway_gateway_response
        aws_api_gateway_integration aws_api_gateway_method aws_api_gateway_resource aws_api_gateway_rest_api
        aws_api_gateway_stage aws_api_gateway_usage_plan aws_api_gateway_usage_plan_key
        aws_cloudwatch_log_group aws_cloudwatch_log_metric_filter aws_cloudwatch_metric_alarm
        aws_grafana_role_association aws_grafana_workspace_service_account aws_iam_role aws_iam_role_policy
        aws_iot_policy aws_iot_topic_rule aws_kms_key aws_lambda_event_source_mapping aws_lambda_function
        aws_lambda_function_event_invoke_config aws_lambda_invocation aws_lambda_permission
        aws_s3_bucket_cors_configuration aws_s3_bucket_lifecycle_configuration
        aws_s3_bucket_ownership_controls aws_s3_bucket_policy aws_s3_bucket_public_access_block
        aws_s3_bucket_server_side_encryption_configuration aws_s3_bucket_versioning
        aws_scheduler_schedule aws_scheduler_schedule_group aws_secretsmanager_secret
        aws_secretsmanager_secret_version aws_sfn_state_machine aws_sns_topic aws_sns_topic_subscription
        aws_sqs_queue_policy aws_sqs_queue_redrive_allow_policy
        azapi_resource azapi_resource_action azurerm_application_insights
        azurerm_cosmosdb_sql_role_assignment azurerm_eventgrid_system_topic
        azurerm_eventgrid_system_topic_event_subscription azurerm_function_app_flex_consumption
        azurerm_key_vault_secret azurerm_log_analytics_workspace
        azurerm_monitor_action_group azurerm_monitor_metric_alert
        azurerm_monitor_scheduled_query_rules_alert_v2 azurerm_resource_group azurerm_role_assignment
        azurerm_service_plan azurerm_storage_blob azurerm_storage_management_policy
        azurerm_user_assigned_identity
        google_cloud_run_v2_service google_cloud_run_v2_service_iam_member google_cloud_scheduler_job
        google_cloudfunctions2_function google_firestore_field google_firestore_index
        google_logging_metric google_logging_project_bucket_config google_logging_project_exclusion
        google_logging_project_sink google_monitoring_alert_policy google_monitoring_notification_channel
        google_project_iam_member google_project_service google_pubsub_subscription_iam_member
        google_pubsub_topic google_pubsub_topic_iam_member google_secret_manager_secret_iam_member
        google_secret_manager_secret_version google_service_account google_service_account_iam_member
        google_storage_bucket_iam_member google_storage_bucket_object google_workflows_workflow
        random_id random_password terraform_data time_sleep
    """,
}
TYPES: Mapping[str, Holding] = {
    name: holding for holding, names in _HOLDING.items() for name in names.split()
}

_CODE = "the functions' code, which an apply uploads"
_LINKS = ("archive", "cold", "dashboards", "feedback", "telemetry", "twin", "write")
_RULES = "what the rules have seen, which events tell again: a rule that is true then fires once more"
REMADE: Mapping[str, str] = {
    "aws_dynamodb_table.state": _RULES,
    "aws_s3_object.graph_template": "the template of the TwinMaker workspace is made from twin.yaml",
    **{f"google_secret_manager_secret.{role}_api_keys": "keys that the stack makes" for role in Role},
    "google_secret_manager_secret.grafana_admin": "a password that the stack makes",
    **{f"google_secret_manager_secret.link_{link}": "keys that the stack `links` writes" for link in _LINKS},
    "google_firestore_database.state": _RULES,
    "google_storage_bucket.dashboards": "dashboards, which are made from twin.yaml",
    "google_storage_bucket.source": _CODE,
    "azurerm_cosmosdb_sql_container.store_leases": "how far twin_sync has read the changes",
    "azurerm_storage_account.packages": _CODE,
    "azurerm_storage_container.azure_webjobs_hosts": "leases, which the Functions host makes again",
    "azurerm_storage_container.azure_webjobs_secrets": "keys of the Functions host, which nothing uses",
    "azurerm_storage_container.packages": _CODE,
    **{f"azurerm_storage_container.{role}_code": _CODE for role in Role},
}
"""Resources of a type that holds data which hold none, by address, with the reason."""
_OWN: Mapping[str, Holding] = {
    **{
        f"azurerm_storage_container.{queue}_bodies": Holding.MESSAGES
        for queue in ("processing", "persisting", "events", "commands", "telemetry", "writing")
    },
    "google_firestore_database.graph": Holding.GRAPH,
    "random_password.fleet": Holding.SECRET,  # the keys of all devices on Google Cloud derive from it
}
"""What resources hold that hold something else than others of their type, by address."""


def holding(address: str) -> Holding:
    """What the resource at an address (`TYPE.NAME`, an index may follow) holds. KeyError: an unknown type."""
    block = address.partition("[")[0]
    if block in REMADE:
        return Holding.NOTHING
    return _OWN.get(block) or TYPES[block.split(".")[0]]
