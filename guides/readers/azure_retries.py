"""What repeats a failed call of a Function App, by what started it."""

from collections.abc import Callable, Iterator, Mapping

from guides.readers import azure_event_grid as event_grid
from guides.readers.azure_app import App
from guides.readers.azure_host import QUEUES
from guides.readers.links import NO_RETRIES
from guides.readers.runtime import most_deliveries
from guides.readers.values import duration


def retries(app: App) -> tuple[str, ...]:
    """A sentence for each kind of trigger."""
    return tuple(text for kind in app.kinds for text in _AGAIN[kind](app))


def _visible_again(app: App) -> Iterator[str]:
    pause = duration(app.host.seconds(*QUEUES, "visibilityTimeout"))
    most, own = app.host.number(*QUEUES, "maxDequeueCount"), most_deliveries()
    if own >= most:
        raise KeyError(f"the host gives up a message of {app.role} before the function can say why")
    yield (
        f"A message that failed is visible again after {pause} (visibilityTimeout). On its delivery {own} "
        "the function itself puts what still fails into the dead letters, with the reason; after "
        f"{most} deliveries (maxDequeueCount) the Functions host moves the message there."
    )


def _next_run(app: App) -> Iterator[str]:
    for schedule in app.schedules:
        yield f"Timer: a run that failed is not repeated before the next one by its schedule ({schedule})."


def _not_again(_: App) -> Iterator[str]:
    yield "Change feed: a batch that failed is not handed over again; the next run of the timer catches up."


def _by_the_caller(_: App) -> Iterator[str]:
    yield NO_RETRIES


_AGAIN: Mapping[str, Callable[[App], Iterator[str]]] = {
    "queueTrigger": _visible_again,
    "eventGridTrigger": event_grid.retries,
    "httpTrigger": _by_the_caller,
    "timerTrigger": _next_run,
    "cosmosDBTrigger": _not_again,
}
"""By the type of a trigger, in the words of a function.json. No function has a retry policy of its own:
`azure_package` would not know it."""
