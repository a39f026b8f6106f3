"""Has Terraform adopt the stack's queues instead of creating them.

The provider reads a new queue's attributes for 25 seconds before it goes on, and a policy's as well: three
in a chain. So the queues are created beforehand, with the attributes that Terraform evaluates, and imported.
What differs from the stack Terraform changes, and waits: a mistake here costs time and hides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud import standins
from local_cloud.terraform import Workspace

_QUEUE = "aws_sqs_queue"
_POLICIES = {
    "aws_sqs_queue_policy": ("policy", "Policy"),
    "aws_sqs_queue_redrive_allow_policy": ("redrive_allow_policy", "RedriveAllowPolicy"),
}
_ATTRIBUTES = {
    "max_message_size": "MaximumMessageSize",
    "message_retention_seconds": "MessageRetentionPeriod",
    "receive_wait_time_seconds": "ReceiveMessageWaitTimeSeconds",
    "redrive_allow_policy": "RedriveAllowPolicy",
    "redrive_policy": "RedrivePolicy",
    "sqs_managed_sse_enabled": "SqsManagedSseEnabled",
    "visibility_timeout_seconds": "VisibilityTimeout",
}


def adopt(
    stack: Mapping[str, Any],
    variables: Mapping[str, object],
    *,
    sqs: Any,
    url: str,
    account: str,
    region: str,
    folder: Path,
) -> list[dict[str, str]]:
    """Create the stack's queues; returns Terraform's `import` blocks. `url` is the endpoint."""
    kinds = (_QUEUE, *_POLICIES)
    queues = {kind: stack["resource"][kind] for kind in kinds if kind in stack["resource"]}
    part = {name: value for name, value in stack.items() if name in ("terraform", "variable")}

    def computed(kind: str, _name: str, body: standins.Body) -> Mapping[str, Any]:
        if kind != _QUEUE:
            return {}
        return {
            "arn": f"arn:aws:sqs:{region}:{account}:{body['name']}",
            "url": f"{url}/{account}/{body['name']}",
        }

    workspace = Workspace(folder)
    rewritten = standins.rewrite({**part, "resource": queues}, computed)
    rewritten["terraform"].pop("backend", None)
    workspace.write(rewritten)
    evaluated = standins.evaluated(workspace.apply(variables))
    # Dead-letter queues first: a queue is refused whose redrive policy names one that is not there.
    made = sorted(evaluated.of(_QUEUE).items(), key=lambda item: "redrive_policy" in item[1])
    for _, values in made:
        sqs.create_queue(
            QueueName=values["name"], Attributes=_attributes(values, _ATTRIBUTES), tags=values.get("tags", {})
        )
    for kind, (argument, attribute) in _POLICIES.items():
        for values in evaluated.of(kind).values():
            sqs.set_queue_attributes(QueueUrl=values["queue_url"], Attributes={attribute: values[argument]})
    return [
        {"to": address, "id": values.get("url") or values["queue_url"]}
        for address, values in evaluated.resources.items()
    ]


def _attributes(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Attributes as SQS takes them. The provider sends JSON compact, and compares it as text."""
    return {
        names[name]: _compact(value) if name.startswith("redrive") else json.dumps(value)
        for name, value in values.items()
        if name in names
    }


def _compact(text: str) -> str:
    return json.dumps(json.loads(text), separators=(",", ":"))
