"""What a Google Cloud stack holds, and who may do what in it."""

import json
import re

import pytest

from gcp.stacks import ALL, ARCHIVE, COLD, FIRST, GCP_LAYOUTS, LAST, MIDDLE, TIERS, TWINS, gcp_stack, stack_of
from support.function_blocks import environment
from support.layouts import Layout, twin_config
from support.terraform_json import references, resources
from twin_runtime import settings
from twin_runtime.roles import ROLES, Cloud, Role
from twinspan import outputs as published
from twinspan.topology import Topology

FUNCTION = "google_cloudfunctions2_function"
HOSTS_OWN = {"THREADS"}


@pytest.mark.parametrize("layout", GCP_LAYOUTS, ids=str)
def test_each_function_is_given_what_its_code_reads(layout: Layout) -> None:
    topology = Topology.of(twin_config(layout))
    for each in resources(gcp_stack(layout), FUNCTION):
        link = topology.link_of(next(role for role in topology.roles if role == each.name))
        remote = link is not None and ROLES[Role(each.name)].remote_link == link.name
        given = set(environment(each, Cloud.GCP)) - HOSTS_OWN
        assert settings.required(each.name, "gcp", remote=remote) <= given, each.name
        assert given <= settings.expected(each.name, "gcp", remote=remote), each.name


@pytest.mark.parametrize("layout", GCP_LAYOUTS, ids=str)
def test_only_receivers_are_open_to_the_internet(layout: Layout) -> None:
    receivers = {str(role) for role in Topology.of(twin_config(layout)).receivers_in(Cloud.GCP)}
    stack = gcp_stack(layout)
    functions = resources(stack, FUNCTION)
    public = {
        each.name
        for each in functions
        if each.body["service_config"]["ingress_settings"] != "ALLOW_INTERNAL_ONLY"
    }
    invokers = resources(stack, "google_cloud_run_v2_service_iam_member")
    everybody = {each.name.removesuffix("_public") for each in invokers if each.body["member"] == "allUsers"}
    grafana = {"grafana"} if layout.l5 is Cloud.GCP else set[str]()
    assert public == receivers
    assert everybody == receivers | grafana
    outputs = {name for name in stack.get("output", {}) if not name.startswith("link_")}
    broker = {"broker_endpoint"} if layout.l1 is Cloud.GCP else set[str]()
    keys = {published.api_key(Role(role)) for role in receivers}
    urls = {published.url(Role(role)) for role in receivers} | {f"{name}_url" for name in grafana}
    assert (
        outputs
        == {"dead_letter_queues", "deployment", "device_values", "storage_tiers"} | broker | keys | urls
    )
    assert all(stack["output"][key]["sensitive"] for key in keys)


@pytest.mark.parametrize("layout", GCP_LAYOUTS, ids=str)
def test_each_function_has_an_identity_of_its_own(layout: Layout) -> None:
    used = [
        each.body["service_config"]["service_account_email"]
        for each in resources(gcp_stack(layout), FUNCTION)
    ]
    assert len(set(used)) == len(used)


@pytest.mark.parametrize("layout", GCP_LAYOUTS, ids=str)
def test_nothing_is_granted_on_the_project_that_could_be_granted_on_less(layout: Layout) -> None:
    """Builds read and write what Google makes in the project; loose workflow grants, log writing and metrics
    have no resource.
    """
    for each in resources(gcp_stack(layout), "google_project_iam_member"):
        role = each.body["role"]
        if role.startswith("roles/datastore."):
            # Firestore, 'Manage databases', per-database access: this expression, without a resource type.
            of = each.name.partition("_")[0]
            name = of if of in ("graph", "state") else "hot"
            resource = f"projects/my-project/databases/factory-{name}-europe-west1"
            assert each.body["condition"]["expression"] == f'resource.name == "{resource}"'
        else:
            projects = ("roles/run.builder", "roles/logging.logWriter", "roles/workflows.invoker")
            assert role in (*projects, "roles/monitoring.viewer")


@pytest.mark.parametrize("layout", GCP_LAYOUTS, ids=str)
def test_what_cannot_be_delivered_is_kept(layout: Layout) -> None:
    """Pub/Sub, 'Dead-letter topics': its agent publishes to the topic and acknowledges on the subscription,
    and a topic without a subscription keeps nothing."""
    stack = gcp_stack(layout)
    acknowledged = {each.name for each in resources(stack, "google_pubsub_subscription_iam_member")}
    publishes = {
        each.body["topic"]
        for each in resources(stack, "google_pubsub_topic_iam_member")
        if each.name.endswith("_pubsub")
    }
    kept = {
        each.body["topic"]
        for each in resources(stack, "google_pubsub_subscription")
        if each.name.endswith("_dead")
    }
    pushed = [each for each in resources(stack, "google_pubsub_subscription") if "push_config" in each.body]
    for each in pushed:
        dead = each.body["dead_letter_policy"]["dead_letter_topic"]
        assert each.name in acknowledged
        assert dead in kept
        assert dead.replace("].id", "].name").replace("dead.id", "dead.name") in publishes
    alarms = {
        each.name
        for each in resources(stack, "google_monitoring_alert_policy")
        if not each.name.endswith(("_failed", "_behind", "_refusals"))
    }
    dead_topics = {
        each.name for each in resources(stack, "google_pubsub_topic") if each.name.endswith("_dead")
    }
    assert dead_topics == alarms - {"workflow"}


