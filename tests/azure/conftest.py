"""The local servers, started once for all tests that ask for them."""

from collections.abc import Iterator

import pytest

from . import servers


@pytest.fixture(scope="session")
def queue_service() -> Iterator[str]:
    """The URL of a queue service."""
    with servers.azurite() as url:
        yield url


@pytest.fixture(scope="session")
def cosmos_account() -> Iterator[str]:
    """The URL of a Cosmos DB account."""
    with servers.cosmos() as url:
        yield url
