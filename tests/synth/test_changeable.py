"""A twin that is deployed can be changed: events off and on, a layer moved, another region."""

import pytest

from support import changeable
from support.layouts import SYNTHESIZED, Layout, twin_config
from support.stack_changes import Change, changed, drop, put
from support.synth import stacks
from twin_runtime.roles import Cloud

WHOLE = Layout(*[Cloud.GCP] * 7)
FUNCTION = "google_cloudfunctions2_function"
HOT_READER = f"{FUNCTION}.hot_reader.service_config.environment_variables"
FLEET = "google_secret_manager_secret.fleet"


@pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
@pytest.mark.parametrize("read_api", [True, False], ids=["read-api", "no-read-api"])
def test_nothing_stands_in_the_way_of_a_change(layout: Layout, read_api: bool) -> None:
    for name, stack in stacks(layout, read_api=read_api).items():
        if name in list(Cloud):
            assert not list(changeable.problems(twin_config(layout), Cloud(name), stack)), name


def found(*changes: Change) -> list[str]:
    """What is wrong with the stack of a twin that is all in Google Cloud, after changes to it."""
    stack = changed(stacks(WHOLE)[Cloud.GCP], *changes)
    return list(changeable.problems(twin_config(WHOLE), Cloud.GCP, stack))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "may be empty"),
        ('${try(google_pubsub_topic.events[0].name, "")}', "may be empty"),
        ("${one(google_pubsub_topic.events[*].name)}", "is null while the event system is off"),
        ("${google_pubsub_topic.processing.id}", "is unknown until google_pubsub_topic.processing is there"),
        (f"${{{FUNCTION}.processor.service_config[0].uri}}", "is unknown until"),
    ],
)
def test_a_value_that_is_empty_or_unknown_while_terraform_plans(value: str, problem: str) -> None:
    (said,) = found(put(f"{HOT_READER}.STORE", value))[:1]
    assert said.startswith(f"{FUNCTION}.hot_reader: STORE {problem}")


def test_a_name_that_a_reference_makes_unknown() -> None:
    unknown = put("google_pubsub_topic.persisting_dead.name", "x-${random_id.functions.hex}")
    (said,) = found(unknown)
    assert said.endswith("DEAD_LETTER_QUEUE is unknown until google_pubsub_topic.persisting_dead is there")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("google_firestore_database.hot.name", "factory-hot"),
        ("google_storage_bucket.source.name", "factory-source-123456"),
        (f"{FLEET}.secret_id", "factory-fleet"),
    ],
)
def test_a_name_that_is_the_same_in_another_region(path: str, name: str) -> None:
    address = path.rpartition(".")[0]
    said = found(put(path, name))
    assert f"{address}: is made before its predecessor goes, and has the same name" in said
    assert any(each.endswith(f": outlives {address}") for each in said)


def test_what_is_replaced_with_its_parent_outlives_nothing() -> None:
    same = put(f"{FLEET}.secret_id", "factory-fleet")
    reader = "google_secret_manager_secret_iam_member.fleet_dispatcher"
    assert f"{reader}: outlives {FLEET}" in found(same)
    replaced = put(f"{reader}.lifecycle.replace_triggered_by", [FLEET])
    assert f"{reader}: outlives {FLEET}" not in found(same, replaced)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            drop("time_sleep.settled.triggers.build"),
            f"{FUNCTION}.persister: uses google_project_iam_member.build while it is new",
        ),
        (
            drop("time_sleep.grafana.triggers.link_dashboards_grafana"),
            "google_cloud_run_v2_service.grafana: uses "
            "google_secret_manager_secret_iam_member.link_dashboards_grafana while it is new",
        ),
        (
            drop("google_cloud_scheduler_job.cold_mover.depends_on"),
            "google_cloud_scheduler_job.cold_mover: uses "
            "google_cloud_run_v2_service_iam_member.cold_mover_clock while it is new",
        ),
        (
            drop("google_service_account_iam_member.push_tokens.depends_on"),
            "google_service_account_iam_member.push_tokens: is for an agent that may not exist",
        ),
        (
            put("time_sleep.enabled.triggers", {}),
            "google_pubsub_topic.telemetry: does not wait for the services",
        ),
        (
            put("time_sleep.clock.depends_on", ["google_service_account.clock"]),
            "time_sleep.clock: does not wait again",
        ),
    ],
    ids=["build", "grafana", "clock", "agent", "services", "again"],
)
def test_a_grant_or_a_service_that_is_used_at_once(change: Change, problem: str) -> None:
    assert problem in found(change)
