"""Entry point of cold_mover: by the clock, old rows of the hot store into files of the cold tier."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly


@cache
def _role() -> triggers.Scheduled:
    return assembly.cold_mover(assembly.Parts("cold_mover", Aws()))


def handler(event: dict[str, Any], context: triggers.Context) -> None:
    triggers.scheduled(_role(), event, context)


settings.prepare(_role)
