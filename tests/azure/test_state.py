"""The state store in Table storage: the contract with Azurite, which a token of Entra ID's form opens, with
answers that get lost; and what Azurite never answers, from a server that does.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from typing import Any
from urllib.parse import SplitResult

import pytest

from contract.effects_contract import EffectsContract
from contract.state_contract import NAME, LostAnswers, StateContract
from local_cloud.azure.storage import Azurite
from local_cloud.azure.tokens import Tokens
from local_cloud.certificates import Authority
from local_cloud.processes import Processes, free_port, free_ports
from local_cloud.web import Answer, Request, Server
from twin_azure import state as module
from twin_azure.cloud import AzureCloud
from twin_azure.state import SCOPE, TableStateStore
from twin_runtime.deadlines import Service, bounds
from twin_runtime.errors import Retry, Throttled
from twin_runtime.roles import Cloud
from twin_runtime.wire import http_client
from twin_runtime.wire.http_client import HttpClient

ACCOUNT = "factory3f9a01"
TOKENS = Tokens("a key")
_numbers = count(1)


class Credential:
    """The event checker's identity."""

    def get_token(self, scope: str, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(token=TOKENS.issue("checker", scope.removesuffix("/.default")))


class LossyClient(HttpClient):
    """Loses answers: `error` is raised in their place, once `meanwhile` has happened."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[tuple[Exception, Callable[[], object]]] = []

    def _exchange(self, parts: SplitResult, connection: http.client.HTTPConnection, asked: Any) -> Any:
        answer = super()._exchange(parts, connection, asked)
        if self.lost and asked.method != "GET":
            error, meanwhile = self.lost.pop()
            meanwhile()
            raise error
        return answer


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Makes tables; gives the URL of each."""
    folder = tmp_path_factory.mktemp("state")
    authority = Authority(folder / "certificates")
    queue_port, blob_port, port = free_ports(3)
    azurite = Azurite(
        [ACCOUNT],
        queue_port=queue_port,
        blob_port=blob_port,
        table_port=port,
        ca_file=str(authority.ca_file),
    )

    def make() -> str:
        name = f"state{next(_numbers)}"
        azurite.create_table(ACCOUNT, name)
        return f"https://127.0.0.1:{port}/{ACCOUNT}/{name}"

    with Processes(folder / "logs", authority.trust()) as processes, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        http_client._tls.cache_clear()
        processes.wait(azurite.start(processes, authority.server()), port=port)
        yield make
    http_client._tls.cache_clear()


@pytest.mark.servers
class TestTables(StateContract):
    @pytest.fixture
    def state(self, tables: Callable[[], str]) -> TableStateStore:
        return TableStateStore(tables(), Credential())

    def test_a_table_that_is_not_there_is_not_an_empty_one(
        self, state: TableStateStore, tables: Callable[[], str]
    ) -> None:
        missing = TableStateStore(f"{tables()}missing", Credential())
        for call in calls(missing):
            with pytest.raises(Retry, match="Table storage answered 404"):
                call()

    def test_who_has_no_token_for_the_service_is_tried_again(self, tables: Callable[[], str]) -> None:
        """A new role takes minutes to be effective."""
        other = SimpleNamespace(
            get_token=lambda *_: SimpleNamespace(token=TOKENS.issue("checker", "https://vault.azure.net"))
        )
        for call in calls(TableStateStore(tables(), other)):
            with pytest.raises(Retry, match=r"Table storage answered 40[13]"):
                call()

    def test_names_are_read_side_by_side_on_connections_that_are_kept(
        self, tables: Callable[[], str]
    ) -> None:
        class Counting(HttpClient):
            opened = 0

            def _open(self, parts: SplitResult, until: float) -> http.client.HTTPConnection:
                Counting.opened += 1
                return super()._open(parts, until)

        state = TableStateStore(tables(), Credential(), Counting())
        names = [f"pump-{number}" for number in range(100)]
        for name in names:
            state.put_if_absent(name, "{}")
        assert len(state.read(names)) == len(state.read(names)) == 100
        assert Counting.opened <= module._TOGETHER + 1


@pytest.mark.servers
class TestEffects(EffectsContract):
    state = TestTables.state


@pytest.mark.servers
@pytest.mark.parametrize(
    "error", [http.client.RemoteDisconnected(""), TimeoutError()], ids=["closed", "late"]
)
class TestLostAnswers(LostAnswers):
    """A kept connection that ends is opened anew by the client; a time-out is an error of its own."""

    @pytest.fixture
    def state(self, tables: Callable[[], str], error: Exception) -> TableStateStore:
        client = LossyClient()
        state = TableStateStore(tables(), Credential(), client)
        state.read([NAME])  # opens a connection
        self.client, self.error = client, error
        return state

    @contextmanager
    def losing(self, state: Any, meanwhile: Callable[[], object]) -> Iterator[None]:
        self.client.lost = [(self.error, meanwhile)]
        yield
        assert not self.client.lost


def calls(state: TableStateStore) -> list[Callable[[], object]]:
    return [
        lambda: state.read([NAME]),
        lambda: state.read([NAME, "another"]),
        lambda: state.put_if_absent(NAME, "1"),
        lambda: state.replace(NAME, "2", version='W/"1"'),
        lambda: state.delete(NAME),
    ]


@contextmanager
def served(respond: Callable[[Request], Answer]) -> Iterator[TableStateStore]:
    server = Server(free_port(), respond)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield TableStateStore(f"http://127.0.0.1:{server.server_port}/state", Credential())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "TableBeingDeleted", Retry),
        (429, "", Throttled),
        (500, "OperationTimedOut", Retry),
        (503, "ServerBusy", Throttled),
        (400, "InvalidInput", Retry),
    ],
)
def test_a_store_that_fails_brings_the_event_back(status: int, code: str, kind: type[Retry]) -> None:
    """learn.microsoft.com, 'Table Storage error codes'. The name of a deleted table is free again some time
    later, as when the event system is switched off and on.
    """
    body = json.dumps({"odata.error": {"code": code, "message": {"value": "secret detail"}}}).encode()
    with served(lambda _: Answer(status, body, {"content-type": "application/json"})) as state:
        for call in calls(state):
            with pytest.raises(Retry, match=rf"^Table storage .*{status}") as raised:
                call()
            assert type(raised.value) is kind


