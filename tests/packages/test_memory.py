"""What an instance holds when all that it works on at a time is as large as it can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import memory_bounds as memory
from twin_aws import dynamodb
from twin_gcp import store as firestore
from twin_runtime.events import cloudevents
from twin_runtime.ports import MAX_BATCH_BYTES
from twin_runtime.roles import ROLES, Cloud, Role
from twin_runtime.wire.sender import DEFAULT_POLICY
from twinspan.azure.functions import memory_mb

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = list(memory.variants())
_IDS = [f"{cloud}-{role}-{'remote' if remote else 'local'}" for cloud, role, remote in VARIANTS]
each_variant = pytest.mark.parametrize(("cloud", "role", "remote"), VARIANTS, ids=_IDS)


def memory_of(role: Role, cloud: Cloud) -> int:
    wanted = ROLES[role].memory_mb
    return memory_mb(wanted) if cloud is Cloud.AZURE else wanted


@each_variant
def test_a_third_of_the_memory_is_to_spare(cloud: Cloud, role: Role, remote: bool) -> None:
    assert memory.needed_mb(role, cloud, remote=remote) <= memory.SHARE * memory_of(role, cloud)


def test_every_role_on_the_way_of_an_event_is_there() -> None:
    assert {role for _, role, _ in VARIANTS} == set(memory.MEASURED)
    assert len(VARIANTS) == len(set(VARIANTS)) == 3 * 12


def test_the_largest_is_the_largest() -> None:
    assert cloudevents.MAX_DATA_BYTES + 2_000 <= MAX_BATCH_BYTES, "one event, with its attributes"
    assert memory.LARGEST[ROLES[Role.WRITER].trigger] == DEFAULT_POLICY.max_bytes
    assert max(dynamodb.MAX_PAGE_BYTES, firestore.MAX_PAGE_BYTES) == memory.PAGE_BYTES


@pytest.mark.slow
@each_variant
def test_what_a_role_holds_is_within_the_bound(cloud: Cloud, role: Role, remote: bool) -> None:
    found = peak(cloud, role, remote)
    needed = memory.needed_mb(role, cloud, remote=remote)
    assert found <= needed, f"{found:.0f} MB, where {needed:.0f} are reckoned with"


@pytest.mark.parametrize(("cloud", "role"), [(Cloud.GCP, Role.PERSISTER), (Cloud.AZURE, Role.DISPATCHER)])
def test_the_roles_that_hold_most(cloud: Cloud, role: Role) -> None:
    """Google's persister held 930 MB, of 512, where 80 messages of 0.9 MB came at once."""
    found = peak(cloud, role, remote=False)
    assert found <= memory.SHARE * memory_of(role, cloud)
    assert found > memory.IDLE_MB + 50, "what was sent was not held"


def peak(cloud: Cloud, role: Role, remote: bool) -> float:
    """Megabytes, in a process of its own; every call has succeeded."""
    paths = [str(ROOT / part) for part in ("tests", "", "constructs", "function_src")]
    done = subprocess.run(
        [sys.executable, "-m", "support.peaks", role, cloud, "remote" if remote else "local"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])["peak"]
