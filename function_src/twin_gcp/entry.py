"""The entry point of each role, with the trigger that its record names."""

from __future__ import annotations

from twin_runtime import functions
from twin_runtime.context import Context
from twin_runtime.roles import ROLES, Batching, Role, Trigger

from . import triggers
from .cloud import GcpCloud


def handler_of(role: Role) -> triggers.Handler:
    """What the functions framework calls.

    Everything that the role holds is made here, once per process: what is wrong with the environment then
    stops the deployment, not the first message. Raises `ConfigurationError`.
    """
    context = Context(role, GcpCloud(), sink=triggers.to_cloud_logging)
    made, log, spec = functions.assemble(context), context.log, ROLES[role]
    limits = context.limits
    match spec.trigger_of(remote=context.settings.remote):
        case Trigger.QUEUE:
            return triggers.consumer(made, log, limits, together=spec.batching is Batching.TOGETHER)
        case Trigger.HTTPS:
            return triggers.receiver(made)
        case Trigger.CLOCK:
            return triggers.scheduled(made, log, limits)
        case Trigger.BROKER:
            return triggers.broker(made, context.secret("FLEET_SECRET"), context.twin, log, limits)
        case trigger:
            raise ValueError(f"{role} is triggered by the {trigger}, which Google Cloud does not have.")
