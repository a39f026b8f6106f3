"""What a function does with data by each action of IAM that it is granted."""

from collections.abc import Mapping
from typing import NamedTuple


class Meaning(NamedTuple):
    """What an action does with data, in words; neither: it moves none."""

    reads: str = ""
    writes: str = ""


_MODEL = Meaning(reads="reads entities and component types")
_ENTITIES = Meaning(writes="creates, changes and deletes entities")
_TOKENS = Meaning(writes="keeps dashboards and data sources, with tokens of a service account")
_NO_DATA = Meaning()
_ACTIONS: Mapping[str, Meaning] = {
    "dynamodb:BatchGetItem": Meaning(reads="reads rows by their keys"),
    "dynamodb:BatchWriteItem": Meaning(writes="writes or deletes rows in batches"),
    "dynamodb:DescribeTimeToLive": _NO_DATA,
    "dynamodb:PutItem": Meaning(writes="writes items"),
    "dynamodb:PartiQLInsert": Meaning(writes="adds rows whose keys are not there"),
    "dynamodb:Query": Meaning(reads="queries rows"),
    "dynamodb:UpdateTimeToLive": Meaning(writes="switches the expiry of rows on and off"),
    "grafana:CreateWorkspaceServiceAccountToken": _TOKENS,
    "grafana:DeleteWorkspaceServiceAccountToken": _TOKENS,
    "grafana:ListWorkspaceServiceAccountTokens": _NO_DATA,
    "iam:PassRole": _NO_DATA,
    "iot:Publish": Meaning(writes="publishes messages"),
    "iottwinmaker:CreateEntity": _ENTITIES,
    "iottwinmaker:DeleteEntity": _ENTITIES,
    "iottwinmaker:ExecuteQuery": Meaning(reads="queries the graph"),
    "iottwinmaker:GetComponentType": _MODEL,
    "iottwinmaker:GetEntity": _MODEL,
    "iottwinmaker:GetPropertyValueHistory": Meaning(reads="asks for values"),
    "iottwinmaker:GetWorkspace": _NO_DATA,
    "iottwinmaker:ListEntities": _MODEL,
    "iottwinmaker:ListTagsForResource": _NO_DATA,
    "iottwinmaker:TagResource": _NO_DATA,
    "iottwinmaker:UntagResource": _NO_DATA,
    "iottwinmaker:UpdateEntity": _ENTITIES,
    "logs:CreateLogStream": _NO_DATA,
    "logs:PutLogEvents": _NO_DATA,
    "s3:DeleteObject": Meaning(writes="deletes files"),
    "s3:GetObject": Meaning(reads="reads files"),
    "s3:ListBucket": Meaning(reads="lists files"),
    "s3:PutObject": Meaning(writes="writes files"),
    "scheduler:GetSchedule": _NO_DATA,
    "scheduler:UpdateSchedule": _NO_DATA,
    "secretsmanager:GetSecretValue": Meaning(reads="reads the secret"),
    "sqs:DeleteMessage": _NO_DATA,
    "sqs:GetQueueAttributes": _NO_DATA,
    "sqs:ReceiveMessage": Meaning(reads="takes messages"),
    "sqs:SendMessage": Meaning(writes="sends messages"),
    "states:StartExecution": Meaning(writes="starts executions"),
}


def meaning(action: str) -> Meaning:
    """What a function does by an action. KeyError when the guides do not know."""
    try:
        return _ACTIONS[action]
    except KeyError:
        raise KeyError(f"the guides do not know what a function does by {action}") from None
