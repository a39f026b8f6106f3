"""The command line of CDKTF deploys the same stacks to the same states as `twinspan`."""

import stat
from functools import partial

import pytest

from support.cdktf_command import cdktf
from support.layouts import Layout, twin_data
from support.operated import Operated
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.terraform, pytest.mark.matrix]

ACROSS = Layout(Cloud.GCP, Cloud.AZURE, Cloud.GCP)


def test_both_command_lines_operate_one_twin(operated: Operated) -> None:
    # The stand-ins are in no registry, where the lock file would be made from.
    run = partial(cdktf, folder=operated.folder, twin=operated.file)
    diff = partial(run, "diff", "--skip-synth", "--skip-provider-lock")
    deploy = partial(run, "deploy", "--skip-synth", "--auto-approve", "--skip-provider-lock")
    stacks = ("azure", "gcp", "links")
    operated.write(twin_data(ACROSS))
    operated.deploy()
    for stack in stacks:
        assert "No changes." in diff(stack)

    operated.write(twin_data(ACROSS, retention={"hot_days": 17}))
    run("synth")
    assert "0 to add" not in diff("gcp")
    assert operated.run("plan").status == 0
    deploy("*")
    stale = operated.run("deploy")
    assert stale.status == 4
    assert "has changed since" in stale.err

    planned = operated.run("--json", "plan")
    assert planned.status == 0
    assert planned.document["stacks"] == [
        {
            "name": stack,
            "create": [],
            "change": [],
            "replace": [],
            "delete": [],
            "outputs": False,
            "planned_again": False,
        }
        for stack in stacks
    ]
    # What an empty plan finds is the last deployment, whoever made it.
    assert planned.document["comparison"] == {"changes": [], "costs": planned.document["comparison"]["costs"]}
    assert "Retention" not in planned.err

    states = [*operated.folder.glob("terraform.factory.*.tfstate*")]
    assert len(states) == 2 * len(stacks)
    assert {stat.S_IMODE(state.stat().st_mode) for state in states} == {0o600}
    assert operated.run("deploy").status == 0
