"""The names of AWS: every name in a stack is planned, and keeps the limits."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.layouts import Layout, twin_config
from twin_runtime.roles import SCHEDULES, Cloud, Role
from twinspan.aws.names import RULES, planned, telemetry_rule
from twinspan.naming import Names
from twinspan.topology import Topology

LIMITS = {rule.resource: rule for rule in RULES}
AWS, AZURE = Cloud.AWS, Cloud.AZURE


LAYOUTS = [
    Layout(AWS, AWS, AWS),
    Layout(AWS, AZURE, AWS),
    Layout(AZURE, AWS, AZURE),
    Layout(AWS, AWS, AWS, AWS, AWS),
    Layout(AZURE, AZURE, AWS, AZURE, AWS),
    Layout(AZURE, AZURE, AZURE, AWS, AZURE),
    Layout(AWS, AWS, AWS, l4=AWS),
    Layout(AZURE, AZURE, AZURE, l4=AWS),
]


def as_deployed(name: str) -> str:
    """A name with what only the deployment knows: the account's number, the last of several partitions."""
    account = "${data.aws_caller_identity.current.account_id}"
    name, found, _ = name.replace(account, "0" * 12).partition("-${each.key}")
    if not found:
        return name
    role = Role(name.removeprefix("factory-").replace("-", "_"))
    return f"{name}-{SCHEDULES[role].partitions - 1}"


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_every_name_in_the_stack_is_planned_and_the_other_way_round(
    layout: Layout, synthesized: Callable[..., Path]
) -> None:
    config = twin_config(layout)
    resources = json.loads((synthesized(layout) / "cdk.tf.json").read_text())["resource"]
    built = {
        (kind, name)
        for kind, blocks in resources.items()
        if kind in LIMITS
        for block in blocks.values()
        if "${" not in (name := as_deployed(block[LIMITS[kind].attribute]))
    }
    plan = set(planned(Names.of(config), Topology.of(config)))
    # The topic of the alarms exists when the twin names an address for them.
    assert plan - {("aws_sns_topic", "factory-alarms")} == built


def test_the_longest_twin_name_fits_and_every_type_has_a_rule() -> None:
    config = twin_config(Layout(AWS, AWS, AWS))
    names = Names(twin="a" * 20, accounts=Names.of(config).accounts)
    for layout in (
        Layout(AWS, AWS, AWS),
        Layout(AWS, AZURE, AZURE),
        Layout(AZURE, AWS, AZURE),
        Layout(AZURE, AZURE, AWS),
        *LAYOUTS,
    ):
        for kind, name in planned(names, Topology.of(twin_config(layout))):
            assert LIMITS[kind].problem(name) is None


@pytest.mark.parametrize(
    ("kind", "name", "problem"),
    [
        ("aws_lambda_function", "a" * 65, "at most 64"),
        ("aws_sqs_queue", "a" * 81, "at most 80"),
        ("aws_iot_topic_rule", "factory-telemetry", "does not match"),
        ("aws_dynamodb_table", "ab", "at least 3"),
        ("aws_s3_bucket", "xn--factory-cold-123456789012-eu-central-1", "does not match"),
        ("aws_s3_bucket", "a" * 64, "at most 63"),
        ("aws_scheduler_schedule", "a" * 65, "at most 64"),
        ("aws_iam_role", "a" * 65, "at most 64"),
        ("aws_secretsmanager_secret", "factory-link-abcdef", "does not match"),
        ("aws_sfn_state_machine", "a" * 81, "at most 80"),
    ],
)
def test_a_name_over_the_limit_is_refused(kind: str, name: str, problem: str) -> None:
    assert problem in (LIMITS[kind].problem(name) or "")


def test_every_rule_says_where_it_stands() -> None:
    assert all(
        rule.source.startswith("docs.aws.amazon.com/") and rule.source.endswith(".html") for rule in RULES
    )
    assert len(LIMITS) == len(RULES)


def test_a_rule_of_iot_core_has_no_hyphen() -> None:
    assert telemetry_rule(Names("my-plant")) == "my_plant_telemetry"


def test_names_are_read_without_cdktf() -> None:
    code = "import sys, twinspan.aws.names; sys.exit('cdktf' in sys.modules or 'jsii' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
    )
