"""Secrets are read rarely, and again when it matters."""

from __future__ import annotations

import threading

import pytest

from support.memory import MemorySecret
from support.samples import log
from twin_runtime.errors import Retry, SecretMissing
from twin_runtime.wire.secret_cache import CachedSecret


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def cached(text: str | None = '{"a":1}') -> tuple[CachedSecret, MemorySecret, Clock]:
    source, clock = MemorySecret(text), Clock()
    return CachedSecret(source, log=log()[0], clock=clock), source, clock


def test_read_once_a_minute() -> None:
    secret, source, clock = cached()
    assert [secret.read() for _ in range(5)] == [{"a": 1}] * 5
    clock.now += 59
    secret.read()
    assert source.fetches == 1
    source.text = '{"a":2}'
    clock.now += 2
    assert secret.read() == {"a": 2}
    assert source.fetches == 2


def test_read_again_on_demand_but_not_without_end() -> None:
    secret, source, clock = cached()
    secret.read()
    for _ in range(100):
        secret.refresh()
    assert source.fetches == 1
    clock.now += 3
    source.text = '{"a":2}'
    assert secret.refresh() == {"a": 2}
    assert source.fetches == 2


def test_missing_until_it_is_written() -> None:
    secret, source, clock = cached(None)
    for _ in range(10):
        with pytest.raises(SecretMissing):
            secret.read()
    assert source.fetches == 1
    source.text = '{"a":1}'
    clock.now += 3
    assert secret.read() == {"a": 1}


def test_an_outage_of_the_service_is_bridged() -> None:
    secret, source, clock = cached()
    secret.read()
    clock.now += 61
    source.faults.ahead = [OSError("no route to key")]
    assert secret.read() == {"a": 1}
    source.faults.ahead = [OSError("no route")]
    fresh, source2, _ = cached()
    source2.faults.ahead = [OSError("no route")]
    with pytest.raises(Retry, match="could not be read"):
        fresh.read()


def test_a_secret_that_was_removed_is_missing() -> None:
    secret, source, clock = cached()
    secret.read()
    source.text = None
    clock.now += 61
    with pytest.raises(SecretMissing):
        secret.read()


@pytest.mark.parametrize("text", ["not json: swordfish", "[]", "1"])
def test_a_secret_that_is_no_object_is_not_shown(text: str) -> None:
    secret, _, _ = cached(text)
    with pytest.raises(Retry) as error:
        secret.read()
    assert "swordfish" not in str(error.value)
    assert secret.read_text() == text


def test_a_clock_that_goes_back() -> None:
    secret, source, clock = cached()
    secret.read()
    clock.now -= 500
    secret.read()
    assert source.fetches == 2


def test_threads_share_one_read() -> None:
    secret, source, _ = cached()
    threads = [threading.Thread(target=secret.read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.fetches == 1
