"""Cloud Scheduler's jobs, when they are asked for."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from local_cloud.errors import LocalCloudError
from local_cloud.gcp import scheduler
from local_cloud.processes import free_port
from local_cloud.standins import Evaluated
from local_cloud.web import Answer, Request, Server


class Called:
    """A function's server. Partitions in `fails` are answered 500."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.fails: set[int] = set()
        self.requests: list[tuple[str, str | None, Any]] = []

    def __call__(self, request: Request) -> Answer:
        body = request.json()
        self.requests.append((request.method, request.headers.get("content-type"), body))
        return Answer(500 if body["partition"] in self.fails else 204)


@pytest.fixture
def called() -> Iterator[Called]:
    from threading import Thread

    port = free_port()
    function = Called(port)
    server = Server(port, function)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield function
    server.shutdown()
    server.server_close()


def job(url: str, partition: int) -> dict[str, Any]:
    body = json.dumps({"partition": partition, "partitions": 2}).encode()
    target = {
        "uri": url,
        "http_method": "POST",
        "headers": {"Content-Type": "application/json"},
        "body": b64encode(body).decode(),
    }
    return {"attempt_deadline": "615s", "http_target": target}


def stack(*jobs: dict[str, Any]) -> Evaluated:
    names = (f'google_cloud_scheduler_job.cold_mover["{number}"]' for number in range(len(jobs)))
    return Evaluated(dict(zip(names, jobs, strict=True)), {})


def function(called: Called) -> Any:
    process = SimpleNamespace(tail=lambda: "its last words")
    return SimpleNamespace(url=called.url, role="cold_mover", process=process)


def test_every_job_of_the_function_makes_its_request(called: Called) -> None:
    others = job("http://127.0.0.1:9", 7)
    scheduler.run(stack(job(called.url, 0), job(called.url, 1), others), function(called))
    assert sorted(body["partition"] for _, _, body in called.requests) == [0, 1]
    assert {(method, kind) for method, kind, _ in called.requests} == {("POST", "application/json")}


def test_a_run_that_fails_is_told_with_the_function_s_last_words(called: Called) -> None:
    called.fails = {1}
    with pytest.raises(LocalCloudError, match=r"cold_mover failed \(it answered 500\): its last words"):
        scheduler.run(stack(job(called.url, 0), job(called.url, 1)), function(called))


def test_a_function_that_no_job_calls(called: Called) -> None:
    with pytest.raises(LocalCloudError, match="No Cloud Scheduler job of the stack calls cold_mover"):
        scheduler.run(stack(job("http://127.0.0.1:9", 0)), function(called))
