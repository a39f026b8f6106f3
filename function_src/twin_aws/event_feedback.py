"""Entry point of event_feedback: commands to devices, from the `commands` queue or, from another cloud, over
HTTPS."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin_aws import settings, triggers
from twin_aws.cloud import Aws
from twin_runtime import assembly
from twin_runtime.functions.event_feedback import EventFeedback, FeedbackReceiver


@cache
def _role() -> EventFeedback | FeedbackReceiver:
    parts = assembly.Parts("event_feedback", Aws())
    return assembly.feedback_receiver(parts) if parts.settings.remote else assembly.event_feedback(parts)


def handler(event: dict[str, Any], context: triggers.Context) -> dict[str, Any]:
    role = _role()
    if isinstance(role, FeedbackReceiver):
        return triggers.respond(role, event)
    return triggers.consume(role, event, context)


settings.prepare(_role)