def test_the_whole_event_system_is_optional() -> None:
    words = ("event_checker", "event_feedback", "events", "commands", "workflow", "link_feedback", "devices")
    words += ("state",)
    for layout in GCP_LAYOUTS:
        for each in resources(gcp_stack(layout)):
            part = any(each.name.startswith(word) or each.name.endswith(word) for word in words)
            guarded = "enable_events" in json.dumps([each.body.get("count"), each.body.get("for_each")])
            assert guarded or not part, each.address


def test_the_checker_alone_keeps_the_rules_state() -> None:
    """In a database of its own, even where the stack has others: the grant is on a whole database, and
    switching the event system off deletes it.
    """
    stack = gcp_stack(TWINS)
    assert set(stack["resource"]["google_firestore_database"]) == {"graph", "hot", "state"}
    database = stack["resource"]["google_firestore_database"]["state"]
    function = stack["resource"]["google_cloudfunctions2_function"]["event_checker"]
    environment = function["service_config"]["environment_variables"]
    assert environment["STATE_STORE"] == (
        "projects/my-project/databases/${one(google_firestore_database.state[*].name)}"
    )
    of_checker = {
        each.name: (each.body["role"], each.body.get("condition", {}).get("expression"))
        for each in resources(stack, "google_project_iam_member")
        if each.name.endswith("_event_checker")
    }
    assert of_checker.pop("workflow_event_checker") == ("roles/workflows.invoker", None)
    only = f'resource.name == "projects/my-project/databases/{database["name"]}"'
    assert of_checker == {"state_event_checker": ("roles/datastore.user", only)}
    assert "$" not in database["name"], "known at plan time"
    assert database["name"].endswith("-europe-west1"), "another one in another region"


def test_the_rules_state_can_be_deleted_with_the_event_system() -> None:
    """google_firestore_database: 'deletion_policy must be set to DELETE', and delete protection off.
    Firestore keeps the name of a deleted database for five minutes: no apply deletes and makes it.
    """
    for layout in GCP_LAYOUTS:
        for each in resources(gcp_stack(layout), "google_firestore_database"):
            if each.name == "state":
                assert each.counted
                assert each.body["deletion_policy"] == "DELETE"
                assert each.body["delete_protection_state"] == "DELETE_PROTECTION_DISABLED"
                assert "prevent_destroy" not in each.body.get("lifecycle", {})
            else:
                assert not each.counted, "rows and graph stay when the event system goes"


def test_records_of_the_rules_state_have_no_index() -> None:
    (field,) = [
        each for each in resources(gcp_stack(ALL), "google_firestore_field") if each.name == "state_all"
    ]
    assert (field.body["field"], field.body["index_config"]) == ("*", {})
    assert field.counted


def test_firestore_is_enabled_where_there_is_a_database() -> None:
    """google_firestore_database: refused while the API is off."""
    for layout in GCP_LAYOUTS:
        stack = gcp_stack(layout)
        enabled = stack["resource"]["google_project_service"]["required"]["for_each"]
        assert ('"firestore' in json.dumps(enabled).replace("\\", "")) == (
            "google_firestore_database" in stack["resource"]
        )


def test_local_links_have_no_secret_and_remote_ones_do() -> None:
    names = {
        layout: {each.name for each in resources(gcp_stack(layout), "google_secret_manager_secret")}
        for layout in GCP_LAYOUTS
    }
    assert names[ALL] == {"fleet", "hot_reader_api_keys"}
    assert names[FIRST] == {"fleet", "link_telemetry", "link_feedback", "event_feedback_api_keys"}
    assert names[MIDDLE] == {"link_telemetry", "link_write", "link_feedback", "ingestion_api_keys"}
    assert names[LAST] == {"link_write", "writer_api_keys", "hot_reader_api_keys"}
    assert names[COLD] == {"link_cold", "link_archive", "cold_writer_api_keys"}
    assert names[ARCHIVE] == {"link_archive", "archive_writer_api_keys"}
    assert set(gcp_stack(MIDDLE)["output"]) >= {
        f"link_{link}_secret" for link in ("telemetry", "write", "feedback")
    }


