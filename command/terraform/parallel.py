"""Work on several stacks at a time, which one Ctrl-C ends cleanly."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

from command.exits import CommandError
from command.terraform.program import Program

Result = TypeVar("Result")


def side_by_side(
    program: Program, work: Mapping[str, Callable[[], Result]], *, warn: Callable[[str], None]
) -> dict[str, Result | CommandError]:
    """Do the work of each stack in a thread of its own; return its result, or the error it ended with.

    The first Ctrl-C is passed on to each Terraform, which finishes what it has begun; then KeyboardInterrupt
    is raised. A second one ends Terraform at once.
    """
    if not work:
        return {}
    with _ending_as_interrupted(), ThreadPoolExecutor(len(work)) as pool:
        futures = {name: pool.submit(each) for name, each in work.items()}
        interrupted = _waited(program, list(futures.values()), warn)
        if interrupted:
            raise KeyboardInterrupt
        return {name: _result(future) for name, future in futures.items()}


def _waited(program: Program, futures: list[Future[Any]], warn: Callable[[str], None]) -> bool:
    """Wait for all; return whether somebody pressed Ctrl-C."""
    interrupted = False
    while True:
        try:
            wait(futures)
        except KeyboardInterrupt:
            if not interrupted:
                warn(
                    "Stopping: Terraform finishes the resources that it has begun. A second Ctrl-C stops at "
                    "once, and can leave resources that the state does not contain."
                )
            interrupted = True
            program.interrupt()
        else:
            return interrupted


def _result(future: Future[Result]) -> Result | CommandError:
    error = future.exception()
    if isinstance(error, CommandError):
        return error
    return future.result()


@contextmanager
def _ending_as_interrupted() -> Iterator[None]:
    """Take a closed terminal or `kill` as Ctrl-C: Terraform must write its state before this process ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGTERM, signal.SIGHUP)
    before = {each: signal.signal(each, _interrupt) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
