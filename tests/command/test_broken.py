"""Broken states: each ends with one sentence and the next step, and what stands goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command.plan import applying
from command.terraform import program
from support.layouts import Layout, twin_data
from support.operated import Operated
from support.planes import World
from twin_runtime.roles import Cloud

pytestmark = pytest.mark.terraform

HERE = Layout(Cloud.GCP, Cloud.GCP, Cloud.GCP)


@pytest.fixture
def twin(operated: Operated) -> Operated:
    operated.write(twin_data(HERE))
    return operated


def test_without_terraform(twin: Operated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = twin.run("plan")
    assert (missing.status, missing.err) == (
        2,
        "terraform is not on PATH: install Terraform 1.11 or newer.\n",
    )


def test_with_a_terraform_that_is_too_old(
    twin: Operated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "terraform").write_text('#!/bin/sh\necho \'{"terraform_version": "1.5.7"}\'\n')
    (old / "terraform").chmod(0o755)
    monkeypatch.setenv("PATH", f"{old}:{os.environ['PATH']}")
    said = twin.run("plan")
    assert (said.status, said.err) == (2, "Terraform 1.5.7 is too old: install Terraform 1.11 or newer.\n")


def test_a_locked_state(twin: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_LOCK_TIMEOUT", "-lock-timeout=0s")
    state = twin.folder / "terraform.factory.gcp.tfstate"
    state.touch()
    info = twin.folder / ".terraform.factory.gcp.tfstate.lock.info"
    info.write_text(
        '{"ID":"4711","Operation":"OperationTypeApply","Info":"","Who":"ops@laptop","Version":"1.11.4",'
        '"Created":"2026-11-30T16:50:29.7Z","Path":""}'
    )
    # As Terraform does, and in a process of its own: one that reads the file loses its lock on it.
    hold = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print(); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        other.stdout.readline()
        locked = twin.run("plan")
        other.communicate(b"\n")
    assert locked.status == 1
    assert "Stack gcp: its state is locked by ops@laptop since 2026-11-30 16:50:29." in locked.err
    assert "force-unlock 4711" in locked.err
    assert not (twin.out / "plan.json").exists()


def test_a_stack_that_was_applied_in_part(twin: Operated, world: World) -> None:
    assert twin.run("plan").status == 0
    world.fail("google_pubsub_topic", "telemetry-dead", leaves="object")
    failed = twin.run("deploy")
    assert failed.status == 1
    lines = failed.out.splitlines()
    assert lines[-1] == "Run twinspan plan and twinspan deploy again: they go on from here."
    assert lines[-2].startswith("Stack gcp stopped after ")
    assert twin.run("deploy").status == 4  # the plan is used up

    assert twin.run("plan").status == 0
    half = twin.run("deploy")
    assert half.status == 1
    assert (
        "exists in the cloud, but not in the state: an earlier run was cut short. Import it with" in half.out
    )

    for topic in world.objects("google_pubsub_topic"):
        if topic["name"] == "factory-telemetry-dead":
            world.control.delete("google_pubsub_topic", topic)
    twin.deploy()


def test_a_protected_resource_that_is_tainted(twin: Operated, world: World) -> None:
    assert twin.run("plan").status == 0
    world.fail("google_firestore_database", "hot", leaves="tainted")
    assert twin.run("deploy").status == 1
    refused = twin.run("--json", "plan")
    assert refused.status == 4
    (said,) = refused.document["refused"]
    address = "google_firestore_database.hot"
    assert f"has left {address} tainted. To keep it as it is, run terraform untaint '{address}' in" in said
    program.Program(os.environ).run("gcp", twin.out / "stacks" / "gcp", "untaint", address)
    twin.deploy()
    assert twin.run("plan").out.splitlines()[-1] == "Nothing changes."


@pytest.mark.matrix
def test_ctrl_c_ends_terraform_cleanly(twin: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    assert twin.run("plan").status == 0
    real = applying.Progress.__call__

    def interrupting(progress: applying.Progress, event: program.Event) -> None:
        real(progress, event)
        if progress.done == 3 and event.get("type") == "apply_complete":
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(applying.Progress, "__call__", interrupting)
    stopped = twin.run("deploy")
    assert stopped.status == 130, stopped
    assert "Stopping: Terraform finishes the resources that it has begun." in stopped.err
    assert "Stack gcp stopped after " in stopped.out
    assert len(twin.state("gcp")["resources"]) >= 3

    monkeypatch.setattr(applying.Progress, "__call__", real)
    twin.deploy()
    assert twin.run("plan").out.splitlines()[-1] == "Nothing changes."
