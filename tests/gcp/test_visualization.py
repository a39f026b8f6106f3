"""Grafana on Cloud Run: the values that Google takes, the files that Grafana reads, when it starts anew."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gcp.stacks import gcp_stack
from support.layouts import Layout, twin_config
from support.terraform_json import Stack
from twin_runtime.roles import Cloud
from twinspan import dashboards, datasource
from twinspan.gcp import visualization

GCP, AWS = Cloud.GCP, Cloud.AWS
REMOTE = Layout(AWS, AWS, AWS, l5=GCP)
LOCAL = Layout(GCP, GCP, GCP, l5=GCP)
SCRIPT = Path(visualization.__file__).with_name("grafana.sh")


@pytest.fixture(scope="module")
def stack() -> Stack:
    return gcp_stack(REMOTE)


@pytest.fixture(scope="module")
def service(stack: Stack) -> dict[str, Any]:
    return stack["resource"]["google_cloud_run_v2_service"]["grafana"]


@pytest.fixture(scope="module")
def container(service: dict[str, Any]) -> dict[str, Any]:
    (found,) = service["template"]["containers"]
    return found


def test_the_service(service: dict[str, Any]) -> None:
    # documentation of google_cloud_run_v2_service 6.50: ingress, execution_environment, deletion_protection.
    assert service["ingress"] in (
        "INGRESS_TRAFFIC_ALL",
        "INGRESS_TRAFFIC_INTERNAL_ONLY",
        "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
    )
    assert service["deletion_protection"] is False  # by default the provider refuses to destroy it
    # volumes.gcs: only supported in the gen2 execution environment, which asks for 512 MiB at least.
    assert service["template"]["execution_environment"] == "EXECUTION_ENVIRONMENT_GEN2"
    # Its users and sessions are in its own memory: there can be one.
    assert service["template"]["scaling"] == {"min_instance_count": 0, "max_instance_count": 1}


def test_the_container(container: dict[str, Any]) -> None:
    # documentation, resources.limits: cpu 1, 2, 4 or 8; Cloud Run, 'Memory limits': one CPU up to 4 GiB.
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}
    # Cloud Run, 'Deploying container images': Docker Hub by docker.io, pinned to a version here.
    assert re.fullmatch(r"docker\.io/grafana/grafana:\d+\.\d+\.\d+", container["image"])
    assert container["ports"] == {"container_port": 3000}
    # Cloud Run, 'Configure container health checks': time-out at most the period; 240 s in all to start.
    probe = container["startup_probe"]
    assert 1 <= probe["timeout_seconds"] <= probe["period_seconds"] <= 240
    assert probe["failure_threshold"] * probe["period_seconds"] <= 240
    reserved = {"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"}
    assert not reserved & {each["name"] for each in container["env"]}


def test_volumes_are_mounted_where_grafana_looks(service: dict[str, Any], container: dict[str, Any]) -> None:
    """Grafana's image: GF_PATHS_PROVISIONING=/etc/grafana/provisioning."""
    mounts = {each["name"]: each["mount_path"] for each in container["volume_mounts"]}
    volumes = {each["name"]: each for each in service["template"]["volumes"]}
    assert mounts == {
        "dashboards": "/etc/grafana/provisioning/dashboards",
        "datasources": "/etc/grafana/provisioning/datasources",
    }
    assert volumes["dashboards"]["gcs"]["read_only"] is True
    (item,) = volumes["datasources"]["secret"]["items"]
    assert item["version"] == "latest"
    assert f"{mounts['datasources']}/{item['path']}" in SCRIPT.read_text()
    # documentation, default_mode: 0444 is the default, with which Cloud Run answers.
    assert volumes["datasources"]["secret"]["default_mode"] == 292


