"""The local servers, started once for all tests that ask for them."""

from collections.abc import Iterator

import pytest

from . import servers


@pytest.fixture(scope="session")
def storage() -> Iterator[servers.Storage]:
    with servers.azurite() as urls:
        yield urls


@pytest.fixture(scope="session")
def blob_service(storage: servers.Storage) -> str:
    """The URL of a blob service."""
    return storage.blobs


@pytest.fixture(scope="session")
def cosmos_account() -> Iterator[str]:
    """The URL of a Cosmos DB account."""
    with servers.cosmos() as url:
        yield url
