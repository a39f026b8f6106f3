from collections.abc import Iterator

import pytest

from gcp import servers
from gcp.servers import FakeGoogle


@pytest.fixture(scope="session")
def firestore_host() -> Iterator[str]:
    with servers.firestore() as host:
        yield host


@pytest.fixture(scope="session")
def pubsub_url() -> Iterator[str]:
    with servers.pubsub() as url:
        yield url


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    fake = FakeGoogle()
    yield fake
    fake.close()
