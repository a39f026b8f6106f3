"""Entry point of writer: events from another cloud into the hot store."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.writer import Writer


@cache
def _role() -> Writer:
    return assembly.writer(assembly.Parts("writer", Aws()))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return triggers.respond(_role(), event)


settings.prepare(_role)
