"""A twin's AWS stack on MiniStack, edited and applied again by real Terraform with the real provider."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from local_cloud import terraform
from local_cloud.aws import apply
from local_cloud.aws.cloud import LocalAws
from support.synth import Stack

MINISTACKS_OWN: Mapping[str, frozenset[str]] = {
    "aws_api_gateway_gateway_response": frozenset({"response_templates"}),
    "aws_api_gateway_stage": frozenset({"access_log_settings"}),
    "aws_api_gateway_usage_plan": frozenset({"quota_settings"}),
    "aws_cloudwatch_metric_alarm": frozenset(
        {"actions_enabled", "alarm_description", "dimensions", "metric_query", "period", "statistic"}
        | {"treat_missing_data"}
    ),
}
"""By type: the arguments that MiniStack gives back otherwise than AWS does, so that no plan is empty."""
_SERVERS_OWN = {"default"}
"""A group of schedules that every account has."""
_LISTS: Mapping[str, tuple[str, str, str]] = {
    "lambda": ("list_functions", "Functions", "FunctionName"),
    "dynamodb": ("list_tables", "TableNames", ""),
    "s3": ("list_buckets", "Buckets", "Name"),
    "sqs": ("list_queues", "QueueUrls", ""),
    "secretsmanager": ("list_secrets", "SecretList", "Name"),
    "iam": ("list_roles", "Roles", "RoleName"),
    "logs": ("describe_log_groups", "logGroups", "logGroupName"),
    "apigateway": ("get_rest_apis", "items", "name"),
    "iot": ("list_topic_rules", "rules", "ruleName"),
    "cloudwatch": ("describe_alarms", "MetricAlarms", "AlarmName"),
    "scheduler": ("list_schedule_groups", "ScheduleGroups", "Name"),
    "stepfunctions": ("list_state_machines", "stateMachines", "name"),
    "sns": ("list_topics", "Topics", "TopicArn"),
}
_WAIT_S = 600


class EditedAws:
    """`folder` gets the stack, of which the last edit that was written is planned and applied."""

    def __init__(self, cloud: LocalAws, folder: Path) -> None:
        self._cloud = cloud
        self._workspace = apply.workspace(folder)
        self._folder = folder
        self._initialised = False

    def edit(self, stack: Path, change: Callable[[Stack], Stack] = lambda stack: stack) -> None:
        """Take the stack of a folder of synthesized JSON in the place of the one before, with a change."""
        copy = apply.for_server(change(terraform.read_stack(stack)), self._cloud.server)
        self._workspace.write(copy, stack / "assets")
        if not self._initialised:
            self._workspace.run("init", "-input=false")
            self._initialised = True

    def apply(self, **variables: object) -> None:
        """Raises `TerraformFailed`."""
        self._workspace.run("apply", "-input=false", "-auto-approve", apply.PARALLEL, *_given(variables))

    def interrupt(self, *, when: str, **variables: object) -> None:
        """Apply, as someone does who presses Ctrl-C when Terraform says `when`."""
        command = [terraform.binary(), "apply", "-no-color", "-input=false", "-auto-approve", apply.PARALLEL]
        with subprocess.Popen(
            [*command, *_given(variables)],
            cwd=self._folder,
            env={"TF_CLI_CONFIG_FILE": str(self._folder / "terraform.rc"), "CHECKPOINT_DISABLE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            assert running.stdout is not None
            said, asked = [], False
            for line in running.stdout:
                said.append(line)
                if when in line and not asked:
                    running.send_signal(signal.SIGINT)
                    asked = True
            assert running.wait(_WAIT_S) == 1, "".join(said)

    def tainted(self) -> set[str]:
        """What the next apply makes anew: types and names."""
        state = json.loads((self._folder / "terraform.tfstate").read_text("utf-8"))
        return {
            f"{each['type']}.{each['name']}"
            for each in state["resources"]
            if any(instance.get("status") == "tainted" for instance in each["instances"])
        }

    def planned(self, **variables: object) -> dict[str, set[str]]:
        """What another apply would change: by address the arguments. What is `MINISTACKS_OWN` is left out."""
        return {
            each["address"]: _differing(each)
            for each in self.plan(**variables)["resource_changes"]
            if each["change"]["actions"] not in (["no-op"], ["read"])
        }

    def plan(self, **variables: object) -> dict[str, Any]:
        """The plan as JSON (`terraform show -json`), without updates that are `MINISTACKS_OWN`."""
        self._workspace.run("plan", "-input=false", "-out=plan", *_given(variables))
        plan = json.loads(self._workspace.run("show", "-json", "plan"))
        plan["resource_changes"] = [
            each
            for each in plan.get("resource_changes", ())
            if each["change"]["actions"] != ["update"] or _differing(each)
        ]
        return plan

    def destroy(self, **variables: object) -> None:
        self._workspace.run("destroy", "-input=false", "-auto-approve", apply.PARALLEL, *_given(variables))

    def lost(self) -> Iterator[str]:
        """Environment values of functions that are empty, or name what is not there."""
        for function in self._cloud.client("lambda").list_functions()["Functions"]:
            for name, value in function["Environment"]["Variables"].items():
                try:
                    self._look_for(name, value)
                except Exception as error:
                    yield f"{function['FunctionName']}: {name}={value!r}: {error}"

    def left(self) -> dict[str, set[str]]:
        """All that the account has, by service."""
        found: dict[str, set[str]] = {}
        for service, (operation, listed, name) in _LISTS.items():
            answer = getattr(self._cloud.client(service), operation)()
            names = {each[name] if name else each for each in answer.get(listed, ())} - _SERVERS_OWN
            if names:
                found[service] = names
        return found

    def _look_for(self, name: str, value: str) -> None:
        """Raises when a value of a function's environment is empty, or names what is not there."""
        assert value, "it is empty"
        client = self._cloud.client
        if name.endswith("_QUEUE"):
            client("sqs").get_queue_attributes(QueueUrl=value, AttributeNames=["QueueArn"])
        elif name.endswith("_SECRET"):
            client("secretsmanager").describe_secret(SecretId=value)
        elif name == "STORE":
            client("dynamodb").describe_table(TableName=value)
        elif name == "WORKFLOW":
            client("stepfunctions").describe_state_machine(stateMachineArn=value)
        elif name.endswith("_STORE"):
            client("s3").head_bucket(Bucket=value.removeprefix("s3://").partition("?")[0])


def _differing(change: Mapping[str, Any]) -> set[str]:
    """The arguments that a change of a plan changes."""
    before, after = change["change"]["before"] or {}, change["change"]["after"] or {}
    differ = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    own = MINISTACKS_OWN.get(change["type"], frozenset()) if change["change"]["actions"] == ["update"] else ()
    return differ.difference(own)


def _given(variables: Mapping[str, object]) -> list[str]:
    return [f"-var={name}={json.dumps(value)}" for name, value in variables.items()]
