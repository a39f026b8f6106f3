"""One start of a logic app per event and rule: the adapters, with Azurite, which a token of Entra ID's form
opens, and the stand-in for the trigger.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contract.adapter_contract import IdempotencyContract
from local_cloud.azure.logic_app import LogicApps, read_runs
from local_cloud.azure.storage import Azurite
from local_cloud.azure.tokens import Tokens
from local_cloud.certificates import Authority
from local_cloud.processes import Processes, free_ports
from local_cloud.web import Server
from support.samples import log
from twin_azure.idempotency import SCOPE, BlobIdempotencyStore
from twin_azure.workflow import LogicApp
from twin_runtime.delivery.idempotency import IdempotentWorkflow
from twin_runtime.errors import Retry
from twin_runtime.wire import http_client

pytestmark = [pytest.mark.servers, pytest.mark.filterwarnings("ignore:Unverified HTTPS request")]
ACCOUNT = "factory3f9a01"
TOKENS = Tokens("a key")
_numbers = count(1)


class Credential:
    """The event checker's identity."""

    def get_token(self, scope: str, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(token=TOKENS.issue("checker", scope.removesuffix("/.default")))


@dataclass(frozen=True)
class Site:
    """A storage account, and a logic app that writes its runs down."""

    azurite: Azurite
    blobs: str
    trigger: str
    runs: Path

    def container(self) -> str:
        """The URL of a new one."""
        name = f"factory-idempotency-{next(_numbers)}"
        self.azurite.blobs(ACCOUNT).create_container(name)
        return f"{self.blobs}/{ACCOUNT}/{name}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("idempotency")
    authority = Authority(folder / "certificates")
    certificate = authority.server()
    queue_port, blob_port, trigger_port = free_ports(3)
    path, runs = "/workflows/factory-workflow/triggers/fired/paths/invoke", folder / "runs.jsonl"
    azurite = Azurite([ACCOUNT], queue_port=queue_port, blob_port=blob_port, ca_file=str(authority.ca_file))
    logic_app = LogicApps(TOKENS, {path: [{"oid": "checker"}]}, runs)
    server = Server(trigger_port, logic_app)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    with Processes(folder / "logs", authority.trust()) as processes, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        http_client._tls.cache_clear()
        processes.wait(azurite.start(processes, certificate), port=blob_port)
        trigger = f"http://127.0.0.1:{trigger_port}{path}?api-version=2016-10-01"
        yield Site(azurite, f"https://127.0.0.1:{blob_port}", trigger, runs)
    http_client._tls.cache_clear()
    server.shutdown()
    server.server_close()


@pytest.fixture
def workflow(site: Site) -> Callable[[], IdempotentWorkflow]:
    """Makes that of another process."""
    site.runs.unlink(missing_ok=True)
    container = site.container()
    return lambda: IdempotentWorkflow(
        LogicApp(site.trigger, Credential()),
        BlobIdempotencyStore(container, Credential()),
        log=log("event_checker")[0],
    )


class TestBlobs(IdempotencyContract):
    @pytest.fixture
    def store(self, site: Site) -> BlobIdempotencyStore:
        return BlobIdempotencyStore(site.container(), Credential())

    def test_a_container_that_is_not_there_is_tried_again(self, site: Site) -> None:
        store = BlobIdempotencyStore(f"{site.blobs}/{ACCOUNT}/missing", Credential())
        with pytest.raises(Retry, match="Blob storage answered 404"):
            store.put_if_absent(self.NAME, "1")

    def test_who_has_no_token_for_the_service_is_tried_again(self, site: Site) -> None:
        """A new role takes minutes to be effective."""
        other = SimpleNamespace(
            get_token=lambda *_: SimpleNamespace(token=TOKENS.issue("checker", "https://vault.azure.net"))
        )
        store = BlobIdempotencyStore(site.container(), other)
        for call in (lambda: store.put_if_absent(self.NAME, "1"), lambda: store.get(self.NAME)):
            with pytest.raises(Retry, match=r"Blob storage answered 40[13]"):
                call()


def test_the_scope_is_that_of_storage() -> None:
    """learn.microsoft.com, 'Authorize access to blobs using Microsoft Entra ID', resource id."""
    assert SCOPE == "https://storage.azure.com/.default"


def test_fifty_deliveries_are_one_start(site: Site, workflow: Callable[[], IdempotentWorkflow]) -> None:
    for _ in range(50):
        workflow().start("overheating-1", {"rule": "overheating"})
    (run,) = read_runs(site.runs)
    assert (run["name"], run["input"]) == ("overheating-1", {"rule": "overheating"})


def test_two_rules_on_sixty_events_are_a_hundred_and_twenty_starts(
    site: Site, workflow: Callable[[], IdempotentWorkflow]
) -> None:
    names = [f"{rule}-{number}" for number in range(60) for rule in ("hot", "dry")]
    for _ in range(2):
        checker = workflow()
        for name in names:
            checker.start(name, {})
    assert [run["name"] for run in read_runs(site.runs)] == names


def test_concurrent_deliveries_are_one_start(site: Site, workflow: Callable[[], IdempotentWorkflow]) -> None:
    def deliver(_number: int) -> bool:
        try:
            workflow().start("overheating-1", {})
        except Retry:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert any(pool.map(deliver, range(50)))
    assert deliver(50)
    assert len(read_runs(site.runs)) == 1
