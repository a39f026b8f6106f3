"""Concurrent calls become few, and each caller gets its own outcome."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from twin_runtime.delivery.coalescer import Coalescer, of_messages
from twin_runtime.errors import Retry
from twin_runtime.ports import Message


def test_concurrent_calls_are_one_group() -> None:
    groups: list[int] = []

    def run(items: Sequence[int]) -> list[int]:
        groups.append(len(items))
        return [item * 2 for item in items]

    coalescer = Coalescer(run, window=0.2)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(coalescer.submit, range(16))) == [n * 2 for n in range(16)]
    assert groups == [16]


def test_a_full_group_does_not_wait() -> None:
    coalescer = Coalescer(list[int], window=30, max_items=4)
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(coalescer.submit, range(8))) == list(range(8))
    assert time.monotonic() - started < 5


def test_groups_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=5)

    def run(items: Sequence[int]) -> Sequence[int]:
        both.wait()
        return items

    coalescer = Coalescer(run, window=0.01, max_items=1)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(coalescer.submit, [1, 2])) == [1, 2]


def test_an_error_reaches_every_caller() -> None:
    def run(items: Sequence[int]) -> list[int]:
        raise Retry("down")

    coalescer = Coalescer(run, window=0.1)

    def submit(item: int) -> str:
        with pytest.raises(Retry) as error:
            coalescer.submit(item)
        return error.value.reason

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(submit, range(4))) <= {"down", "The batch of this message failed."}


def test_each_message_has_its_own_outcome_even_with_equal_ids() -> None:
    def handle(messages: Sequence[Message]) -> list[str]:
        return [message.id for message in messages if message.body == "bad"]

    coalescer = of_messages(handle, window=0.1)
    with ThreadPoolExecutor(4) as pool:
        bodies = ["good", "bad", "good", "bad"]
        done = list(pool.map(lambda body: coalescer.submit(Message("same", body)), bodies))
    assert done == [True, False, True, False]
