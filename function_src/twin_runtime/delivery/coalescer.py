"""Gathers concurrent calls into one: for platforms that hand over one message per call, many calls at a time.

The first caller of a group waits for a short window and then runs the whole group; the others wait for it.
Each caller gets its own outcome. Groups run side by side: while one is at work the next one gathers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from twin_runtime.errors import Retry
from twin_runtime.ports import Message

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Group(Generic[Item, Result]):
    def __init__(self) -> None:
        self.items: list[Item] = []
        self.full = threading.Event()
        self.done = threading.Event()
        self.results: Sequence[Result] | None = None
        self.error: BaseException | None = None


class Coalescer(Generic[Item, Result]):
    """`run` takes the items of a group and returns one result for each, in order.

    `window` is in seconds and is what a lone call pays; `max_items` ends it early.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        window: float = 0.075,
        max_items: int = 100,
    ) -> None:
        self._run = run
        self._window = window
        self._max_items = max_items
        self._lock = threading.Lock()
        self._gathering: _Group[Item, Result] | None = None

    def submit(self, item: Item) -> Result:
        """The result for `item`; raises what `run` raised."""
        with self._lock:
            group = self._gathering
            leads = group is None
            if group is None:
                group = self._gathering = _Group[Item, Result]()
            position = len(group.items)
            group.items.append(item)
            if len(group.items) >= self._max_items:
                self._gathering = None
                group.full.set()
        if leads:
            self._lead(group)
        else:
            group.done.wait()
        if group.error is not None:
            raise group.error if leads else Retry("The batch of this message failed.") from group.error
        if group.results is None:
            raise Retry("The batch of this message had no result.")
        return group.results[position]

    def _lead(self, group: _Group[Item, Result]) -> None:
        group.full.wait(self._window)
        with self._lock:
            if self._gathering is group:
                self._gathering = None
        try:
            group.results = self._run(group.items)
        except BaseException as error:
            group.error = error
        finally:
            group.done.set()


def of_messages(
    handle: Callable[[Sequence[Message]], Sequence[str]], *, window: float = 0.075, max_messages: int = 100
) -> Coalescer[Message, bool]:
    """A coalescer before a queue role's `handle`: `submit(message)` is True when the message is done."""

    def run(messages: Sequence[Message]) -> Sequence[bool]:
        # The same message may be delivered twice at the same time: ids of our own keep the two apart.
        numbered = [Message(str(n), message.body, message.attempt) for n, message in enumerate(messages)]
        failed = set(handle(numbered))
        return [message.id not in failed for message in numbered]

    return Coalescer(run, window=window, max_items=max_messages)
