"""What repeats a call of a Lambda function that failed, and where what is given up ends."""

import json

from guides import facts
from guides.readers.runtime import most_deliveries
from guides.readers.values import duration, only
from twinspan.terraform.stackjson import Block, Blocks

ASYNCHRONOUS = "aws_lambda_function_event_invoke_config"
Outcome = tuple[tuple[str, ...], tuple[facts.Use, ...]]
"""Retries, and dead letters."""


def of_queue(queue: Block, mapping: Block) -> Outcome:
    """What SQS does with messages whose call failed."""
    by_message = "ReportBatchItemFailures" in mapping.body.get("function_response_types", ())
    failed = "messages that failed" if by_message else "a batch of which one failed"
    again = f"SQS hands out {failed} again after {duration(queue.body['visibility_timeout_seconds'])}"
    kept = f"; a message waits {duration(queue.body['message_retention_seconds'])} at most"
    by_itself = (
        f"On its delivery number {most_deliveries()} the function itself dead-letters what still fails"
    )
    if "redrive_policy" not in queue.body:
        return (again + kept, by_itself), ()
    redrive = json.loads(queue.body["redrive_policy"])
    receives = redrive["maxReceiveCount"]
    said = f"SQS itself moves a message here after {receives} receives, without a reason"
    dead_letters = facts.Use(only(redrive["deadLetterTargetArn"], of=queue), said)
    return (f"{again}, up to {receives} times in all{kept}", by_itself), (dead_letters,)


def asynchronous(function: Block, blocks: Blocks) -> Outcome:
    """What Lambda does with an asynchronous call that failed. KeyError when the stack does not say."""
    config = blocks.one_referring_to(function.address, ASYNCHRONOUS)
    attempts = config.body["maximum_retry_attempts"]
    age = duration(config.body["maximum_event_age_in_seconds"])
    again = f"repeats a failed call up to {attempts} times" if attempts else "does not repeat a failed call"
    retries = f"Lambda {again}; one that could not begin waits {age} at most"
    destination = config.body.get("destination_config", {}).get("on_failure")
    if not destination:
        return (retries,), ()
    said = "Lambda puts an asynchronous call that it gave up here, with its error"
    return (retries,), (facts.Use(only(destination["destination"], of=config), said),)
