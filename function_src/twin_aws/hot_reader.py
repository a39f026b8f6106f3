"""Entry point of hot_reader: events of the hot store to clients outside the twin."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.hot_reader import HotReader


@cache
def _role() -> HotReader:
    return assembly.hot_reader(assembly.Parts("hot_reader", Aws()))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return triggers.respond(_role(), event)


settings.prepare(_role)
