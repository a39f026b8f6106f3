"""What an instance holds when all that it works on at a time is as large as it can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import memory_bounds as memory
from support.memory_bounds import Case
from twin_aws import dynamodb
from twin_azure import store as cosmos
from twin_gcp import store as firestore
from twin_runtime.events import cloudevents
from twin_runtime.ports import MAX_BATCH_BYTES
from twin_runtime.roles import ROLES, Cloud, Role
from twin_runtime.wire.sender import DEFAULT_POLICY
from twinspan.azure.functions import memory_mb
from twinspan.config.yamlfile import MOST_VALUES

ROOT = Path(__file__).resolve().parents[2]
CASES = list(memory.cases())
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def memory_of(case: Case) -> int:
    """Megabytes of an instance."""
    wanted = ROLES[case.role].memory_mb
    return memory_mb(wanted) if case.cloud is Cloud.AZURE else wanted


@each_case
def test_a_third_of_the_memory_is_to_spare(case: Case) -> None:
    assert memory.needed_mb(case) <= memory.SHARE * (memory_of(case) - memory.code_mb(case))


def test_every_role_is_there() -> None:
    for cloud in Cloud:
        absent = {role for role in Role if cloud in ROLES[role].absent}
        there = {case.role for case in CASES if case.cloud is cloud}
        assert there == {*Role} - absent
    assert len(CASES) == len(set(CASES)) == 3 * 24 + 5


def test_the_largest_is_the_largest() -> None:
    assert cloudevents.MAX_DATA_BYTES + 2_000 <= MAX_BATCH_BYTES, "one event, with its attributes"
    assert memory.LARGEST[ROLES[Role.WRITER].trigger] == DEFAULT_POLICY.max_bytes
    assert max(dynamodb.MAX_PAGE_BYTES, cosmos.MAX_PAGE_BYTES, firestore.MAX_PAGE_BYTES) == memory.PAGE_BYTES
    assert memory.DEVICES == MOST_VALUES // 5


@pytest.mark.slow
@each_case
def test_what_a_role_holds_is_within_the_bound(case: Case) -> None:
    found = peaks(case)
    needed = memory.needed_mb(case)
    assert found["peak"] <= needed, f"{found['peak']:.0f} MB, where {needed:.0f} are reckoned with"
    if memory.code_mb(case):
        # The program and its libraries are not part of the bound.
        assert 0.9 * memory.code_mb(case) < found["code"] < memory.code_mb(case) + 30


@pytest.mark.parametrize(("cloud", "role"), [(Cloud.GCP, Role.PERSISTER), (Cloud.AZURE, Role.PERSISTER)])
def test_the_roles_that_hold_most(cloud: Cloud, role: Role) -> None:
    """Google's persister held 930 MB, of 512, where 80 messages of 0.9 MB came at once."""
    case = Case(cloud, role, remote=False)
    found = peaks(case)["peak"]
    assert found <= memory.SHARE * memory_of(case)
    assert found > memory.IDLE_MB + 50, "what was sent was not held"


def peaks(case: Case) -> dict[str, float]:
    """Megabytes, in a process of its own; every call has succeeded."""
    paths = [str(ROOT / part) for part in ("tests", "", "constructs", "function_src")]
    variant = "remote" if case.remote else "local"
    done = subprocess.run(
        [sys.executable, "-m", "support.peaks", case.cloud, case.role, variant, *filter(None, [case.work])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])
