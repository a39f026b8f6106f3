"""Entry point of archive_writer: files from the cold tier of another cloud into the archive."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly


@cache
def _role() -> triggers.Responder:
    return assembly.archive_writer(assembly.Parts("archive_writer", Aws()))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return triggers.respond(_role(), event)


settings.prepare(_role)
