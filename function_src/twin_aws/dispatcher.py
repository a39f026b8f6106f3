"""Entry point of dispatcher: what devices publish, by the topic rule."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.dispatcher import Dispatcher


@cache
def _role() -> Dispatcher:
    return assembly.dispatcher(assembly.Parts("dispatcher", Aws()))


def handler(event: dict[str, Any], _context: object) -> None:
    _role().handle([triggers.broker_message(event)])


settings.prepare(_role)
