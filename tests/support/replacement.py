"""What hashicorp/google 6.50 replaces rather than changes, and by what Google tells one thing from another.

From the provider's source, google/services/<service>/resource_<type>.go: `ForceNew`, and the format of the
id.
"""

from typing import NamedTuple


class Kind(NamedTuple):
    """A resource type. `identity`: the arguments that make it another thing; None: the cloud numbers it.

    `bound`: further arguments whose change replaces it. `parents`: arguments among these that name what it is
    a part of, and goes with.
    """

    identity: tuple[str, ...] | None
    bound: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()

    @property
    def forces(self) -> tuple[str, ...]:
        """The arguments whose change replaces it."""
        return (*(self.identity or ()), *self.bound)


def _member(*on: str) -> Kind:
    """A grant: it is nothing but its arguments, none of which can be changed."""
    return Kind(identity=("role", "member", *on), parents=on[-1:])


KINDS = {
    "google_cloud_run_v2_service": Kind(identity=("location", "name")),
    "google_cloud_run_v2_service_iam_member": _member("project", "location", "name"),
    "google_cloud_scheduler_job": Kind(identity=("region", "name")),
    "google_cloudfunctions2_function": Kind(identity=("location", "name")),
    "google_firestore_database": Kind(identity=("name",), bound=("location_id",)),
    "google_firestore_field": Kind(identity=("database", "collection", "field"), parents=("database",)),
    "google_firestore_index": Kind(identity=None, bound=("database", "fields"), parents=("database",)),
    "google_logging_metric": Kind(identity=("name",)),
    "google_logging_project_bucket_config": Kind(identity=("bucket_id",), bound=("location",)),
    "google_logging_project_exclusion": Kind(identity=("name",)),
    "google_logging_project_sink": Kind(identity=("name",)),
    "google_monitoring_alert_policy": Kind(identity=None),
    "google_monitoring_notification_channel": Kind(identity=None),
    "google_project_iam_member": Kind(identity=("role", "member", "project", "condition")),
    "google_project_service": Kind(identity=("service",)),
    "google_pubsub_subscription": Kind(identity=("name",), bound=("topic", "filter"), parents=("topic",)),
    "google_pubsub_subscription_iam_member": _member("subscription"),
    "google_pubsub_topic": Kind(identity=("name",)),
    "google_pubsub_topic_iam_member": _member("topic"),
    "google_secret_manager_secret": Kind(identity=("secret_id",), bound=("replication",)),
    "google_secret_manager_secret_iam_member": _member("secret_id"),
    "google_secret_manager_secret_version": Kind(
        identity=None, bound=("secret", "secret_data"), parents=("secret",)
    ),
    "google_service_account": Kind(identity=("account_id",)),
    "google_service_account_iam_member": _member("service_account_id"),
    "google_storage_bucket": Kind(identity=("name",), bound=("location",)),
    "google_storage_bucket_iam_member": _member("bucket"),
    "google_storage_bucket_object": Kind(identity=("bucket", "name"), parents=("bucket",)),
    "google_workflows_workflow": Kind(identity=("region", "name")),
    "random_id": Kind(identity=None, bound=("keepers",)),
    "random_password": Kind(identity=None),
    "time_sleep": Kind(identity=None, bound=("triggers",)),
}
"""A log bucket's identity has its location too, but it keeps its name for seven days after its deletion: what
comes back to a region must be called otherwise.
"""
