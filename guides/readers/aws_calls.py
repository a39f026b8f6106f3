"""How a Lambda function is called: queue, broker, API Gateway, clock, deployment, platform; and for each what
repeats a call that failed, and where it ends.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from guides import facts
from guides.readers.aws_endpoints import endpoint
from guides.readers.aws_permissions import PERMISSION, may_call, workspace
from guides.readers.aws_retries import ASYNCHRONOUS, asynchronous, of_queue
from guides.readers.links import NO_RETRIES
from guides.readers.values import duration, only
from twinspan.terraform.stackjson import Block, Blocks

_API_GATEWAY = "apigateway.amazonaws.com"
_TWINMAKER = "iottwinmaker.amazonaws.com"
_BESIDE = frozenset({ASYNCHRONOUS, "aws_iam_role_policy", "aws_s3_object"})
"""Types that refer to a function and do not call it: what Lambda does with failed calls, permissions of
callers, the template of the workspace."""
_BY_NAME = frozenset({"iot.amazonaws.com"})
"""Who may call, and refers to the function in a block of its own."""
_SOURCE = re.compile(r"FROM '([^']+)'")
_NUMBER = re.compile(r'"\d+"')


@dataclass(frozen=True, slots=True)
class Call:
    """One way in which a function is called."""

    trigger: facts.Trigger
    inputs: tuple[facts.Use, ...] = ()
    outputs: tuple[facts.Use, ...] = ()
    retries: tuple[str, ...] = ()
    dead_letters: tuple[facts.Use, ...] = ()
    limit: str = ""


def calls(function: Block, blocks: Blocks) -> Iterator[Call]:
    """Every way in which a function is called. KeyError when something refers to it that the guides do not
    know.
    """
    for block in blocks.referring_to(function.address):
        if block.kind in _BESIDE or (block.kind == PERMISSION and block.body["principal"] in _BY_NAME):
            continue
        if block.kind not in _CALLERS:
            raise KeyError(
                f"{block.address} does something with {function.address} that the guides do not know"
            )
        yield _CALLERS[block.kind](block, function, blocks)


def _queue(mapping: Block, function: Block, blocks: Blocks) -> Call:
    queue = blocks.at(only(mapping.body["event_source_arn"], of=mapping))
    size = mapping.body["batch_size"]
    wait = duration(mapping.body["maximum_batching_window_in_seconds"])
    at_a_time = mapping.body["scaling_config"]["maximum_concurrency"]
    retries, dead_letters = of_queue(queue, mapping)
    return Call(
        facts.Trigger(
            "queue",
            f"SQS event source: batches of up to {size} messages, which may wait {wait} to fill",
            (queue.address, mapping.address),
        ),
        retries=retries,
        dead_letters=dead_letters,
        limit=f"{at_a_time} at a time at most (maximum concurrency of the event source)",
    )


def _broker(rule: Block, function: Block, blocks: Blocks) -> Call:
    sql = rule.body["sql"]
    source = _SOURCE.search(sql)
    if source is None:
        raise KeyError(f"{rule.address} selects from no topic: {sql}")
    state = "" if rule.body["enabled"] else ", switched off"
    retries, dead_letters = asynchronous(function, blocks)
    if undelivered := rule.body.get("error_action"):
        queue = only(undelivered["sqs"]["queue_url"], of=rule)
        said = "the rule's error action puts what it could not hand to Lambda here"
        dead_letters = (*dead_letters, facts.Use(queue, said))
    return Call(
        facts.Trigger(
            "broker",
            f"IoT topic rule {rule.body['name']}{state}: {sql} (SQL version {rule.body['sql_version']})",
            (rule.address, may_call(rule, function, blocks).address),
        ),
        inputs=(facts.Use(rule.address, f"MQTT messages on {source[1]}"),),
        retries=retries,
        dead_letters=dead_letters,
    )


def _endpoint(function: Block, blocks: Blocks) -> Call:
    """API Gateway's integration names the function without a reference."""
    called = f":function:{function.body['function_name']}/invocations"
    for integration in blocks.of("aws_api_gateway_integration"):
        if integration.body["uri"].endswith(called):
            return Call(endpoint(integration, function, blocks), retries=(NO_RETRIES,))
    raise KeyError(f"no integration of API Gateway calls {function.address}, which lets it")


def _clock(schedule: Block, function: Block, blocks: Blocks) -> Call:
    target = schedule.body["target"]
    numbers = len(_NUMBER.findall(schedule.body.get("for_each", ""))) or 1
    many = f"{numbers} schedules, one per partition," if numbers > 1 else "one schedule"
    retries, dead_letters = asynchronous(function, blocks)
    times = target["retry_policy"]["maximum_retry_attempts"]
    age = duration(target["retry_policy"]["maximum_event_age_in_seconds"])
    delivery = f"EventBridge Scheduler tries to hand over a call up to {times} times more, for {age} at most"
    role = only(target["role_arn"], of=schedule)
    given = target["input"].replace("${each.key}", "<number>")
    return Call(
        facts.Trigger(
            "schedule",
            f"EventBridge Scheduler: {schedule.body['schedule_expression']}, {many} with the input {given}",
            (schedule.address, role),
        ),
        retries=(delivery, *retries),
        dead_letters=dead_letters,
    )


def _deployment(invocation: Block, function: Block, blocks: Blocks) -> Call:
    return Call(
        facts.Trigger(
            "deployment",
            f"Terraform calls it as it deploys ({invocation.body['lifecycle_scope']}), with the input "
            f"{invocation.body['input']}",
            (invocation.address,),
        ),
        retries=("A call of Terraform's that fails fails the deployment; the next `apply` repeats it",),
    )


def _platform(permission: Block, function: Block, blocks: Blocks) -> Call:
    if permission.body["principal"] == _API_GATEWAY:
        return _endpoint(function, blocks)
    if permission.body["principal"] != _TWINMAKER:
        raise KeyError(f"{permission.address} lets {permission.body['principal']} call {function.address}")
    asker = workspace(permission.body["source_arn"], blocks)
    return Call(
        facts.Trigger(
            "platform",
            f"IoT TwinMaker calls it for values, from the workspace {asker.body['name']}",
            (asker.address, permission.address),
        ),
        outputs=(facts.Use(asker.address, "values, in the answer to TwinMaker"),),
        retries=(NO_RETRIES,),
    )


_CALLERS: Mapping[str, Callable[[Block, Block, Blocks], Call]] = {
    "aws_iot_topic_rule": _broker,
    "aws_lambda_event_source_mapping": _queue,
    "aws_lambda_invocation": _deployment,
    PERMISSION: _platform,
    "aws_scheduler_schedule": _clock,
}
"""What calls a function, by Terraform type."""
