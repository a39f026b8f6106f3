"""Entry point of processor: the user's code on events of the `processing` queue."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.processor import Processor


@cache
def _role() -> Processor:
    return assembly.processor(assembly.Parts("processor", Aws()))


def handler(event: dict[str, Any], context: triggers.Context) -> dict[str, Any]:
    return triggers.consume(_role(), event, context)


settings.prepare(_role)
