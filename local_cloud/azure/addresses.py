"""Where the stand-ins of a stack's resources are found, known before Terraform evaluates the stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from local_cloud.processes import free_ports

HOST = "127.0.0.1"
Through = Callable[[str, int], int]


def direct(_name: str, port: int) -> int:
    """Nothing between clients and server."""
    return port


@dataclass(frozen=True)
class Place:
    """A server's own port, and the one that clients are told: another, where a test puts a proxy between."""

    port: int
    public: int

    @property
    def host(self) -> str:
        return f"{HOST}:{self.public}"


@dataclass(frozen=True)
class Addresses:
    """One `Place` for each server; `apps` by the name of the function app's resource."""

    queues: Place
    blobs: Place
    tables: Place
    cosmos: Place
    vault: Place
    hub: Place
    logic_apps: Place
    twins: Place
    grafana: Place
    identity: Place
    mqtt: Place
    apps: Mapping[str, Place] = field(default_factory=dict[str, Place])

    @classmethod
    def reserve(cls, apps: list[str], through: Through = direct) -> Addresses:
        """Free ports. `through(name, port)` is asked for each server that clients see; function apps have the
        names of their resources.
        """
        seen = ("queues", "blobs", "tables", "cosmos", "vault", "hub", "logic_apps", "twins", "grafana")
        ports = iter(free_ports(len(seen) + 2 + len(apps)))
        places = {name: _place(name, next(ports), through) for name in seen}
        own = {name: _place(name, next(ports), direct) for name in ("identity", "mqtt")}
        return cls(**places, **own, apps={name: _place(name, next(ports), through) for name in apps})


def _place(name: str, port: int, through: Through) -> Place:
    return Place(port, through(name, port))