def test_people_sign_in_with_a_password_that_only_secret_manager_has(
    stack: Stack, container: dict[str, Any]
) -> None:
    settings = {each["name"]: each.get("value") for each in container["env"]}
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == settings["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert settings["GF_SECURITY_ADMIN_PASSWORD"] is None
    (password,) = (e["value_source"]["secret_key_ref"] for e in container["env"] if "value_source" in e)
    assert password["secret"] == "${google_secret_manager_secret.grafana_admin.secret_id}"
    version = stack["resource"]["google_secret_manager_secret_version"]["grafana_admin"]
    assert version["secret_data"] == "${random_password.grafana_admin.result}"
    assert not [name for name in stack["output"] if "password" in name]


def test_the_plugin_is_pinned_and_there_before_data_sources_are_read(container: dict[str, Any]) -> None:
    """Grafana, conf/defaults.ini: preinstall_sync takes <id>@<version>, and comes before the provisioning."""
    settings = {each["name"]: each.get("value") for each in container["env"]}
    assert settings["GF_PLUGINS_PREINSTALL_SYNC"] == f"{datasource.PLUGIN}@{datasource.PLUGIN_VERSION}"


def test_every_dashboard_lies_in_the_bucket(stack: Stack) -> None:
    objects = stack["resource"]["google_storage_bucket_object"]
    wanted = {name.removeprefix("factory-") for name in dashboards.generate(twin_config(REMOTE))}
    ours = {name: block for name, block in objects.items() if name.startswith("dashboard")}
    provider = json.loads(ours.pop("dashboards_provider")["content"])
    assert {block["name"] for block in ours.values()} == wanted
    # source of google_storage_bucket_object: exactly one of content and source.
    assert all("content" not in block and block["source"].startswith("assets/") for block in ours.values())
    (one,) = provider["providers"]
    assert one["options"]["path"] == "/etc/grafana/provisioning/dashboards"
    assert one["folderUid"] == datasource.UID


def test_grafana_may_read_its_files_and_metrics_alone(stack: Stack) -> None:
    member = "${google_service_account.grafana.member}"
    resources = stack["resource"]
    roles = {
        (kind, name, block["role"])
        for kind, blocks in resources.items()
        for name, block in blocks.items()
        if kind.endswith("_iam_member") and block.get("member") == member
    }
    accessor, kind = "roles/secretmanager.secretAccessor", "google_secret_manager_secret_iam_member"
    assert roles == {
        (kind, "grafana_admin_grafana", accessor),
        (kind, "link_dashboards_grafana", accessor),
        ("google_storage_bucket_iam_member", "dashboards_grafana", "roles/storage.objectViewer"),
        ("google_project_iam_member", "grafana_metrics", "roles/monitoring.viewer"),
    }


@pytest.mark.parametrize("layout", [REMOTE, LOCAL], ids=str)
def test_a_service_that_starts_finds_all_that_it_mounts(layout: Layout) -> None:
    """Cloud Run refuses a revision whose secret has no version, or that may not be read."""
    resources = gcp_stack(layout)["resource"]
    needs = resources["google_cloud_run_v2_service"]["grafana"]["depends_on"]
    for need in needs:
        kind, _, name = need.partition(".")
        assert name in resources[kind], need
    kinds = {need.partition(".")[0] for need in needs}
    assert kinds == {
        "google_secret_manager_secret_version",
        "google_storage_bucket_object",
        "time_sleep",
    }


def test_before_links_the_file_names_no_data_source(stack: Stack) -> None:
    first = stack["resource"]["google_secret_manager_secret_version"]["link_dashboards"]["secret_data"]
    assert first == "${jsonencode({apiVersion = 1, datasources = []})}"
    local = gcp_stack(LOCAL)["resource"]["google_secret_manager_secret_version"]["link_dashboards"]
    assert datasource.PLUGIN in local["secret_data"]


# -- When it starts anew


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """The container's script, with a Grafana that waits; its data sources' file and its process."""
    file, run = tmp_path / "twinspan.yaml", tmp_path / "run.sh"
    file.write_text("one")
    run.write_text(
        f"#!/bin/sh\ntrap 'echo stopped > {tmp_path}/said; exit 7' TERM\necho up > {tmp_path}/said\n"
        "while :; do sleep 0.05; done\n"
    )
    run.chmod(0o755)
    text = SCRIPT.read_text().replace("/etc/grafana/provisioning/datasources/twinspan.yaml", str(file))
    text = text.replace("/run.sh &", f"{run} &").replace("sleep 10 &", "sleep 0.1 &")
    process = subprocess.Popen(["/bin/sh", "-c", text], start_new_session=True)
    _until(lambda: (tmp_path / "said").exists() and (tmp_path / "said").read_text() == "up\n")
    yield file, process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _until(done: Any) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_another_data_source_ends_the_container(scripted: tuple[Path, subprocess.Popen[bytes]]) -> None:
    file, process = scripted
    time.sleep(0.4)
    assert process.poll() is None
    file.write_text("another")
    assert process.wait(10) == 7
    assert (file.parent / "said").read_text() == "stopped\n"


def test_a_file_that_cannot_be_read_for_a_moment_is_not_another(
    scripted: tuple[Path, subprocess.Popen[bytes]],
) -> None:
    file, process = scripted
    file.rename(file.with_suffix(".away"))
    time.sleep(0.4)
    assert process.poll() is None


def test_cloud_run_can_end_it(scripted: tuple[Path, subprocess.Popen[bytes]]) -> None:
    file, process = scripted
    process.terminate()
    process.wait(10)
    assert (file.parent / "said").read_text() == "stopped\n"


def test_a_grafana_that_ends_is_the_containers_end(scripted: tuple[Path, subprocess.Popen[bytes]]) -> None:
    _, process = scripted
    children = subprocess.run(
        ["pgrep", "-P", str(process.pid), "-f", "run.sh"], capture_output=True, text=True
    )
    os.kill(int(children.stdout.split()[0]), signal.SIGTERM)
    assert process.wait(10) == 7
