"""Entry point of twin_connector: measurements of the hot store to IoT TwinMaker, which asks for them."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.twin_connector import TwinConnector


@cache
def _role() -> TwinConnector:
    return assembly.twin_connector(assembly.Parts("twin_connector", Aws()))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return _role().handle(event)


settings.prepare(_role)
