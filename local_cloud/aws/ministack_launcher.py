"""Starts MiniStack in its own Python environment, with all that it opens on loopback.

Run by that environment's interpreter, never imported: MiniStack and boto3 are there alone. Where MiniStack
1.5.33 differs from AWS in what a twin relies on, it is put right here.
"""

import asyncio
import json
import threading
import time
from typing import Any

from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-not-found]
from ministack.services import (  # type: ignore[import-not-found]
    apigateway_v1,
    iot,
    lambda_svc,
    s3,
    scheduler,
    sqs,
)

PROCESSES = 4
"""Of a function at a time. More are not faster on one machine; an invocation beyond them waits, where AWS
would start another."""
_create_server = asyncio.base_events.BaseEventLoop.create_server
_enforce = iam_evaluator.enforce
_items_of_transaction = iam_actions.dynamodb_transaction_checks
_reserved_concurrency = lambda_svc._reserved_concurrency
_acquire_execution_slot = lambda_svc._acquire_execution_slot
_sqs_esm_concurrency = lambda_svc._sqs_esm_concurrency
_receive_messages_for_esm = sqs._receive_messages_for_esm
_handle_s3 = s3.handle_request
_event_of_request = apigateway_v1._build_lambda_event_v1
_SMALLEST = "x-amz-transition-default-minimum-object-size"
_smallest: dict[str, str] = {}


def on_loopback(self: Any, factory: Any, host: Any = None, *rest: Any, **options: Any) -> Any:
    """MiniStack's MQTT listener asks for all addresses, whatever BIND_HOST says."""
    return _create_server(self, factory, "127.0.0.1" if host == "0.0.0.0" else host, *rest, **options)  # noqa: S104


def as_iam_names_it(access_key_id: str, action: str, service: str, *rest: Any, **options: Any) -> Any:
    """SQS has no permissions for batches: sqs:SendMessage is asked for SendMessageBatch too."""
    if service == "sqs":
        action = action.removesuffix("Batch")
    return _enforce(access_key_id, action, service, *rest, **options)


def statements(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
    """The actions that a call of DynamoDB needs, and on which tables, where its name is none. IAM allows each
    statement of PartiQL by itself; MiniStack asks for dynamodb:BatchExecuteStatement, which IAM does not
    know.
    """
    if action != "dynamodb:BatchExecuteStatement":
        return _items_of_transaction(action, body, region, account)
    texts = {each["Statement"] for each in json.loads(body)["Statements"]}
    return sorted(
        (
            f"dynamodb:PartiQL{text.partition(' ')[0].capitalize()}",
            f"arn:aws:dynamodb:{region}:{account}:table/{text.split(chr(34))[1]}",
        )
        for text in texts
    )


def concurrency(function: Any, config: Any) -> int:
    reserved = _reserved_concurrency(function, config)
    return PROCESSES if reserved is None else min(reserved, PROCESSES)


def slot(function: Any, config: Any) -> Any:
    """Wait for a free process: MiniStack would throttle, and drop what a rule of IoT Core hands over."""
    while True:
        found, limit = _acquire_execution_slot(function, config)
        if found is not None or concurrency(function, config) == 0:
            return found, limit
        time.sleep(0.02)


def batches(mapping: Any, function: Any, config: Any, queue: Any = None) -> int:
    """How many batches of a queue may be under way. None while the batching window is open: MiniStack would
    hand over each message as it comes.
    """
    window = mapping.get("MaximumBatchingWindowInSeconds") or 0
    now = time.time()
    waiting = [each["visible_at"] for each in (queue or {}).get("messages", ()) if each["visible_at"] <= now]
    if len(waiting) < mapping.get("BatchSize", 10) and (not waiting or now - min(waiting) < window):
        return 0
    return _sqs_esm_concurrency(mapping, function, config, queue)


def received(queue_url: str, most: int) -> list[Any]:
    """A batch as large as the mapping's BatchSize. MiniStack stops at the ten of one ReceiveMessage."""
    batch: list[Any] = []
    while len(batch) < most and (more := _receive_messages_for_esm(queue_url, most - len(batch))):
        batch += more
    return batch


async def rules_and_smallest(method: str, path: str, headers: Any, *rest: Any, **options: Any) -> Any:
    """A bucket's lifecycle rules come with the size below which files stay where they are. MiniStack always
    tells S3's default, and Terraform waits for the size that it has asked for.
    """
    status, told, body = await _handle_s3(method, path, headers, *rest, **options)
    if _SMALLEST in told:
        if method == "PUT" and _SMALLEST in headers:
            _smallest[path] = headers[_SMALLEST]
        told = {**told, _SMALLEST: _smallest.get(path, told[_SMALLEST])}
    return status, told, body


def rule_to_function(account_id: str, region: str, function_arn: str, event: Any) -> None:
    """IoT Core's rules invoke a function asynchronously: failures are repeated, then go where the function
    says. MiniStack invokes once.
    """

    def invoke() -> None:
        found, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
            function_arn, account_id=account_id, region=region
        )
        if found and config:
            lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(found, config), event)

    threading.Thread(target=invoke, daemon=True).start()


def event_with_key(*request: Any, **options: Any) -> Any:
    """A function is told the id of the API key that API Gateway has checked. MiniStack leaves it out."""
    event = _event_of_request(*request, **options)
    key = apigateway_v1._resolve_api_key(apigateway_v1._api_key_from_request(event["headers"]))
    event["requestContext"]["identity"]["apiKeyId"] = key and key["id"]
    return event


if __name__ == "__main__":
    asyncio.base_events.BaseEventLoop.create_server = on_loopback  # type: ignore[method-assign]
    iam_evaluator.enforce = as_iam_names_it
    iam_actions.dynamodb_transaction_checks = statements
    lambda_svc._reserved_concurrency = concurrency
    lambda_svc._acquire_execution_slot = slot
    lambda_svc._sqs_esm_concurrency = batches
    sqs._receive_messages_for_esm = received
    iot._dispatch_rule_to_lambda = rule_to_function
    s3.handle_request = rules_and_smallest
    apigateway_v1._build_lambda_event_v1 = event_with_key
    scheduler.start_scheduler = lambda: None  # runs by the clock are asked for
    from ministack import app  # type: ignore[import-not-found]

    app._port_is_bindable = lambda *_: False  # with TLS it would take port 443 as well
    app.main()
