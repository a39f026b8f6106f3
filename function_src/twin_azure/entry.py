"""The function app of each role, with the trigger that its record names."""

from __future__ import annotations

import azure.functions as func

from twin_runtime import functions
from twin_runtime.context import Context
from twin_runtime.deadlines import Limits
from twin_runtime.roles import ROLES, Batching, Cloud, Role, Trigger
from twin_runtime.settings import is_remote

from . import settings, triggers
from .cloud import AzureCloud
from .triggers import Once


def app_of(role: Role) -> func.FunctionApp:
    """What the host indexes. The role itself is made by the first invocation of a process."""
    spec = ROLES[role]
    made = Once(lambda: functions.assemble(Context(role, AzureCloud(), sink=triggers.sink)))
    limits = Limits(role, Cloud.AZURE, is_remote(role))
    remote = spec.remote_trigger is not None and not settings.has_trigger_queue()
    match spec.trigger_of(remote=remote):
        case Trigger.QUEUE:
            return triggers.queue_app(limits, made, together=spec.batching is Batching.TOGETHER)
        case Trigger.HTTPS:
            return triggers.http_app(role.value, made)
        case Trigger.BROKER:
            return triggers.event_grid_app(limits, made)
        case Trigger.CLOCK:
            app = triggers.timer_app(limits, made)
            if settings.has_changes():
                from .changes import add_changes

                add_changes(app, made)
            return app
        case trigger:
            raise ValueError(f"{role} is triggered by the {trigger}, which Azure does not have.")
