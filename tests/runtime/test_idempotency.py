"""A workflow starts once per event and rule, however often and concurrently the event is delivered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.benches import Bench
from support.memory import MemoryIdempotencyStore, MemoryQueue
from support.samples import DOCUMENT, event, log, message
from twin_runtime import model
from twin_runtime.delivery.idempotency import LEASE_S, IdempotentWorkflow
from twin_runtime.errors import Refused, Retry
from twin_runtime.functions.event_checker import EventChecker
from twin_runtime.roles import ROLES, Role

HOT = {"temperature": 81}


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


class Platform:
    """Logic Apps or Workflows: each call starts an execution. `before` and `after` are run around a start."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        self.before()
        self.started.append(name)
        self.after()


class Checkers:
    """Functions that share a platform and an idempotency store; `now` is their clock."""

    def __init__(self) -> None:
        self.platform, self.store = Platform(), MemoryIdempotencyStore()
        self.now = 1_700_000_000.0
        self.log, self.lines = log("event_checker")

    def workflow(self, late_by: float = 0.0) -> IdempotentWorkflow:
        """That of another process."""
        return IdempotentWorkflow(
            self.platform,
            self.store,
            log=self.log,
            clock=lambda: self.now - late_by,
            sleep=lambda _seconds: None,
        )

    def start(self, name: str = "hot-1") -> None:
        self.workflow().start(name, {})


@pytest.fixture
def checkers() -> Checkers:
    return Checkers()


def raises(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


def test_fifty_deliveries_start_it_once(checkers: Checkers) -> None:
    bench = Bench("event_checker")
    for attempt in range(1, 51):
        role = EventChecker(commands=MemoryQueue(), workflow=checkers.workflow(), **bench.shared())
        assert role.handle([message(event("a", HOT), attempt=attempt)]) == []
    assert len(checkers.platform.started) == 1


def test_sixty_events_are_sixty_starts_and_two_rules_are_two(checkers: Checkers) -> None:
    second = DOCUMENT["rules"][0] | {"name": "second"}
    twin = model.parse(DOCUMENT | {"rules": [DOCUMENT["rules"][0], second]})
    shared = Bench("event_checker").shared(twin)
    events = [event(f"e{number}", HOT) for number in range(60)]
    for _ in range(2):
        role = EventChecker(commands=MemoryQueue(), workflow=checkers.workflow(), **shared)
        assert role.handle([message(*events)]) == []
    assert len(checkers.platform.started) == len(set(checkers.platform.started)) == 120


def test_concurrent_deliveries_start_it_once_and_the_others_come_again(checkers: Checkers) -> None:
    claimed, others_done = threading.Event(), threading.Event()

    def slowly() -> None:
        claimed.set()
        assert others_done.wait(10)

    checkers.platform.before = slowly

    def deliver(_number: int) -> str:
        try:
            checkers.start()
        except Retry as error:
            return error.reason
        return "done"

    with ThreadPoolExecutor(17) as pool:
        first = pool.submit(deliver, 0)
        assert claimed.wait(10)
        others = list(pool.map(deliver, range(16)))
        others_done.set()
        assert first.result() == "done"
    assert set(others) == {"Another delivery of the event is starting the workflow."}
    assert deliver(17) == "done"
    assert checkers.platform.started == ["hot-1"]


def test_a_process_that_dies_before_the_start_is_followed_by_a_start(checkers: Checkers) -> None:
    checkers.platform.before = raises(Killed())
    with pytest.raises(Killed):
        checkers.start()
    checkers.platform.before = lambda: None
    checkers.now += LEASE_S - 1
    with pytest.raises(Retry):
        checkers.start()
    checkers.now += 1
    for _ in range(3):
        checkers.start()
    assert checkers.platform.started == ["hot-1"]


def test_a_process_that_dies_before_the_record_is_the_one_cause_of_a_second_start(checkers: Checkers) -> None:
    checkers.platform.after = raises(Killed())
    with pytest.raises(Killed):
        checkers.start()
    checkers.platform.after = lambda: None
    with pytest.raises(Retry):
        checkers.start()
    checkers.now += LEASE_S
    for _ in range(48):
        checkers.start()
    assert checkers.platform.started == ["hot-1"] * 2


def test_one_of_many_takes_over_what_a_dead_process_left(checkers: Checkers) -> None:
    checkers.platform.before = raises(Killed())
    with pytest.raises(Killed):
        checkers.start()
    checkers.platform.before = lambda: None
    checkers.now += LEASE_S

    def deliver(_number: int) -> None:
        try:
            checkers.start()
        except Retry:
            return

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(deliver, range(64)))
    assert checkers.platform.started == ["hot-1"]