def test_link_secrets_are_left_empty() -> None:
    """But for Grafana's: Cloud Run starts no service whose secret has no version."""
    for layout in GCP_LAYOUTS:
        versions = {
            each.name: each.body
            for each in resources(gcp_stack(layout), "google_secret_manager_secret_version")
            if each.name.startswith("link_")
        }
        grafana = versions.pop("link_dashboards", None)
        assert (grafana is not None) == (layout.l5 is Cloud.GCP)
        if grafana and layout.l3 is not Cloud.GCP:
            assert grafana["secret_data"] == "${jsonencode({apiVersion = 1, datasources = []})}"
        assert not versions


def test_only_this_twin_s_functions_go_to_its_log() -> None:
    body = gcp_stack(LAST)["resource"]["google_logging_project_sink"]["functions"]
    pattern = re.search(r'=~"(.+)"$', body["filter"])
    assert pattern
    assert re.match(pattern.group(1), "factory-hot-reader")
    assert not re.match(pattern.group(1), "factory-hot-reader-2")
    assert not re.match(pattern.group(1), "my-factory-hot-reader")


def test_a_log_bucket_s_name_is_new_in_each_deployment() -> None:
    """Logging, 'Delete a bucket': a deleted log bucket keeps its name for seven days; so it is new after a
    change of the region, and after the change back, too.
    """
    body = gcp_stack(ALL)["resource"]["google_logging_project_bucket_config"]["functions"]
    assert body["bucket_id"] == "factory-${random_id.functions.hex}"
    assert gcp_stack(ALL)["resource"]["random_id"]["functions"]["keepers"] == {"region": body["location"]}


def test_everything_waits_until_the_services_answer() -> None:
    """A resource names the wait for the services in depends_on, or refers to one that does."""
    for layout in (ALL, FIRST, MIDDLE, LAST, TIERS, COLD, ARCHIVE):
        blocks = {each.address: each for each in resources(gcp_stack(layout))}
        waiting = {"time_sleep.enabled"}
        grew = True
        while grew:
            grew = False
            for address, each in blocks.items():
                text = json.dumps(each.body)
                if address not in waiting and any(
                    re.search(rf"{re.escape(known)}\b", text) for known in waiting
                ):
                    waiting.add(address)
                    grew = True
        needless = {"google_project_service.required"}
        assert {a for a in blocks if not a.startswith("random_")} - needless <= waiting
        (trigger,) = blocks["time_sleep.enabled"].body["triggers"].values()
        assert {each.address for each in references(trigger)} == needless


def test_a_twin_without_devices_has_no_subscription_for_them() -> None:
    assert "devices" not in stack_of(twin_config(ALL, devices=[]))["resource"]["google_pubsub_subscription"]


def test_services_of_layers_elsewhere_are_not_enabled() -> None:
    for_each = gcp_stack(FIRST)["resource"]["google_project_service"]["required"]["for_each"]
    assert "firestore" not in for_each
    assert "workflows" not in for_each
    assert "cloudscheduler" not in for_each


def test_alarms_tell_whom_twin_yaml_names() -> None:
    assert not resources(gcp_stack(ALL), "google_monitoring_notification_channel")
    stack = stack_of(twin_config(ALL, alerts={"email": "ops@example.com"}))
    (channel,) = resources(stack, "google_monitoring_notification_channel")
    assert channel.body["labels"] == {"email_address": "ops@example.com"}
    for each in resources(stack, "google_monitoring_alert_policy"):
        assert each.body["notification_channels"] == ["${google_monitoring_notification_channel.alerts.name}"]


def test_many_refusals_of_a_reader_fire_an_alarm() -> None:
    """The filter is on what the function writes, and Cloud Logging makes of it."""
    (policy,) = [
        each
        for each in resources(gcp_stack(ALL), "google_monitoring_alert_policy")
        if each.name.endswith("_refusals")
    ]
    assert policy.name == "hot_reader_refusals"
    line = policy.body["conditions"][0]["condition_matched_log"]["filter"]
    name = gcp_stack(ALL)["resource"]["google_cloudfunctions2_function"]["hot_reader"]["name"]
    assert f'resource.labels.service_name="{name}"' in line
    assert 'jsonPayload.event="refused"' in line
    assert "jsonPayload.status=(401 OR 429)" in line
    assert "jsonPayload.count>60" in line


def test_a_stack_that_consumes_nothing_has_no_identity_for_pushes() -> None:
    accounts = {each.name for each in resources(gcp_stack(LAST), "google_service_account")}
    assert accounts == {"build", "writer", "hot_reader"}
