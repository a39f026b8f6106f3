"""The cold and the archive tier, and what runs by the clock."""

import re

import pytest

from gcp.stacks import ALL, ARCHIVE, COLD, TIERS, gcp_stack
from support.layouts import Layout, twin_config
from support.terraform_json import resources
from twin_runtime.roles import SCHEDULES, Role
from twinspan import alarms
from twinspan.lifecycle import EVENTS, PARTS, UNDELETE_DAYS

RETENTION = twin_config(ALL).retention
FUNCTION = "google_cloudfunctions2_function"
Rule = tuple[str, str | None, int]
BUCKET = "google_storage_bucket"
each_tier = pytest.mark.parametrize(
    ("layout", "tier"), [(TIERS, "cold"), (COLD, "cold"), (ARCHIVE, "archive")], ids=str
)


def rules(layout: Layout) -> dict[str, list[Rule]]:
    """The lifecycle rules as (action, class, age) by the prefix that they are for."""
    found: dict[str, list[Rule]] = {}
    for rule in gcp_stack(layout)["resource"][BUCKET]["files"]["lifecycle_rule"]:
        condition, action = rule["condition"], rule["action"]
        (prefix,) = condition["matches_prefix"]
        entry = (action["type"], action.get("storage_class"), condition["age"])
        found.setdefault(prefix, []).append(entry)
    return found


@each_tier
def test_a_bucket_is_closed_and_what_is_deleted_comes_back(layout: Layout, tier: str) -> None:
    bucket = gcp_stack(layout)["resource"][BUCKET]["files"]
    assert bucket["public_access_prevention"] == "enforced"
    assert bucket["uniform_bucket_level_access"] is True
    assert bucket["soft_delete_policy"] == {"retention_duration_seconds": UNDELETE_DAYS * 86_400}
    assert bucket["force_destroy"] is False
    assert bucket["labels"] == {"twin": "factory", "layer": f"{tier}_storage", "role": "store"}


@each_tier
def test_parts_that_were_left_behind_go_after_a_week(layout: Layout, tier: str) -> None:
    assert rules(layout)[PARTS] == [("Delete", None, 7)]


def test_files_are_archived_and_deleted_by_rule_where_the_archive_is_here() -> None:
    assert rules(TIERS)[EVENTS] == [
        ("SetStorageClass", "ARCHIVE", RETENTION.cold_days),
        ("Delete", None, RETENTION.archive_days),
    ]


def test_a_remote_archive_leaves_the_rule_as_the_last_safety_net() -> None:
    assert rules(COLD)[EVENTS] == [("Delete", None, RETENTION.archive_days)]


def test_what_an_archive_finds_in_its_bucket_becomes_part_of_it() -> None:
    """Files of a cold tier that was here before, the next day: the archive's own have the class."""
    assert rules(ARCHIVE)[EVENTS] == [
        ("SetStorageClass", "ARCHIVE", 1),
        ("Delete", None, RETENTION.archive_days),
    ]


def test_the_class_of_files_is_the_bucket_s() -> None:
    found = {
        layout: gcp_stack(layout)["resource"][BUCKET]["files"]["storage_class"]
        for layout in (TIERS, COLD, ARCHIVE)
    }
    assert found == {TIERS: "NEARLINE", COLD: "NEARLINE", ARCHIVE: "ARCHIVE"}


def test_a_tier_that_moves_away_leaves_the_bucket_to_the_other() -> None:
    """google_storage_bucket, source: of what is set here a change of name and location alone replaces it."""
    buckets = [gcp_stack(layout)["resource"][BUCKET]["files"] for layout in (TIERS, COLD, ARCHIVE)]
    assert len({(bucket["name"], bucket["location"]) for bucket in buckets}) == 1
    assert all(bucket["//"]["metadata"]["uniqueId"] == "files" for bucket in buckets)


def test_who_may_do_what_with_the_files() -> None:
    found = {
        each.name: each.body["role"]
        for layout in (TIERS, COLD, ARCHIVE)
        for each in resources(gcp_stack(layout), "google_storage_bucket_iam_member")
    }
    assert found == {
        "files_hot_reader": "roles/storage.objectViewer",
        "files_cold_mover": "roles/storage.objectUser",
        "files_cold_writer": "roles/storage.objectUser",
        "files_archive_mover": "roles/storage.objectUser",
        "files_archive_writer": "roles/storage.objectUser",
    }
    grants = gcp_stack(TIERS)["resource"]["google_project_iam_member"]
    assert grants["store_cold_mover"]["role"] == "roles/datastore.user"


