"""A deployed AWS stack can be changed, and an apply that failed can be repeated: the rules on its JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from support import aws_changes
from support.layouts import SYNTHESIZED, Layout
from support.stack_changes import Change, changed, put
from support.synth import Stack, stacks
from support.terraform import ACCOUNT, Checked, TerraformFailed, real_terraform
from twin_runtime.roles import Cloud

AWS = Cloud.AWS
WHOLE = Layout(*[AWS] * 7)
HOT_READER = "aws_lambda_function.hot_reader"


@pytest.mark.parametrize("layout", [each for each in SYNTHESIZED if AWS in each], ids=str)
def test_nothing_stands_in_the_way_of_a_change(layout: Layout) -> None:
    assert not list(aws_changes.problems(stacks(layout)[AWS]))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            put("aws_api_gateway_integration.hot_reader.uri", f"${{{HOT_READER}.invoke_arn}}"),
            "aws_dynamodb_table.hot: is made before its predecessor goes, because of "
            "aws_api_gateway_deployment.hot_reader",
        ),
        (
            put("aws_lambda_permission.hot_reader.function_name", f"${{{HOT_READER}.function_name}}"),
            f"aws_lambda_permission.hot_reader: outlives {HOT_READER}",
        ),
        (
            put("aws_secretsmanager_secret.link_dashboards.recovery_window_in_days", 7),
            "aws_secretsmanager_secret.link_dashboards: keeps its name for days after it was deleted",
        ),
    ],
    ids=["name", "survivor", "secret"],
)
def test_what_would_stand_in_the_way_is_found(change: Change, problem: str) -> None:
    assert problem in aws_changes.problems(changed(stacks(WHOLE)[AWS], change))


def test_a_template_that_was_rolled_back_is_told_from_the_one_that_was_asked_for() -> None:
    """Of an update that failed, the provider keeps the template's address; it reads the parameters anew."""
    stack = stacks(WHOLE)[AWS]
    made = stack["resource"]["aws_cloudformation_stack"]["graph"]
    ((name, digest),) = made["parameters"].items()
    text = stack["resource"]["aws_s3_object"]["graph_template"]
    template = json.loads(text["content"])
    assert digest in text["key"]
    assert template["Parameters"].keys() == {name}
    assert template["Outputs"][name]["Value"] == {"Ref": name}


def test_json_is_written_as_sqs_gives_it_back(whole: Stack) -> None:
    for queue in whole["resource"]["aws_sqs_queue"].values():
        for text in (queue.get("redrive_policy"), queue.get("redrive_allow_policy")):
            assert text is None or text == json.dumps(json.loads(text), separators=(",", ":"))


@pytest.fixture(scope="module")
def deployed(synthesized: Callable[..., Path]) -> Checked:
    """A stack whose state has the account and region of its first apply."""
    checked = real_terraform().check(synthesized(Layout(AWS, Cloud.AZURE, Cloud.GCP)))
    checked.terraform.run(checked.folder, "apply", "-auto-approve", "-target=terraform_data.home")
    return checked


@pytest.mark.terraform
def test_a_twin_is_planned_where_it_is_deployed(deployed: Checked) -> None:
    assert "terraform_data.home" in deployed.planned()


@pytest.mark.terraform
@pytest.mark.parametrize(
    ("word", "instead"), [("eu-central-1", "eu-west-1"), (ACCOUNT, "210987654321")], ids=["region", "account"]
)
def test_a_twin_is_planned_nowhere_else(deployed: Checked, word: str, instead: str) -> None:
    state = deployed.folder / "terraform.tfstate"
    before = state.read_text()
    state.write_text(before.replace(word, instead))
    try:
        with pytest.raises(TerraformFailed) as refused:
            deployed.plan()
    finally:
        state.write_text(before)
    said = " ".join(str(refused.value).split())
    first = f"account {ACCOUNT}, region eu-central-1".replace(word, instead)
    assert f"This twin is deployed in {first}." in said
    assert f"would not find it in account {ACCOUNT}, region eu-central-1." in said
