"""A device's connection to its broker: one small interface, one file per cloud."""

from __future__ import annotations

from simulator.clients.base import Client, OnCommand
from simulator.endpoint import AwsEndpoint, AzureEndpoint, Endpoint

__all__ = ["Client", "OnCommand", "connect"]

TIMEOUT_S = 10.0


def connect(endpoint: Endpoint, device: str, *, key: int = 1, timeout: float = TIMEOUT_S) -> Client:
    """Connect one device. `key` is the number of its key on Google Cloud; `timeout` is for each step, in
    seconds. Raises `NotConnected`.
    """
    # Each imported when it is used: the cloud's own library need not be there for the others.
    if isinstance(endpoint, AwsEndpoint):
        from simulator.clients.aws import AwsClient

        return AwsClient(endpoint, device, timeout=timeout)
    if isinstance(endpoint, AzureEndpoint):
        from simulator.clients.azure import AzureClient

        return AzureClient(endpoint, device, timeout=timeout)
    from simulator.clients.gcp import GcpClient

    return GcpClient(endpoint, device, key=key, timeout=timeout)
