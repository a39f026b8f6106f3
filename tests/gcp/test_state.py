"""The state store in Firestore: the contract, with answers that get lost, on an emulator; and its errors, on
a client that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from contract.effects_contract import EffectsContract
from contract.state_contract import NAME, LostAnswers, StateContract
from twin_runtime.deadlines import Service, bounds
from twin_runtime.errors import Retry, Throttled
from twin_runtime.roles import Cloud

pytest.importorskip("google.cloud.firestore", reason="google-cloud-firestore is not installed")

import grpc
from google.api_core import exceptions, gapic_v1

from twin_gcp import state as module
from twin_gcp.cloud import GcpCloud
from twin_gcp.firestore_calls import BOUNDS
from twin_gcp.state import FirestoreStateStore
from twinspan.gcp.events import state as construct

_numbers = count(1)


class Databases:
    @pytest.fixture
    def state(self, firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> FirestoreStateStore:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
        return GcpCloud().state_store(f"projects/my-project/databases/factory-state-{next(_numbers)}")


@pytest.mark.servers
class TestFirestore(Databases, StateContract):
    pass


@pytest.mark.servers
class TestEffects(Databases, EffectsContract):
    pass


@pytest.mark.servers
class TestLostAnswers(Databases, LostAnswers):
    """The client sends a commit again that the service could not answer."""

    @contextmanager
    def losing(self, state: Any, meanwhile: Callable[[], object]) -> Iterator[None]:
        transport = state._client._firestore_api.transport
        commit = transport.commit
        lost: list[str] = []

        def answer(request: Any, **how: Any) -> Any:
            if lost:
                return commit(request, **how)
            lost.append("answer")
            with suppress(grpc.RpcError):  # an answer, too
                commit(request, **how)
            meanwhile()
            raise exceptions.ServiceUnavailable("lost")

        methods = transport._wrapped_methods
        kept, methods[commit] = methods[commit], gapic_v1.method.wrap_method(answer)
        yield
        methods[commit] = kept
        assert lost


class Client:
    """A client whose calls raise `error`."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked: list[dict[str, Any]] = []

    def collection(self, _name: str) -> Client:
        return self

    def document(self, _name: str) -> Client:
        return self

    def write_option(self, **_: Any) -> SimpleNamespace:
        return SimpleNamespace()

    def _fail(self, *_: Any, timeout: Any, retry: Any, **__: Any) -> Any:
        self.asked.append({"timeout": timeout, "retry": retry})
        raise self.error

    create = update = delete = get_all = _fail


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.ResourceExhausted("secret detail"), Throttled),
        (exceptions.RetryError("late", exceptions.ResourceExhausted("busy")), Throttled),
        (exceptions.ServiceUnavailable("secret detail"), Retry),
        (exceptions.Aborted("contention"), Retry),
        (exceptions.PermissionDenied("secret detail"), Retry),
        (exceptions.InvalidArgument("secret detail"), Retry),
    ],
)
def test_a_store_that_fails_brings_the_event_back(error: Exception, kind: type[Retry]) -> None:
    state = FirestoreStateStore(Client(error))  # pyright: ignore[reportArgumentType]
    calls: list[Callable[[], object]] = [
        lambda: state.read([NAME]),
        lambda: state.put_if_absent(NAME, "1"),
        lambda: state.replace(NAME, "2", version="2024-02-29T12:00:00.123456789Z"),
        lambda: state.delete(NAME),
    ]
    for call in calls:
        with pytest.raises(Retry, match=r"^Firestore failed \(\w+\)\.$") as raised:
            call()
        assert type(raised.value) is kind


def test_a_call_ends_within_its_bounds() -> None:
    """A write that finds another's record reads it, in one try."""
    client = Client(exceptions.AlreadyExists("taken"))
    with pytest.raises(Retry):
        FirestoreStateStore(client).put_if_absent(NAME, "1")  # pyright: ignore[reportArgumentType]
    write, read = client.asked
    assert write.keys() == {"timeout", "retry"}
    assert read == {"timeout": BOUNDS.try_s, "retry": None}
    assert BOUNDS.longest_s + BOUNDS.try_s <= bounds(Cloud.GCP, Service.STATE).longest_s


def test_the_collection_is_the_one_that_the_stack_has_no_indexes_for() -> None:
    assert module.COLLECTION == construct.COLLECTION
