"""Entry point of twin_reader: the twin graph to clients outside the twin."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.twin_reader import TwinReader


@cache
def _role() -> TwinReader:
    return assembly.twin_reader(assembly.Parts("twin_reader", Aws()))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return triggers.respond(_role(), event)


settings.prepare(_role)
