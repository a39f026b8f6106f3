"""Entry point of connector: events of the `processing` queue to another cloud."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.connector import Connector


@cache
def _role() -> Connector:
    return assembly.connector(assembly.Parts("connector", Aws()))


def handler(event: dict[str, Any], context: triggers.Context) -> dict[str, Any]:
    return triggers.consume(_role(), event, context)


settings.prepare(_role)
