"""The rules of Google Cloud for names. Pure: no cdktf."""

from twinspan.naming import NameRule

_PROVIDER = "google provider 6.50"
_PUBSUB = r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]*"
_PUBSUB_SOURCE = "Pub/Sub documentation, 'Guidelines to name a topic or a subscription'"
_LOGGING = r"[A-Za-z0-9][A-Za-z0-9_.-]*"

RULES: tuple[NameRule, ...] = (
    NameRule(
        "google_service_account",
        "service account",
        6,
        30,
        r"[a-z]([-a-z0-9]*[a-z0-9])",
        f"{_PROVIDER}, google_service_account: account_id",
        attribute="account_id",
    ),
    NameRule(
        "google_storage_bucket",
        "bucket",
        3,
        63,
        r"(?!goog)(?!.*g[o0]{2}gle)[a-z0-9][a-z0-9_-]*[a-z0-9]",
        "Cloud Storage documentation, 'About Cloud Storage buckets', bucket names",
    ),
    NameRule(
        "google_cloudfunctions2_function",
        "function",
        1,
        63,
        r"[a-z]([-a-z0-9]*[a-z0-9])?",
        "Cloud Functions API v2, projects.locations.functions.create: functionId",
    ),
    NameRule(
        "google_cloud_run_v2_service",
        "Cloud Run service",
        1,
        49,
        r"[a-z]([-a-z0-9]*[a-z0-9])?",
        "Cloud Run Admin API v2, projects.locations.services.create: serviceId",
    ),
    NameRule("google_pubsub_topic", "Pub/Sub topic", 3, 255, _PUBSUB, _PUBSUB_SOURCE),
    NameRule("google_pubsub_subscription", "Pub/Sub subscription", 3, 255, _PUBSUB, _PUBSUB_SOURCE),
    NameRule(
        "google_secret_manager_secret",
        "secret",
        1,
        255,
        r"[A-Za-z0-9_-]+",
        "Secret Manager API v1, projects.secrets.create: secretId",
        attribute="secret_id",
    ),
    NameRule(
        "google_firestore_database",
        "Firestore database",
        4,
        63,
        r"(?![0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$)[a-z][a-z0-9-]*[a-z0-9]",
        f"{_PROVIDER}, google_firestore_database: name",
    ),
    NameRule(
        "google_workflows_workflow",
        "workflow",
        1,
        64,
        r"[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?",
        "Workflows API v1, projects.locations.workflows.create: workflowId",
    ),
    NameRule(
        "google_cloud_scheduler_job",
        "Cloud Scheduler job",
        1,
        500,
        r"[A-Za-z0-9_-]+",
        "Cloud Scheduler API v1, Job: name",
    ),
    NameRule(
        "google_logging_project_bucket_config",
        "log bucket",
        1,
        100,
        _LOGGING,
        "Logging documentation, 'Configure log buckets', create a bucket: BUCKET_ID",
        attribute="bucket_id",
    ),
    NameRule(
        "google_logging_metric",
        "metric of logs",
        1,
        100,
        r"[A-Za-z0-9_.,+!*'()%-][A-Za-z0-9_.,+!*'()%/-]*",
        "Logging API v2, LogMetric: name",
    ),
    NameRule(
        "google_logging_project_sink",
        "log sink",
        1,
        100,
        _LOGGING,
        "Logging API v2, LogSink: name",
    ),
    NameRule(
        "google_logging_project_exclusion",
        "log exclusion",
        1,
        100,
        _LOGGING,
        "Logging API v2, LogExclusion: name",
    ),
)
