"""What each cloud's clients do at a server that never answers, answers byte by byte, or asks for patience:
they end within the bounds of `twin_runtime.deadlines`. The bounds are a tenth as long, the code is real.
"""

from __future__ import annotations

import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import google.cloud.firestore  # noqa: F401 - loading it takes longer than the bounds of a call here
import pytest

from support.samples import event
from twin_aws import clients
from twin_aws.cloud import Aws
from twin_azure import bodies
from twin_azure.blobs import BlobObjects
from twin_azure.broker import HubBroker
from twin_azure.queues import MAX_MESSAGE_BYTES, StorageQueue
from twin_azure.secrets import VaultSecret
from twin_azure.workflow import LogicApp
from twin_gcp.cloud import Endpoints, GcpCloud
from twin_gcp.rest import MetadataTokens
from twin_runtime import deadlines
from twin_runtime.deadlines import Bounds, Service
from twin_runtime.errors import Retry
from twin_runtime.ports import Row
from twin_runtime.roles import Cloud
from twin_runtime.wire.http_client import HttpClient, Unreachable

SCALE = 10
SLACK_S = 0.6
"""Of a machine that is busy, and of the SDKs' own work."""
ROW = Row("t", "2024-02-29T12:00:00.000000Z", "e", "k", "{}", "", 2_000_000_000)

Behaviour = Callable[[socket.socket], None]


def silent(connection: socket.socket) -> None:
    """Take the request, and say nothing."""
    while connection.recv(65536):
        pass


def dripping(connection: socket.socket) -> None:
    """An answer that begins at once and never ends: each byte comes before a wait for one would be over."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n")
    for _ in range(200):
        connection.sendall(b"x")
        time.sleep(0.05)


def throttling(connection: socket.socket) -> None:
    """Too much at once, and in five minutes again."""
    while asked := connection.recv(65536):
        # Azure's storage speaks XML, all others JSON.
        body = b"" if b"x-ms-version" in asked else b'{"__type": "ThrottlingException"}'
        head = (
            "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 300\r\n"
            f"x-amz-retry-after: 300000\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body)


@contextmanager
def served(behaviour: Behaviour) -> Iterator[str]:
    """The URL of a server that treats each connection so."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    taken: list[socket.socket] = []

    def one(connection: socket.socket) -> None:
        try:
            behaviour(connection)
        except OSError:
            return  # the client has gone

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed at the end of the test
            taken.append(connection)
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in taken:
            connection.close()


