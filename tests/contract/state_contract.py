"""What each cloud's state store must do, as test classes to inherit from (see `adapter_contract`)."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest

from twin_runtime.ports import Record, StateStore

NAME = "plant-1:pump_7"


class StateContract:
    """Of `ports.StateStore`."""

    @pytest.fixture
    def state(self) -> StateStore:
        """An empty store."""
        raise NotImplementedError

    def test_of_no_names_nothing_is_read(self, state: StateStore) -> None:
        assert state.read([]) == {}

    def test_a_record_comes_back_with_its_version(self, state: StateStore) -> None:
        assert state.read([NAME]) == {}
        version = state.put_if_absent(NAME, '{"a":[1,"\\u00e9"]}')
        assert version is not None
        assert state.read([NAME]) == {NAME: Record('{"a":[1,"\\u00e9"]}', version)}

    def test_a_text_of_the_longest(self, state: StateStore) -> None:
        text = json.dumps({"rule": string.printable * 700})[:60_000].ljust(60_000)
        assert len(text.encode("ascii")) == 60_000
        version = state.put_if_absent(NAME, text)
        assert state.read([NAME]) == {NAME: Record(text, version or "")}
        assert state.replace(NAME, text[::-1], version=version or "") is not None
        assert state.read([NAME])[NAME].text == text[::-1]

    def test_names_of_every_form_are_different(self, state: StateStore) -> None:
        names = [".", "..", "__rules__", "a", "A", "a:b", "a.b", "a-b", "a_b", "-", ":", "0", "9" * 200]
        names += [string.ascii_letters + string.digits + "-_.:"]
        versions = {name: state.put_if_absent(name, f'"{name}"') for name in names}
        assert None not in versions.values()
        assert state.read(names) == {name: Record(f'"{name}"', versions[name] or "") for name in names}

    def test_more_names_than_one_call_of_the_service_takes(self, state: StateStore) -> None:
        names = [f"pump-{number}" for number in range(230)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: state.put_if_absent(name, name * 40), names[::2]))
        found = state.read(names)
        assert {name: record.text for name, record in found.items()} == {n: n * 40 for n in names[::2]}

    def test_the_first_to_put_wins(self, state: StateStore) -> None:
        first = state.put_if_absent(NAME, "1")
        assert state.put_if_absent(NAME, "2") is None
        assert state.put_if_absent(NAME, "1") is None
        assert state.read([NAME]) == {NAME: Record("1", first or "")}

    def test_a_record_is_replaced_by_who_knows_its_version(self, state: StateStore) -> None:
        first = state.put_if_absent(NAME, "1")
        assert first is not None
        second = state.replace(NAME, "2", version=first)
        assert second not in (None, first)
        assert state.replace(NAME, "3", version=first) is None
        assert state.read([NAME]) == {NAME: Record("2", second or "")}

    def test_the_same_text_has_another_version(self, state: StateStore) -> None:
        """Of two that write the same, one wins."""
        first = state.put_if_absent(NAME, "1")
        assert first is not None
        second = state.replace(NAME, "1", version=first)
        assert second not in (None, first)
        assert state.replace(NAME, "1", version=first) is None

    def test_what_is_not_there_is_not_replaced(self, state: StateStore) -> None:
        version = state.put_if_absent(NAME, "1")
        assert version is not None
        assert state.replace("nobody", "2", version=version) is None
        assert state.read(["nobody"]) == {}

    def test_a_record_that_is_deleted_is_gone(self, state: StateStore) -> None:
        version = state.put_if_absent(NAME, "1")
        state.put_if_absent("other", "2")
        for _ in range(2):
            state.delete(NAME)
            assert list(state.read([NAME, "other"])) == ["other"]
        assert state.replace(NAME, "2", version=version or "") is None
        assert state.put_if_absent(NAME, "3") is not None

    def test_one_of_many_threads_puts_and_one_replaces(self, state: StateStore) -> None:
        with ThreadPoolExecutor(16) as pool:
            put = list(pool.map(lambda n: state.put_if_absent(NAME, str(n)), range(32)))
            (winner,) = [(text, version) for text, version in enumerate(put) if version is not None]
            assert state.read([NAME]) == {NAME: Record(str(winner[0]), winner[1])}
            replaced = list(pool.map(lambda n: state.replace(NAME, f"r{n}", version=winner[1]), range(32)))
        ((text, version),) = [(f"r{n}", version) for n, version in enumerate(replaced) if version is not None]
        assert state.read([NAME]) == {NAME: Record(text, version)}

    def test_no_write_of_several_writers_is_lost(self, state: StateStore) -> None:
        state.put_if_absent(NAME, "0")

        def count(_writer: int) -> None:
            for _ in range(6):
                won = None
                while won is None:
                    there = state.read([NAME])[NAME]
                    won = state.replace(NAME, str(int(there.text) + 1), version=there.version)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(count, range(8)))
        assert state.read([NAME])[NAME].text == "48"


class LostAnswers:
    """Of a state store whose client sends a write again when no answer came. Beside `StateContract`."""

    @pytest.fixture
    def state(self) -> StateStore:
        raise NotImplementedError

    def losing(self, state: Any, meanwhile: Callable[[], object]) -> AbstractContextManager[object]:
        """Within it the service carries out the first write, `meanwhile` happens, and the answer is lost."""
        raise NotImplementedError

    def test_a_put_knows_its_own_record(self, state: StateStore) -> None:
        with self.losing(state, lambda: None):
            version = state.put_if_absent(NAME, "1")
        assert version is not None
        assert state.read([NAME]) == {NAME: Record("1", version)}
        assert state.replace(NAME, "2", version=version) is not None

    def test_a_replacement_knows_its_own_record(self, state: StateStore) -> None:
        first = state.put_if_absent(NAME, "1")
        with self.losing(state, lambda: None):
            version = state.replace(NAME, "2", version=first or "")
        assert version not in (None, first)
        assert state.read([NAME]) == {NAME: Record("2", version or "")}
        assert state.replace(NAME, "3", version=version or "") is not None

    def test_another_one_s_equal_record_is_not_its_own(self, state: StateStore) -> None:
        first = state.put_if_absent(NAME, "1")
        with self.losing(state, lambda: None):
            assert state.put_if_absent(NAME, "1") is None
        assert state.read([NAME]) == {NAME: Record("1", first or "")}
        second = state.replace(NAME, "2", version=first or "")
        with self.losing(state, lambda: None):
            assert state.replace(NAME, "2", version=first or "") is None
        assert state.read([NAME]) == {NAME: Record("2", second or "")}

    def test_what_came_after_it_is_not_overwritten(self, state: StateStore) -> None:
        """By the write that is sent again."""

        def other(text: str) -> Callable[[], object]:
            def write() -> None:
                assert state.replace(NAME, text, version=state.read([NAME])[NAME].version) is not None

            return write

        with self.losing(state, other("other's")):
            assert state.put_if_absent(NAME, "1") is None
        there = state.read([NAME])[NAME]
        assert there.text == "other's"
        with self.losing(state, other("another's")):
            assert state.replace(NAME, "2", version=there.version) is None
        assert state.read([NAME])[NAME].text == "another's"
