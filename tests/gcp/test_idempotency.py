"""One start of Workflows per event and rule: the adapters, with Cloud Storage's stand-in and a fake of the
executions API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gcp.servers import FakeGoogle
from local_cloud.gcp.storage import Storage
from local_cloud.processes import free_port
from support.samples import log
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_runtime.delivery.idempotency import IdempotentWorkflow
from twin_runtime.errors import Retry, Throttled

WORKFLOW = "projects/my-project/locations/europe-west1/workflows/factory-workflow"
BUCKET = "factory-idempotency-3f9a01"
Make = Callable[[], IdempotentWorkflow]


@pytest.fixture
def workflow(google: FakeGoogle) -> Iterator[Make]:
    """Makes that of another process."""
    port = free_port()
    storage = Storage(port)
    storage.create([{"name": BUCKET}])

    def make() -> IdempotentWorkflow:
        cloud = GcpCloud(endpoints=Endpoints(executions=google.url, storage=f"http://127.0.0.1:{port}"))
        store = cloud.idempotency_store(f"gs://{BUCKET}")
        return IdempotentWorkflow(cloud.workflow(WORKFLOW), store, log=log("event_checker")[0])

    yield make
    storage.close()


def test_fifty_deliveries_are_one_start_and_one_request(google: FakeGoogle, workflow: Make) -> None:
    for _ in range(50):
        workflow().start("overheating-1", {"rule": "overheating"})
    assert google.requests == [f"POST /v1/{WORKFLOW}/executions"]


def test_sixty_events_of_twenty_kilobytes_are_sixty_starts_however_often_they_come(
    google: FakeGoogle, workflow: Make
) -> None:
    """1.2 MB of executions: whatever listed them would have to read them all."""
    payload = {"event": {"data": {"note": "x" * 20_000}}}
    for _ in range(2):
        checker = workflow()
        for number in range(60):
            checker.start(f"overheating-{number}", payload)
    assert len(google.executions) == 60
    assert set(google.requests) == {f"POST /v1/{WORKFLOW}/executions"}


def test_concurrent_deliveries_are_one_start(google: FakeGoogle, workflow: Make) -> None:
    def deliver(_number: int) -> bool:
        try:
            workflow().start("overheating-1", {})
        except Retry:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert any(pool.map(deliver, range(50)))
    assert deliver(50)
    assert len(google.executions) == 1


def test_a_start_that_is_refused_is_made_again_at_once(google: FakeGoogle, workflow: Make) -> None:
    google.ahead = [429]
    with pytest.raises(Throttled):
        workflow().start("overheating-1", {})
    workflow().start("overheating-1", {})
    assert len(google.executions) == 1


@pytest.mark.parametrize(("status", "kind"), [(400, Retry), (403, Retry), (429, Throttled), (503, Retry)])
def test_a_store_that_fails_brings_the_event_back(google: FakeGoogle, status: int, kind: type[Retry]) -> None:
    store = GcpCloud(endpoints=Endpoints(storage=google.url)).idempotency_store(f"gs://{BUCKET}")
    calls: list[Callable[[], object]] = [
        lambda: store.put_if_absent("a/claim", "1"),
        lambda: store.get("a/claim"),
        lambda: store.replace("a/claim", "2", version="1"),
    ]
    for call in calls:
        google.ahead = [status]
        with pytest.raises(Retry) as raised:
            call()
        assert type(raised.value) is kind