def test_addresses_of_the_tiers() -> None:
    def store(layout: Layout, role: str, variable: str) -> str:
        function = gcp_stack(layout)["resource"][FUNCTION][role]
        return function["service_config"]["environment_variables"][variable]

    address = f"gs://${{{BUCKET}.files.name}}"
    assert store(TIERS, "hot_reader", "COLD_STORE") == address
    assert store(ARCHIVE, "archive_writer", "ARCHIVE_STORE") == address


@pytest.mark.parametrize(("layout", "role"), [(TIERS, Role.COLD_MOVER), (COLD, Role.ARCHIVE_MOVER)], ids=str)
class TestClock:
    def test_each_partition_has_a_job(self, layout: Layout, role: Role) -> None:
        job, schedule = gcp_stack(layout)["resource"]["google_cloud_scheduler_job"][role], SCHEDULES[role]
        listed = ", ".join(f'"{number}"' for number in range(schedule.partitions))
        assert job["for_each"] == f"${{toset([{listed}])}}"
        assert job["schedule"] == schedule.cron
        told = f"partition = tonumber(each.key), partitions = {schedule.partitions}"
        assert f"{told}}}" in job["http_target"]["body"]
        # Without retry_config a job that failed is run at its next time.
        assert "retry_config" not in job

    def test_a_run_has_an_instance_to_itself_and_time_to_answer(self, layout: Layout, role: Role) -> None:
        stack = gcp_stack(layout)
        config = stack["resource"][FUNCTION][role]["service_config"]
        assert config["max_instance_request_concurrency"] == 1
        assert config["max_instance_count"] == SCHEDULES[role].partitions
        deadline = stack["resource"]["google_cloud_scheduler_job"][role]["attempt_deadline"]
        assert int(deadline.removesuffix("s")) > config["timeout_seconds"]

    def test_the_clock_alone_may_call_it(self, layout: Layout, role: Role) -> None:
        stack = gcp_stack(layout)
        invokers = [
            each
            for each in resources(stack, "google_cloud_run_v2_service_iam_member")
            if each.body["name"] == f"${{{FUNCTION}.{role}.name}}"
        ]
        assert [each.body["member"] for each in invokers] == ["${google_service_account.clock.member}"]
        job = stack["resource"]["google_cloud_scheduler_job"][role]
        token = job["http_target"]["oidc_token"]
        assert token["service_account_email"] == "${google_service_account.clock.email}"
        assert token["audience"] == job["http_target"]["uri"]
        assert job["depends_on"] == ["time_sleep.clock"]
        assert stack["resource"]["time_sleep"]["clock"]["triggers"][role] == f"${{{invokers[0].address}.id}}"
        assert "cloudscheduler" in stack["resource"]["google_project_service"]["required"]["for_each"]

    def test_its_runs_are_measured(self, layout: Layout, role: Role) -> None:
        made = gcp_stack(layout)["resource"]
        service = made[FUNCTION][role]["name"]
        for field in alarms.MEASURED:
            metric = made["google_logging_metric"][f"{role}_{field}"]
            assert metric["filter"].endswith(
                f'resource.labels.service_name="{service}" AND jsonPayload.event="{alarms.RUN[role]}"'
            )
            assert metric["value_extractor"] == f"EXTRACT(jsonPayload.{field})"
            assert metric["bucket_options"], "a distribution must have them"

    def test_a_failed_run_rings(self, layout: Layout, role: Role) -> None:
        """Cloud Scheduler, 'View logs': an attempt that failed is logged as an error of the job, also one
        that reached nobody.
        """
        alarm = gcp_stack(layout)["resource"]["google_monitoring_alert_policy"][f"{role}_failed"]
        matched = alarm["conditions"][0]["condition_matched_log"]["filter"]
        assert 'resource.type="cloud_scheduler_job"' in matched
        assert matched.endswith("severity>=ERROR")
        (pattern,) = re.findall(r'job_id=~"(.+?)"', matched)
        job = f"factory-{role.replace('_', '-')}-0"
        assert re.search(pattern, job)
        assert not re.search(pattern, f"my-{job}")
        assert not re.search(pattern, f"{job}-other")
