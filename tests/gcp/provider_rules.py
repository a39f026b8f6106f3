"""Values that hashicorp/google 6.50, or the service behind it, constrains: the rules, and where they stand.

Each rule names the resource and the argument. `says` begins with the place: "documentation" is the provider's
page of the resource, "source" the schema in the provider (google/services/<service>/resource_<type>.go,
ValidateEnum and its like); else it is the service's documentation, by the title of the page.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

Check = Callable[[Any], bool]


class Rule(NamedTuple):
    kind: str
    path: str
    check: Check
    says: str
    required: bool = True


def one_of(*values: Any) -> Check:
    return lambda value: value in values


def matches(pattern: str) -> Check:
    return lambda value: re.fullmatch(pattern, str(value)) is not None


def seconds(low: int, high: int) -> Check:
    return lambda value: bool(re.fullmatch(r"[0-9]+s", value)) and low <= int(value[:-1]) <= high


def between(low: int, high: int) -> Check:
    return lambda value: low <= value <= high


def shorter_than(bound: int) -> Check:
    return lambda value: len(value.encode()) < bound


def escaped(text: str) -> bool:
    """No `${` that Terraform would take for its own."""
    return re.search(r"(?<!\$)\$\{|(?<!%)%\{", text) is None


FUNCTION = "google_cloudfunctions2_function"
SUBSCRIPTION = "google_pubsub_subscription"
ALARM = "google_monitoring_alert_policy"
DATABASE = "google_firestore_database"
JOB = "google_cloud_scheduler_job"

RULES = [
    Rule(
        FUNCTION,
        "build_config.runtime",
        one_of("python313", "python314"),
        "Cloud Run functions, 'Runtime support': Python runtimes that are not about to be deprecated",
    ),
    Rule(
        FUNCTION,
        "build_config.service_account",
        matches(r"\$\{google_service_account\.build\.name\}"),
        "documentation, build_config.service_account: the fully-qualified name, not the e-mail address",
    ),
    Rule(
        FUNCTION,
        "service_config.available_memory",
        matches(r"[0-9]+(k|M|G|Mi|Gi)"),
        "documentation, available_memory: units k, M, G, Mi, Gi",
    ),
    Rule(
        FUNCTION,
        "service_config.ingress_settings",
        one_of("ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"),
        "source, ingress_settings: ValidateEnum",
    ),
    Rule(
        FUNCTION,
        "service_config.timeout_seconds",
        between(1, 3600),
        "Cloud Run functions, 'Quotas': an HTTP function runs up to 60 minutes",
    ),
    Rule(
        FUNCTION,
        "service_config.max_instance_request_concurrency",
        between(1, 1000),
        "Cloud Run, 'Maximum concurrent requests': 1 to 1000",
    ),
    Rule(
        FUNCTION,
        "service_config.max_instance_count",
        between(1, 100),
        "Cloud Run functions, 'Set maximum instances': 100 is what a project has without asking",
    ),
    Rule(
        "google_pubsub_topic",
        "message_storage_policy.allowed_persistence_regions",
        lambda v: len(v) == 1,
        "documentation, allowed_persistence_regions: an empty list is not a valid configuration",
    ),
    Rule(
        SUBSCRIPTION,
        "ack_deadline_seconds",
        between(10, 600),
        "documentation, ack_deadline_seconds: 10 to 600",
        False,
    ),
    Rule(
        SUBSCRIPTION,
        "message_retention_duration",
        seconds(600, 2_678_400),
        "documentation, message_retention_duration: 10 minutes to 31 days",
    ),
    Rule(
        SUBSCRIPTION,
        "expiration_policy.ttl",
        one_of(""),
        "documentation, expiration_policy: absent means deleted after 31 idle days, an empty ttl means never",
    ),
    Rule(
        SUBSCRIPTION,
        "filter",
        shorter_than(257 - 128),
        "source, filter: up to 256 bytes, a device's id has up to 128",
        False,
    ),
    Rule(
        SUBSCRIPTION,
        "dead_letter_policy.max_delivery_attempts",
        between(5, 100),
        "documentation, max_delivery_attempts: 5 to 100",
        False,
    ),
    Rule(
        SUBSCRIPTION,
        "retry_policy.minimum_backoff",
        seconds(0, 600),
        "documentation, minimum_backoff: 0 to 600 s",
        False,
    ),
    Rule(
        SUBSCRIPTION,
        "retry_policy.maximum_backoff",
        seconds(0, 600),
        "documentation, maximum_backoff: 0 to 600 s",
        False,
    ),
    Rule(DATABASE, "type", one_of("FIRESTORE_NATIVE", "DATASTORE_MODE"), "source, type: ValidateEnum"),
    Rule(
        DATABASE,
        "concurrency_mode",
        one_of("OPTIMISTIC", "PESSIMISTIC", "OPTIMISTIC_WITH_ENTITY_GROUPS"),
        "source, concurrency_mode: ValidateEnum",
    ),
    Rule(DATABASE, "app_engine_integration_mode", one_of("ENABLED", "DISABLED"), "source: ValidateEnum"),
    Rule(
        DATABASE,
        "point_in_time_recovery_enablement",
        one_of("POINT_IN_TIME_RECOVERY_ENABLED", "POINT_IN_TIME_RECOVERY_DISABLED"),
        "source: ValidateEnum",
    ),
    Rule(
        DATABASE,
        "delete_protection_state",
        one_of("DELETE_PROTECTION_ENABLED", "DELETE_PROTECTION_DISABLED"),
        "source: ValidateEnum",
    ),
    Rule(
        DATABASE,
        "deletion_policy",
        one_of("DELETE"),
        "documentation: the default ABANDON leaves the database behind",
    ),
    Rule(
        "google_firestore_index",
        "fields.0.order",
        one_of("ASCENDING", "DESCENDING"),
        "source, fields.order: ValidateEnum",
    ),
    Rule(
        "google_firestore_index",
        "fields.1.order",
        one_of("ASCENDING", "DESCENDING"),
        "source, fields.order: ValidateEnum",
    ),
    Rule(
        "google_workflows_workflow",
        "call_log_level",
        one_of("LOG_ALL_CALLS", "LOG_ERRORS_ONLY", "LOG_NONE"),
        "source, call_log_level: ValidateEnum",
    ),
    Rule(
        "google_workflows_workflow",
        "source_contents",
        shorter_than(128 * 1024),
        "documentation: up to 128 KB",
    ),
    Rule(
        "google_workflows_workflow",
        "source_contents",
        escaped,
        "Terraform, 'Strings and templates': a literal ${ is written $${",
    ),
    Rule(
        "google_workflows_workflow",
        "deletion_protection",
        one_of(False),
        "documentation: the default true stops destroy, and switching the event system off",
    ),
    Rule(
        ALARM, "combiner", one_of("AND", "OR", "AND_WITH_MATCHING_RESOURCE"), "source, combiner: ValidateEnum"
    ),
    Rule(ALARM, "severity", one_of("CRITICAL", "ERROR", "WARNING"), "source, severity: ValidateEnum"),
    Rule(ALARM, "display_name", shorter_than(513), "documentation, display_name: up to 512 characters"),
    Rule(
        ALARM,
        "conditions.0.condition_threshold.comparison",
        one_of("COMPARISON_GT"),
        "documentation: only COMPARISON_LT and COMPARISON_GT are supported",
        False,
    ),
    Rule(
        ALARM,
        "conditions.0.condition_threshold.duration",
        seconds(0, 86_400),
        "documentation, duration",
        False,
    ),
    Rule(
        ALARM,
        "conditions.0.condition_threshold.aggregations.0.alignment_period",
        seconds(60, 86_400),
        "documentation, alignment_period: at least 60 seconds",
        False,
    ),
    Rule(
        ALARM,
        "conditions.0.condition_threshold.aggregations.0.per_series_aligner",
        one_of("ALIGN_MAX"),
        "source: ValidateEnum; a gauge can be aligned by its maximum",
        False,
    ),
    Rule(
        ALARM,
        "conditions.0.condition_threshold.filter",
        shorter_than(2048),
        "documentation: up to 2048 characters",
        False,
    ),
    Rule(
        "google_logging_metric",
        "metric_descriptor.metric_kind",
        one_of("DELTA", "GAUGE", "CUMULATIVE"),
        "source: ValidateEnum",
    ),
    Rule(
        "google_logging_metric",
        "metric_descriptor.value_type",
        one_of("BOOL", "INT64", "DOUBLE", "STRING", "DISTRIBUTION", "MONEY"),
        "source: ValidateEnum",
    ),
    Rule(
        "google_logging_metric",
        "value_extractor",
        matches(r"EXTRACT\(jsonPayload\.[a-z_]+\)"),
        "documentation, value_extractor: required for a distribution; EXTRACT(field)",
    ),
    Rule(
        "google_logging_metric",
        "bucket_options.exponential_buckets.num_finite_buckets",
        between(1, 200),
        "documentation, bucket_options: required for a distribution; Monitoring, Distribution: up to 200",
    ),
    Rule(
        "google_logging_project_bucket_config",
        "retention_days",
        between(1, 3650),
        "documentation, retention_days: at least 1; Logging, 'Retention': at most 3650",
    ),
    Rule(
        "google_logging_project_sink",
        "destination",
        matches(r"logging\.googleapis\.com/\$\{.+\.id\}"),
        "documentation, destination: logging.googleapis.com/projects/…/buckets/…",
    ),
    Rule(
        "google_logging_project_sink",
        "filter",
        shorter_than(20_000),
        "Logging, 'Quotas': a filter has up to 20,000",
    ),
    Rule(
        "google_storage_bucket",
        "public_access_prevention",
        one_of("enforced", "inherited"),
        "documentation, public_access_prevention",
    ),
    Rule(
        "google_storage_bucket",
        "location",
        lambda v: v == v.upper(),
        "documentation, location: the API answers in capitals",
    ),
    Rule(
        "google_storage_bucket",
        "storage_class",
        one_of("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"),
        "documentation, storage_class: those of a region",
        False,
    ),
    Rule(
        "google_storage_bucket",
        "soft_delete_policy.retention_duration_seconds",
        lambda v: v == 0 or 604_800 <= v <= 7_776_000,
        "documentation, retention_duration_seconds: 0, or 7 to 90 days (Cloud Storage, 'Soft delete')",
        False,
    ),
    Rule(
        "google_storage_bucket",
        "lifecycle_rule",
        lambda rules: all(
            (rule["action"]["type"] == "SetStorageClass") == ("storage_class" in rule["action"])
            and rule["action"]["type"] in ("Delete", "SetStorageClass", "AbortIncompleteMultipartUpload")
            for rule in rules
        ),
        "documentation, action: one of three types, of which SetStorageClass has a class",
        False,
    ),
    Rule(
        "google_storage_bucket",
        "lifecycle_rule",
        lambda rules: all(rule["condition"]["age"] >= 1 for rule in rules),
        "source, condition.age: 0 is only sent with send_age_if_zero",
        False,
    ),
    Rule(
        "google_storage_bucket_iam_member",
        "role",
        matches(r"roles/storage\.object(Viewer|User)"),
        "Cloud Storage, 'IAM roles': those that are granted on a bucket and cannot change its policy",
    ),
    Rule(
        JOB,
        "attempt_deadline",
        seconds(15, 1800),
        "documentation, attempt_deadline: of an HTTP target 15 seconds to 30 minutes",
    ),
    Rule(
        JOB,
        "schedule",
        matches(r"(\*|0|\*/[0-9]+) \* \* \* \*"),
        "Cloud Scheduler, 'Cron job format and time zone': five fields",
    ),
    Rule(JOB, "time_zone", one_of("Etc/UTC"), "documentation, time_zone: a name of the tz database"),
    Rule(
        JOB, "http_target.http_method", one_of("POST"), "documentation: a body goes with POST, PUT or PATCH"
    ),
    Rule(
        JOB,
        "http_target.body",
        matches(r"\$\{base64encode\(jsonencode\(\{.+\}\)\)\}"),
        "source, body: ValidateBase64String",
    ),
    Rule(
        JOB,
        "http_target.headers",
        lambda v: set(v) == {"Content-Type"},
        "source, validateHttpHeaders: no Content-Length, X-Google-… or X-AppEngine-…",
    ),
    Rule(
        JOB,
        "http_target.uri",
        matches(r"\$\{google_cloudfunctions2_function\.\w+\.service_config\[0\]\.uri\}"),
        "Cloud Run, 'Restrict network ingress': Cloud Scheduler reaches internal services at run.app alone",
    ),
    Rule(
        JOB,
        "description",
        shorter_than(501),
        "documentation, description: up to 500 characters",
    ),
    Rule("google_storage_bucket_object", "source", bool, "source: exactly one of content and source", False),
    Rule(
        "google_storage_bucket_object",
        "name",
        shorter_than(1025),
        "Cloud Storage, 'Object names': up to 1024 bytes",
    ),
    Rule(
        "google_project_service",
        "disable_on_destroy",
        one_of(False),
        "documentation: true disables it for all the project",
    ),
    Rule(
        "google_secret_manager_secret",
        "replication.user_managed.replicas",
        lambda v: len(v) == 1,
        "source: exactly one of auto and user_managed, whose replicas cannot be empty",
    ),
    Rule(
        "google_secret_manager_secret",
        "version_destroy_ttl",
        lambda v: v.endswith("s") and int(v[:-1]) >= 86_400,
        "documentation: seconds, at least 24 hours",
        required=False,
    ),
    Rule(
        "google_service_account",
        "display_name",
        shorter_than(101),
        "IAM API, ServiceAccount.displayName: up to 100 bytes",
    ),
    Rule(
        "google_project_iam_member",
        "condition.title",
        shorter_than(101),
        "IAM, 'Conditions': a title has up to 100",
        False,
    ),
    Rule(
        "google_project_iam_member",
        "role",
        matches(
            r"roles/(run\.builder|logging\.logWriter|workflows\.invoker|monitoring\.viewer|"
            r"datastore\.(user|viewer))"
        ),
        "the roles that are only granted on a project",
    ),
]
