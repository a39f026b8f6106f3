"""Entry point of persister: events of the `persisting` queue into the hot store."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.persister import Persister


@cache
def _role() -> Persister:
    return assembly.persister(assembly.Parts("persister", Aws()))


def handler(event: dict[str, Any], context: triggers.Context) -> dict[str, Any]:
    return triggers.consume(_role(), event, context)


settings.prepare(_role)
