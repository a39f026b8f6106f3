"""Entry point of archive_mover: by the clock, old files of the cold tier to another cloud's archive."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly


@cache
def _role() -> triggers.Scheduled:
    return assembly.archive_mover(assembly.Parts("archive_mover", Aws()))


def handler(event: dict[str, Any], context: triggers.Context) -> None:
    triggers.scheduled(_role(), event, context)


settings.prepare(_role)
