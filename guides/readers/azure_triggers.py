"""What starts the functions of a Function App, by the bindings of the deployed package."""

import re
from collections.abc import Callable, Iterator, Mapping

from guides import facts
from guides.readers import azure_event_grid as event_grid
from guides.readers import azure_names as names
from guides.readers.azure_app import App
from guides.readers.azure_host import QUEUES
from guides.readers.azure_package import Indexed, resolved
from guides.readers.values import duration, listed
from twinspan.terraform.stackjson import Block

_BESIDE = frozenset(
    {
        "azapi_resource_action",
        "azurerm_key_vault_secret",
        "azurerm_monitor_scheduled_query_rules_alert_v2",
        names.SUBSCRIPTION,
    }
)
"""Types that refer to an app: who is told its URL, its alarm, its code, and what `azure_event_grid` reads."""
_API_KEYS = "API_KEYS_SECRET"
_SIGNING_KEYS = "LINK_SECRET"
FROM_THE_NETWORK = ("httpTrigger", "eventGridTrigger")
_EVERY_MINUTES = re.compile(r"0 \*/(\d+) \* \* \* \*")
_EVERY = {"0 * * * * *": ", every minute", "0 0 * * * *": ", every hour"}


def triggers(app: App) -> tuple[facts.Trigger, ...]:
    """What starts an app's functions. KeyError when one is started in a way that is not known, or by
    nothing.
    """
    for block in app.blocks.referring_to(app.address):
        if block.kind not in _BESIDE:
            raise KeyError(f"{block.address} does something with {app.address} that the guides do not know")
    if unknown := [kind for kind in app.kinds if kind not in _READERS]:
        raise KeyError(f"{app.address} has {unknown[0]}, which the guides do not know")
    called = [kind for kind in app.kinds if kind in FROM_THE_NETWORK]
    if bool(called) != app.public:
        raise KeyError(
            f"{app.address} has {'public' if app.public else 'no public'} network access, and "
            f"{listed(called) if called else 'nothing'} that is called from there"
        )
    return tuple(trigger for kind in app.kinds for trigger in _READERS[kind](app, app.of_kind(kind)))


def _queue(app: App, found: list[Indexed]) -> Iterator[facts.Trigger]:
    for function in found:
        queue = _named(app, function, "queueName", names.QUEUE)
        connection = f"{function.trigger['connection']}__queueServiceUri"
        if not app.settings.get(connection):
            raise KeyError(
                f"{app.address} has no app setting {connection}, by which it finds {queue.address}"
            )
        batch, threshold = (app.host.number(*QUEUES, each) for each in ("batchSize", "newBatchThreshold"))
        messages = f"{batch + threshold} message{'' if batch + threshold == 1 else 's'}"
        yield facts.Trigger(
            "queue",
            f"{names.called(queue)}: queue trigger, up to {messages} at a time per instance "
            f"(batchSize {batch}, newBatchThreshold {threshold}); an empty queue is looked at every "
            f"{duration(app.host.seconds(*QUEUES, 'maxPollingInterval'))} at least (maxPollingInterval)",
            (queue.address,),
        )


def _event_grid(app: App, found: list[Indexed]) -> Iterator[facts.Trigger]:
    delivering = event_grid.subscriptions(app)
    for function in found:
        if function.name not in {event_grid.callee(each)[1] for each in delivering}:
            raise KeyError(f"no Event Grid subscription delivers to {function.name} of {app.address}")
    for each in delivering:
        yield event_grid.trigger(each, app.blocks)


def _http(app: App, found: list[Indexed]) -> Iterator[facts.Trigger]:
    prefix = app.host.text("extensions", "http", "routePrefix")
    for function in found:
        path = "/".join(("", *filter(None, (prefix, function.trigger["route"]))))
        scheme = "HTTPS" if app.block.body["https_only"] else "HTTP or HTTPS"
        yield facts.Trigger(
            "http",
            f"HTTP trigger: {scheme} {listed(function.trigger['methods'])} {path}, at the URL of the output "
            f"{_output(app, path)}; authorization level {function.trigger['authLevel'].lower()}: the "
            f"function itself checks {_checked(app)}",
            (app.address,),
        )


def _checked(app: App) -> str:
    """What it asks of a request. KeyError when that is nothing."""
    if not app.settings.get(_API_KEYS):
        raise KeyError(f"{app.address} is called from the network, and has no {_API_KEYS} to check")
    return "API keys and signatures" if app.settings.get(_SIGNING_KEYS) else "API keys"


def _output(app: App, path: str) -> str:
    """The output that tells the URL. KeyError when none does."""
    for name, body in app.blocks.stack.get("output", {}).items():
        value = str(body["value"])
        named = f"{app.address}." in value or f"{app.address}[*]." in value
        if named and value.rstrip('"])}').endswith(path):
            return name
    raise KeyError(f"no output tells where {app.address} is called at {path}")


def _timer(app: App, found: list[Indexed]) -> Iterator[facts.Trigger]:
    for schedule in app.schedules:
        functions = [each.name for each in found if app.schedule(each) == schedule]
        one_each = f"{len(functions)} functions, one per partition: {listed(functions)}"
        yield facts.Trigger(
            "schedule",
            f"Timer trigger: NCRONTAB {schedule} (UTC{_pace(schedule)}), "
            f"{one_each if len(functions) > 1 else 'one function'}",
            (app.address,),
        )


def _pace(schedule: str) -> str:
    """What it says in words, where it is of a usual form."""
    if match := _EVERY_MINUTES.fullmatch(schedule):
        return f", every {match[1]} min"
    return _EVERY.get(schedule, "")


def _changes(app: App, found: list[Indexed]) -> Iterator[facts.Trigger]:
    for function in found:
        rows = _named(app, function, "containerName", names.ROWS)
        leases = _named(app, function, "leaseContainerName", names.ROWS)
        database = _named(app, function, "databaseName", names.DATABASE)
        yield facts.Trigger(
            "changes",
            f"{names.called(rows)} (database {names.name(database)}): Cosmos DB trigger on its change feed; "
            f"how far it is, the Functions host keeps in the {names.called(leases)}",
            (rows.address, database.address, leases.address),
        )


def _named(app: App, function: Indexed, argument: str, kind: str) -> Block:
    """The block that an argument of a trigger's binding names by way of an app setting."""
    return app.target(resolved(function.trigger[argument], app.settings), kind)


_READERS: Mapping[str, Callable[[App, list[Indexed]], Iterator[facts.Trigger]]] = {
    "queueTrigger": _queue,
    "eventGridTrigger": _event_grid,
    "httpTrigger": _http,
    "timerTrigger": _timer,
    "cosmosDBTrigger": _changes,
}
"""By the type of a trigger, in the words of a function.json."""
