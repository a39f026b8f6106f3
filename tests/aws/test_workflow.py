"""Step Functions: Twinspan's own definition, and one of the user's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.layouts import Layout, twin_data
from twin_runtime.roles import Cloud
from twinspan.aws.events import definition
from twinspan.aws.events.workflow import _for_terraform
from twinspan.config import Config

Stack = dict[str, Any]
HERE = Layout(Cloud.AWS, Cloud.AWS, Cloud.AWS)


def test_the_default_is_right_by_statelint() -> None:
    assert list(definition.problems(definition.DEFAULT.read_text())) == []


def test_the_default_waits_for_an_answer(whole: Stack) -> None:
    machine = whole["resource"]["aws_sfn_state_machine"]["workflow"]
    states = json.loads(machine["definition"])["States"]
    notify = states["Notify"]
    assert notify["Resource"] == "arn:aws:states:::sns:publish.waitForTaskToken"
    assert notify["Parameters"]["TopicArn"] == "${one(aws_sns_topic.workflow[*].arn)}"
    assert "$$.Task.Token" in notify["Parameters"]["Message"]["acknowledge.$"]
    assert notify["TimeoutSeconds"] == 900
    assert (machine["type"], machine["count"]) == ("STANDARD", "${var.enable_events ? 1 : 0}")
    assert machine["logging_configuration"]["include_execution_data"] is False


def test_a_firing_is_one_mail(synthesized: Callable[..., Path]) -> None:
    """One state publishes, and is tried again where SNS did not take the message alone: not when nobody
    answered. One subscription has the address, and no alarm watches executions.
    """
    folder = synthesized(HERE, alerts={"email": "ops@example.com"})
    stack = json.loads((folder / "cdk.tf.json").read_text())["resource"]
    states = json.loads(stack["aws_sfn_state_machine"]["workflow"]["definition"])["States"]
    publishing = [name for name, state in states.items() if "sns" in state.get("Resource", "")]
    assert publishing == ["Notify"]
    (retry,) = states["Notify"]["Retry"]
    assert all(error.startswith("SNS.") for error in retry["ErrorEquals"])
    after = states[states["Notify"]["Catch"][0]["Next"]]
    assert (states["Notify"]["Catch"][0]["ErrorEquals"], after["Type"]) == (["States.Timeout"], "Fail")
    topic = "${one(aws_sns_topic.workflow[*].arn)}"
    told = [each for each in stack["aws_sns_topic_subscription"].values() if each["topic_arn"] == topic]
    assert [each["endpoint"] for each in told] == ["ops@example.com"]
    assert not [
        each
        for each in stack["aws_cloudwatch_metric_alarm"].values()
        if each.get("namespace") == "AWS/States"
    ]


def test_the_machine_may_publish_to_its_topic_and_log(whole: Stack) -> None:
    document = json.loads(whole["resource"]["aws_iam_role_policy"]["workflow_publish_and_log"]["policy"])
    publish, log = document["Statement"]
    assert publish["Action"] == ["sns:Publish"]
    assert publish["Resource"] == ["${one(aws_sns_topic.workflow[*].arn)}"]
    assert all(action.startswith("logs:") for action in log["Action"])
    assert whole["resource"]["aws_sns_topic"]["workflow"]["kms_master_key_id"] == "alias/aws/sns"


def _config(folder: Path, text: str) -> Config:
    (folder / "own.asl.json").write_text(text)
    data = twin_data(HERE)
    data["events"]["workflow"] = "own.asl.json"
    return Config.model_validate(data, context={"folder": folder})


def test_ones_own_definition_is_used(tmp_path: Path) -> None:
    own = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    assert definition.text(_config(tmp_path, own)) == own
    assert list(definition.problems(own)) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "must be a JSON object"),
        ("{", "is not JSON"),
        ('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}', "B"),
        ('"' + "x" * 1024 * 1024 + '"', "larger than 1024 KB"),
    ],
)
def test_what_step_functions_would_refuse_is_said(text: str, reason: str) -> None:
    assert any(reason in problem for problem in definition.problems(text))


def test_terraform_reads_nothing_but_the_topic_as_a_template() -> None:
    text = _for_terraform('"${topic_arn} ${other} %{ if } {% $states.input %}"', "${one(x[*].arn)}")
    assert text == '"${one(x[*].arn)} $${other} %%{ if } {% $states.input %}"'
