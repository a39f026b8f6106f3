"""Entry point of ingestion: events from another cloud."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.ingestion import Ingestion


@cache
def _role() -> Ingestion:
    return assembly.ingestion(assembly.Parts("ingestion", Aws()))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return triggers.respond(_role(), event)


settings.prepare(_role)