def test_an_answer_of_something_else_is_tried_again() -> None:
    with (
        served(lambda _: Answer(200, b"<html>", {"etag": "1"})) as state,
        pytest.raises(Retry, match="unreadable"),
    ):
        state.read([NAME])


def test_a_read_of_many_names_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are slow: what is left when the time is over is not asked for."""
    monkeypatch.setattr(module, "_WHOLE_S", 0.6)
    asked: list[str] = []

    def slow(request: Request) -> Answer:
        asked.append(request.path)
        time.sleep(0.25)
        return Answer(404, b'{"odata.error":{"code":"ResourceNotFound"}}', {})

    with served(slow) as state:
        started = time.monotonic()
        with pytest.raises(Retry):
            state.read([f"pump-{number}" for number in range(200)])
        assert time.monotonic() - started < 3
    assert len(asked) < 50


def test_a_call_ends_within_its_bounds() -> None:
    """A write that is sent again and then read back is three requests."""
    longest = bounds(Cloud.AZURE, Service.STATE)
    assert 3 * module._TIMEOUT_S <= module._WHOLE_S <= longest.longest_s - longest.token_s


def test_what_is_sent() -> None:
    """learn.microsoft.com: 'Insert Entity', 'Update Entity', 'Authorize access to tables using Microsoft
    Entra ID' (version 2020-12-06 or later).
    """
    seen: list[Request] = []

    def respond(request: Request) -> Answer:
        seen.append(request)
        return Answer(204, b"", {"etag": 'W/"2"'})

    with served(respond) as state:
        assert state.put_if_absent(NAME, "1") == 'W/"2"'
        assert state.replace(NAME, "2", version='W/"1"') == 'W/"2"'
    put, replaced = seen
    assert (put.method, put.path) == ("POST", "/state")
    assert (replaced.method, replaced.path) == ("PUT", f"/state(PartitionKey='{NAME}',RowKey='')")
    assert replaced.headers["if-match"] == 'W/"1"'
    assert "if-match" not in put.headers
    for request in seen:
        assert request.headers["x-ms-version"] >= "2020-12-06"
        assert request.headers["authorization"].startswith("Bearer ")
        assert request.headers["x-ms-date"].endswith(" GMT")
        entity: Mapping[str, str] = json.loads(request.body)
        assert (entity["PartitionKey"], entity["RowKey"]) == (NAME, "")
        assert entity["text@odata.type"] == "Edm.Binary"


def test_the_scope_is_that_of_storage() -> None:
    """learn.microsoft.com, 'Authorize access to tables using Microsoft Entra ID', resource id."""
    assert SCOPE == "https://storage.azure.com/.default"


def test_the_factory_s_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin_azure.cloud.credential", Credential)
    made = AzureCloud().state_store("https://factory3f9a01.table.core.windows.net/state")
    assert isinstance(made, TableStateStore)
