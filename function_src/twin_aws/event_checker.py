"""Entry point of event_checker: the rules on events of the `events` queue."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.event_checker import EventChecker


@cache
def _role() -> EventChecker:
    return assembly.event_checker(assembly.Parts("event_checker", Aws()))


def handler(event: dict[str, Any], context: triggers.Context) -> dict[str, Any]:
    return triggers.consume(_role(), event, context)


settings.prepare(_role)