@pytest.mark.parametrize("error", [Retry("Busy."), Refused("Too large."), OSError("reset")])
def test_a_start_that_fails_is_made_again_by_the_next_delivery(checkers: Checkers, error: Exception) -> None:
    checkers.platform.before = raises(error)
    with pytest.raises(type(error)):
        checkers.start()
    checkers.platform.before = lambda: None
    checkers.start()
    checkers.start()
    assert checkers.platform.started == ["hot-1"]


def test_a_claim_that_cannot_be_given_back_waits_for_its_end(checkers: Checkers) -> None:
    def fail() -> None:
        checkers.store.faults.ahead = [Retry("Cloud Storage answered 429.")]
        raise Retry("Busy.")

    checkers.platform.before = fail
    with pytest.raises(Retry, match="Busy"):
        checkers.start()
    assert checkers.lines.named("claim_not_given_back")
    checkers.platform.before = lambda: None
    with pytest.raises(Retry, match="Another delivery"):
        checkers.start()
    checkers.now += LEASE_S
    checkers.start()
    assert checkers.platform.started == ["hot-1"]


def test_a_record_is_tried_three_times(checkers: Checkers) -> None:
    def fail(times: int) -> Callable[[], None]:
        return lambda: checkers.store.faults.ahead.extend([Retry("Busy.")] * times)

    checkers.platform.after = fail(2)
    checkers.start("hot-1")
    checkers.platform.after = fail(3)
    checkers.start("hot-2")
    checkers.platform.after = lambda: None
    (line,) = checkers.lines.named("start_not_recorded")
    assert (line["execution"], line["reason"]) == ("hot-2", "Retry")
    checkers.start("hot-1")
    assert checkers.platform.started == ["hot-1", "hot-2"]


def test_a_claim_whose_answer_was_lost_and_was_put_again_is_ones_own(checkers: Checkers) -> None:
    put = checkers.store.put_if_absent

    def twice(name: str, text: str) -> str | None:
        put(name, text)
        return put(name, text)

    checkers.store.put_if_absent = twice  # type: ignore[method-assign]
    checkers.start()
    assert checkers.platform.started == ["hot-1"]


def test_without_its_store_nothing_starts(checkers: Checkers) -> None:
    checkers.store.faults.ahead = [Retry("Blob storage answered 503.")]
    with pytest.raises(Retry, match="503"):
        checkers.start()
    assert checkers.platform.started == []
    checkers.store.after.ahead = [Retry("The receiver timed out.")]  # written, and nobody knows
    with pytest.raises(Retry, match="timed out"):
        checkers.start()
    checkers.now += LEASE_S
    checkers.start()
    assert checkers.platform.started == ["hot-1"]


def test_a_claim_of_a_clock_that_is_far_ahead_does_not_last_for_ever(checkers: Checkers) -> None:
    checkers.platform.before = raises(Killed())
    with pytest.raises(Killed):
        checkers.workflow(late_by=-10_000).start("hot-1", {})
    checkers.platform.before = lambda: None
    checkers.start()
    assert checkers.platform.started == ["hot-1"]


def test_a_claim_lasts_longer_than_any_call() -> None:
    assert 2 * ROLES[Role.EVENT_CHECKER].timeout_s <= LEASE_S