@pytest.fixture
def tenth(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All bounds are a tenth as long; the pauses of botocore, which are no setting, are as they are."""
    whole = deadlines.bounds

    def scaled(cloud: Cloud, service: Service) -> Bounds:
        found = whole(cloud, service)
        return Bounds(
            found.connect_s / SCALE,
            found.answer_s / SCALE,
            found.tries,
            found.pauses_s / SCALE,
            found.token_s / SCALE,
        )

    body = deadlines.BODY
    waits = {"connection_timeout": body.connect_s / SCALE, "read_timeout": body.answer_s / SCALE}
    monkeypatch.setattr("twin_azure.bodies._BOUNDS", {**bodies._BOUNDS, **waits})
    monkeypatch.setattr(deadlines, "bounds", scaled)
    monkeypatch.setattr("twin_gcp.cloud.bounds", scaled)
    for module in ("workflow", "broker"):
        monkeypatch.setattr(
            f"twin_azure.{module}._TIMEOUT_S",
            scaled(Cloud.AZURE, Service[module.upper()]).try_s,
        )
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",  # pragma: allowlist secret
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    clients.client.cache_clear()
    yield
    clients.client.cache_clear()


class Credential:
    """A token at once."""

    def get_token(self, *_: str, **__: Any) -> Any:
        from azure.core.credentials import AccessToken

        return AccessToken("t", int(time.time()) + 3_600)

    def get_token_info(self, *_: str, **__: Any) -> Any:
        from azure.core.credentials import AccessTokenInfo

        return AccessTokenInfo("t", int(time.time()) + 3_600)


def _aws(call: Callable[[Aws], object]) -> Callable[[str, pytest.MonkeyPatch], object]:
    def run(url: str, environment: pytest.MonkeyPatch) -> object:
        environment.setenv("AWS_ENDPOINT_URL", url)
        return call(Aws())

    return run


def _gcp(call: Callable[[GcpCloud], object]) -> Callable[[str, pytest.MonkeyPatch], object]:
    return lambda url, _: call(
        GcpCloud(endpoints=Endpoints(pubsub=url, secrets=url, executions=url, storage=url))
    )


def _firestore(url: str, environment: pytest.MonkeyPatch, call: Callable[[Any], object]) -> object:
    environment.setattr("twin_gcp.firestore_calls.BOUNDS", deadlines.bounds(Cloud.GCP, Service.STORE))
    environment.setenv("FIRESTORE_EMULATOR_HOST", url.removeprefix("http://"))
    return call(GcpCloud().store("projects/my-project/databases/factory"))


def _query(store: Any) -> object:
    return store.query("t", start="a", end="b", limit=1, cursor=None, descending=False)


def _key() -> str:
    """An account's key, so that no token is asked for."""
    return b64encode(b"key").decode()


def _azure_queue(url: str) -> StorageQueue:
    return StorageQueue(f"{url}/a/q?bodies={url}/a/c", _key())


COMMAND = {**event("e"), "subject": "cool", "source": "/twins/factory/devices/t"}
CALLS: dict[tuple[Cloud, Service, str], Callable[[str, pytest.MonkeyPatch], object]] = {
    (Cloud.AWS, Service.QUEUE, "send"): _aws(lambda aws: aws.queue("https://sqs.example/1/q").send(["[]"])),
    (Cloud.AWS, Service.STORE, "put"): _aws(lambda aws: aws.store("rows").put([ROW])),
    (Cloud.AWS, Service.STORE, "query"): _aws(lambda aws: _query(aws.store("rows"))),
    (Cloud.AWS, Service.SECRET, "fetch"): _aws(lambda aws: aws.secret("arn:aws:x").fetch()),
    (Cloud.AWS, Service.WORKFLOW, "start"): _aws(lambda aws: aws.workflow("arn:aws:x").start("n", {})),
    (Cloud.AWS, Service.OBJECTS, "stat"): _aws(lambda aws: aws.objects("s3://b?class=STANDARD_IA").stat("n")),
    (Cloud.AZURE, Service.QUEUE, "send"): lambda url, _: _azure_queue(url).send(["[]"]),
    (Cloud.AZURE, Service.QUEUE, "send_long"): lambda url, _: _azure_queue(url).send(
        ["x" * (MAX_MESSAGE_BYTES + 1)]
    ),
    (Cloud.AZURE, Service.OBJECTS, "stat"): lambda url, _: BlobObjects.at(
        f"{url}/a/c?tier=Cool", _key()
    ).stat("n"),
    (Cloud.AZURE, Service.WORKFLOW, "start"): lambda url, _: LogicApp(url, Credential()).start("n", {}),
    (Cloud.AZURE, Service.BROKER, "send"): lambda url, _: HubBroker(url, Credential()).send("t", COMMAND),
    (Cloud.GCP, Service.QUEUE, "send"): _gcp(lambda gcp: gcp.queue("projects/p/topics/q").send(["[]"])),
    (Cloud.GCP, Service.SECRET, "fetch"): _gcp(lambda gcp: gcp.secret("projects/p/secrets/s").fetch()),
    (Cloud.GCP, Service.BROKER, "send"): _gcp(
        lambda gcp: gcp.broker("projects/p/topics/c").send("t", COMMAND)
    ),
    (Cloud.GCP, Service.WORKFLOW, "start"): _gcp(lambda gcp: gcp.workflow("projects/p").start("n", {})),
    (Cloud.GCP, Service.OBJECTS, "stat"): _gcp(lambda gcp: gcp.objects("gs://b").stat("n")),
    (Cloud.GCP, Service.OBJECTS, "get"): _gcp(lambda gcp: gcp.objects("gs://b").get("n")),
    (Cloud.GCP, Service.STORE, "put"): lambda url, e: _firestore(url, e, lambda store: store.put([ROW])),
    (Cloud.GCP, Service.STORE, "query"): lambda url, e: _firestore(url, e, _query),
}


BOTOCORE_PAUSE_S = 1.0
"""The longest before the second try; half of that to a time-out or less."""


def _ends_in_time(key: tuple[Cloud, Service, str], url: str, environment: pytest.MonkeyPatch) -> None:
    cloud, service, _ = key
    longest = deadlines.bounds(cloud, service).longest_s + (BOTOCORE_PAUSE_S if cloud is Cloud.AWS else 0)
    if cloud is Cloud.AWS:  # boto3 takes a second to make a client, which is kept
        with pytest.raises(Retry):
            CALLS[key](url, environment)
    begun = time.monotonic()
    with pytest.raises(Retry):
        CALLS[key](url, environment)
    assert time.monotonic() - begun < longest + SLACK_S


each_call = pytest.mark.parametrize("key", CALLS, ids=lambda key: "-".join(key))


@each_call
@pytest.mark.usefixtures("tenth")
def test_a_server_that_never_answers(
    key: tuple[Cloud, Service, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(silent) as url:
        _ends_in_time(key, url, monkeypatch)


@each_call
@pytest.mark.usefixtures("tenth")
def test_a_server_that_asks_for_five_minutes(
    key: tuple[Cloud, Service, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(throttling) as url:
        _ends_in_time(key, url, monkeypatch)


@pytest.mark.usefixtures("tenth")
def test_a_long_body_and_its_message_have_one_try_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Together they take no longer than the two tries of a short one."""
    methods: list[bytes] = []

    def storing_blobs(connection: socket.socket) -> None:
        while asked := connection.recv(65536):
            if asked[:4] in (b"PUT ", b"POST"):  # and no more of a message
                methods.append(asked[:4])
            if asked.startswith(b"PUT "):
                left = int(asked.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
                left -= len(asked.partition(b"\r\n\r\n")[2])
                while left > 0:
                    left -= len(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")

    with served(storing_blobs) as url:
        _ends_in_time((Cloud.AZURE, Service.QUEUE, "send_long"), url, monkeypatch)
    assert methods == [b"PUT ", b"POST"]
    message = deadlines.bounds(Cloud.AZURE, Service.QUEUE)
    assert deadlines.BODY.tries == 1
    assert deadlines.BODY.try_s <= message.try_s * (message.tries - 1) * SCALE


OWN = [
    key
    for key in CALLS
    if (key[0] is Cloud.GCP and key[1] is not Service.STORE)
    or (key[0] is Cloud.AZURE and key[1] in (Service.WORKFLOW, Service.BROKER))
]


@pytest.mark.parametrize("key", OWN, ids=lambda key: "-".join(key))
@pytest.mark.usefixtures("tenth")
def test_a_server_that_answers_byte_by_byte(
    key: tuple[Cloud, Service, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDKs of AWS and Azure wait for each byte anew; our own client does not."""
    with served(dripping) as url:
        _ends_in_time(key, url, monkeypatch)


@pytest.mark.parametrize("behaviour", [silent, dripping])
def test_a_request_ends_when_its_time_is_over(behaviour: Behaviour) -> None:
    with served(behaviour) as url:
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="timed out"):
            HttpClient().request("GET", url, None, {}, timeout=0.3)
        assert 0.25 < time.monotonic() - begun < 0.3 + SLACK_S


def test_a_token_that_does_not_come_and_those_who_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin_gcp.rest._TOKEN_TRY_S", 0.3)
    taken: list[float] = []
    with served(silent) as url:
        tokens = MetadataTokens(host=url.removeprefix("http://"))

        def get() -> None:
            begun = time.monotonic()
            with pytest.raises(Retry):
                tokens.get()
            taken.append(time.monotonic() - begun)

        threads = [threading.Thread(target=get) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(taken) == 8
    assert max(taken) < 2 * 0.3 + SLACK_S, "nobody waits for the tries of all others"


def test_azure_s_tokens_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    from azure.core.exceptions import AzureError
    from azure.identity import CredentialUnavailableError

    from twin_azure import cloud

    monkeypatch.setattr(cloud, "TOKEN", Bounds(0.2, 0.2, 1, 0.0))
    monkeypatch.setenv("IDENTITY_HEADER", "x")
    for behaviour in (silent, throttling):
        with served(behaviour) as url:
            monkeypatch.setenv("IDENTITY_ENDPOINT", url)
            cloud.credential.cache_clear()
            begun = time.monotonic()
            with pytest.raises((AzureError, CredentialUnavailableError)):
                cloud.credential().get_token("https://storage.azure.com/.default")
            assert time.monotonic() - begun < 0.4 + 2 * SLACK_S
    cloud.credential.cache_clear()


@pytest.mark.usefixtures("tenth")
def test_a_vault_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vault's client speaks HTTPS alone: its pipeline is tried with a transport of its own."""
    from azure.core.exceptions import ServiceResponseError
    from azure.core.pipeline.transport import HttpTransport

    tries: list[dict[str, Any]] = []

    class Away(HttpTransport):  # type: ignore[type-arg]
        def send(self, request: Any, **options: Any) -> Any:
            tries.append(options)
            raise ServiceResponseError("timed out")

        def open(self) -> None: ...
        def close(self) -> None: ...
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None: ...

    from twin_azure.bounds import of_core

    given = of_core(Service.SECRET)
    bounds = deadlines.bounds(Cloud.AZURE, Service.SECRET)
    assert (given["connection_timeout"], given["read_timeout"]) == (bounds.connect_s, bounds.answer_s)
    from azure.keyvault.secrets import SecretClient

    client = SecretClient("https://v.example", Credential(), transport=Away(), **given)
    begun = time.monotonic()
    with pytest.raises(Retry):
        VaultSecret(client, "name").fetch()
    assert len(tries) == bounds.tries
    assert time.monotonic() - begun < bounds.pauses_s + SLACK_S
    assert given["retry_policy"].get_retry_after(None) is None
