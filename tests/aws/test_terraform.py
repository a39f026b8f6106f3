"""Real Terraform and the real provider on the AWS stack: it validates, and plans what it should."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.layouts import Layout
from support.terraform import ACCOUNT, Checked, TerraformFailed, real_terraform
from twin_runtime.roles import Cloud

pytestmark = pytest.mark.terraform
AWS, AZURE = Cloud.AWS, Cloud.AZURE
WHOLE = Layout(AWS, AWS, AWS, AWS, AWS)
SLOW = [
    Layout(AWS, AZURE, AZURE),
    Layout(AZURE, AWS, AZURE),
    Layout(AZURE, AZURE, AWS),
    Layout(AWS, AWS, AZURE),
    Layout(AZURE, AWS, AWS),
    Layout(AZURE, AZURE, AZURE, AWS, AZURE),
    Layout(AZURE, AZURE, AZURE, AZURE, AWS),
    Layout(AWS, AWS, AWS, l4=AWS),
    Layout(AZURE, AZURE, AZURE, l4=AWS),
]
EVENT_ROLES = {"event_checker", "event_feedback"}


@pytest.fixture(scope="module")
def whole_twin(synthesized: Callable[..., Path]) -> Checked:
    return real_terraform().check(synthesized(WHOLE))


@pytest.mark.parametrize(
    "layout",
    [Layout(AWS, AZURE, AWS), *(pytest.param(each, marks=pytest.mark.slow) for each in SLOW)],
    ids=str,
)
def test_each_set_of_layers_plans_with_and_without_events(
    layout: Layout, synthesized: Callable[..., Path]
) -> None:
    stack = synthesized(layout)
    text = json.loads((stack / "cdk.tf.json").read_text())
    checked = real_terraform().check(stack)
    checked.validate()
    _agrees(text, checked.planned(enable_events=True), events=True)
    _agrees(text, checked.planned(enable_events=False), events=False)


def test_all_layers_validate(whole_twin: Checked) -> None:
    whole_twin.validate()


def test_all_layers_plan_with_events(whole_twin: Checked) -> None:
    planned = whole_twin.planned(enable_events=True)
    _agrees(json.loads((whole_twin.folder / "cdk.tf.json").read_text()), planned, events=True)
    assert planned['aws_iot_thing.devices["thermostat-1"]']["attributes"] == {
        "twin": "factory",
        "type": "thermostat",
    }
    publish = json.loads(planned["aws_iot_policy.device"]["policy"])["Statement"][1]
    assert publish["Resource"] == [
        f"arn:aws:iot:eu-central-1:{ACCOUNT}:topic/factory/devices/${{iot:Connection.Thing.ThingName}}/telemetry"
    ]
    assert planned["aws_s3_bucket.files"]["bucket"] == f"factory-files-{ACCOUNT}-eu-central-1"
    run = planned['aws_scheduler_schedule.cold_mover["3"]']
    assert run["name"] == "factory-cold-mover-3"
    assert json.loads(run["target"][0]["input"]) == {"partition": 3, "partitions": 4}
    assert set(planned) >= {
        'aws_api_gateway_api_key.hot_reader["0"]',
        'aws_api_gateway_api_key.hot_reader["1"]',
    }


def test_a_higher_generation_keeps_the_one_before(whole_twin: Checked) -> None:
    planned = whole_twin.planned(enable_events=False, key_generation=7)
    keys = {address for address in planned if address.startswith("aws_api_gateway_api_key.")}
    assert keys == {'aws_api_gateway_api_key.hot_reader["6"]', 'aws_api_gateway_api_key.hot_reader["7"]'}
    _agrees(json.loads((whole_twin.folder / "cdk.tf.json").read_text()), planned, events=False)


def test_a_generation_that_is_none_is_refused(whole_twin: Checked) -> None:
    with pytest.raises(TerraformFailed, match="key_generation is a whole number"):
        whole_twin.plan(key_generation=0)


def test_the_harness_finds_a_wrong_value(synthesized: Callable[..., Path]) -> None:
    stack = synthesized(WHOLE)
    text = json.loads((stack / "cdk.tf.json").read_text())
    text["resource"]["aws_sqs_queue"]["processing"]["message_retention_seconds"] = 1
    (stack / "cdk.tf.json").write_text(json.dumps(text))
    with pytest.raises(TerraformFailed, match="message_retention_seconds"):
        real_terraform().check(stack).validate()


def test_a_stack_without_its_provider_is_listed(tmp_path: Path) -> None:
    stack = tmp_path / "stacks" / "mars"
    stack.mkdir(parents=True)
    required = {"mars": {"source": "example/mars", "version": "1.0"}}
    (stack / "cdk.tf.json").write_text(json.dumps({"terraform": {"required_providers": required}}))
    assert real_terraform().validate_all(tmp_path) == {"mars": "no mirror holds mars"}


def _agrees(text: dict[str, Any], planned: dict[str, Any], *, events: bool) -> None:
    """The plan holds all resources of the stack, or all but those of the event system."""
    wanted = set()
    for kind, blocks in text["resource"].items():
        for name, block in blocks.items():
            repeated = f"{block.get('count')} {block.get('for_each')}"
            # The keys of a plan follow the API keys, which follow the flag.
            optional = "enable_events" in repeated or "api_key.event_feedback" in repeated
            if events or not optional:
                wanted.add(f"{kind}.{name}")
    assert {address.partition("[")[0] for address in planned} == wanted
    roles = {
        a.removeprefix("aws_lambda_function.").removesuffix("[0]") for a in planned if "lambda_function." in a
    }
    assert events or not roles & EVENT_ROLES
