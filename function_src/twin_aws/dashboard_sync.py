"""Entry point of dashboard_sync: by the clock, keeps Grafana's data sources and dashboards."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly


@cache
def _role() -> triggers.Scheduled:
    return assembly.dashboard_sync(assembly.Parts("dashboard_sync", Aws()))


def handler(event: dict[str, Any], context: triggers.Context) -> None:
    triggers.scheduled(_role(), event, context)


settings.prepare(_role)
