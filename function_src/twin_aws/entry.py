"""The entry points of all functions: Lambda asks this module for the attribute `<role>`.

A role is made with its handler, while Lambda loads the module: until the first call a function has a whole
processor, and later the share that its memory buys. A wrong environment then fails the loading, with a
sentence in the log, before a message is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twin_aws import triggers
from twin_aws.cloud import Aws
from twin_runtime import functions
from twin_runtime.context import Context
from twin_runtime.roles import ROLES, Role, Trigger

Handler = Callable[[dict[str, Any], triggers.Context], Any]


def __getattr__(name: str) -> Handler:
    if name in Role.__members__.values():
        return handler_of(Role(name))
    raise AttributeError(name)


def handler_of(role: Role) -> Handler:
    """What Lambda calls; raises `ConfigurationError`."""
    context = Context(role, Aws())
    made, limits = functions.assemble(context), context.limits
    if role is Role.TWIN_SYNC:
        from twin_aws import workspace

        return lambda event, lambda_: workspace.run(made, context, event, lambda_)
    match ROLES[role].trigger_of(remote=context.settings.remote):
        case Trigger.QUEUE:
            return lambda event, lambda_: triggers.consume(made, event, lambda_, limits)
        case Trigger.HTTPS:
            return lambda event, _: triggers.respond(made, event)
        case Trigger.CLOCK:
            return lambda event, lambda_: triggers.scheduled(made, event, lambda_, limits)
        case Trigger.BROKER:
            return lambda event, lambda_: made.handle(
                [triggers.broker_message(event)], budget=triggers.budget(lambda_, limits)
            )
        case Trigger.PLATFORM:
            return lambda event, _: made.handle(event)
