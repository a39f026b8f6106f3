"""The bucket that a device is in: the unit of the catalogue, of a mover's progress and of its partitions."""

from __future__ import annotations

from hashlib import sha256


def bucket(device: str) -> str:
    """Two hexadecimal digits."""
    return sha256(device.encode()).hexdigest()[:2]
