"""Names of Google Cloud resources: the limits, and that every name in a stack was planned."""

import pytest

from gcp.stacks import GCP_LAYOUTS, gcp_stack
from support.layouts import Layout, twin_config
from support.terraform_json import Resource, resources
from twin_runtime.roles import ROLES, SCHEDULES, Cloud, Role
from twinspan.gcp import names
from twinspan.naming import Names
from twinspan.topology import Topology

RULES = {rule.resource: rule for rule in names.RULES}
DYNAMIC = {("google_pubsub_subscription", "devices"), ("google_logging_project_bucket_config", "functions")}
LONGEST_TWIN = "a" * 20
LONGEST_DEVICE = 128


def last(block: Resource) -> str:
    """How the last of a scheduled function's jobs ends."""
    return f"-{SCHEDULES[Role(block.name)].partitions - 1}" if block.name in SCHEDULES else ""


@pytest.mark.parametrize("layout", GCP_LAYOUTS, ids=str)
def test_what_is_planned_is_what_is_built(layout: Layout) -> None:
    config = twin_config(layout)
    planned = set(names.planned(Names.of(config), Topology.of(config)))
    built = {
        (each.kind, each.body[RULES[each.kind].attribute].replace("-${each.key}", last(each)))
        for each in resources(gcp_stack(layout), *RULES)
        if (each.kind, each.name) not in DYNAMIC
    }
    assert built == planned


@pytest.mark.parametrize("twin", ["abc", LONGEST_TWIN])
@pytest.mark.parametrize("layout", GCP_LAYOUTS, ids=str)
def test_shortest_and_longest_twin_fit(layout: Layout, twin: str) -> None:
    config = twin_config(layout, twin=twin)
    for kind, name in names.planned(Names.of(config), Topology.of(config)):
        assert RULES[kind].problem(name) is None, (kind, name)


def test_service_account_ids_are_the_tightest() -> None:
    """google_service_account, account_id: 6 to 30 characters of [a-z]([-a-z0-9]*[a-z0-9])."""
    whole = Names(LONGEST_TWIN)
    roles = [role for role in Role if Cloud.GCP not in ROLES[role].absent]
    others = (names.BUILD_ACCOUNT, names.PUSH_ACCOUNT, names.CLOCK_ACCOUNT, names.WORKFLOW)
    words: list[Role | str] = [*roles, *others]
    ids = [names.account(whole, word) for word in words]
    assert max(map(len, ids)) == 30
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("google_service_account", "a" * 31),
        ("google_service_account", "1factory"),
        ("google_storage_bucket", "google-source-123456"),
        ("google_storage_bucket", "my-g00gle-source-123456"),
        ("google_pubsub_topic", "goog-telemetry"),
        ("google_firestore_database", "abc"),
        ("google_firestore_database", "12345678-1234-1234-1234-123456789abc"),
        ("google_workflows_workflow", "a" * 65),
        ("google_secret_manager_secret", "a.b"),
        ("google_cloud_scheduler_job", "a.b"),
    ],
)
def test_names_that_google_refuses(kind: str, name: str) -> None:
    assert RULES[kind].problem(name)


def test_a_device_s_subscription_stays_within_the_limit() -> None:
    """Pub/Sub resource names: up to 255 characters, ':' not among them, which a device's id may have."""
    name = f"{Names(LONGEST_TWIN).name(names.DEVICE_COMMAND)}-{'d' * LONGEST_DEVICE}"
    assert RULES["google_pubsub_subscription"].problem(name) is None
    body = gcp_stack(Layout(Cloud.GCP, Cloud.AWS, Cloud.AWS))["resource"]["google_pubsub_subscription"][
        "devices"
    ]
    assert body["name"] == 'factory-command-${replace(each.key, ":", ".")}'


def test_rules_say_where_they_stand() -> None:
    assert all(rule.source for rule in names.RULES)
