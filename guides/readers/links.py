"""What a function says and hears over HTTPS, at the ends of the topology's links: the same in each cloud."""

from collections.abc import Collection
from typing import NamedTuple

from guides import facts
from guides.words import CLOUDS, TITLES
from twin_runtime.ports import MAX_DELIVERIES
from twin_runtime.roles import Layer, Role
from twinspan.topology import Link, Topology

NO_RETRIES = "Nothing repeats a request here: the caller does."
"""Of a function that is called over HTTPS."""
GIVES_UP = f"On its delivery number {MAX_DELIVERIES} the function itself dead-letters what still fails"
"""Of a function that takes messages."""
MOVES_FROM = {Role.COLD_MOVER: "STORE", Role.ARCHIVE_MOVER: "COLD_STORE"}
"""Roles that move what they read, and the variable that names where they take it from."""
_ASKED = frozenset({"twin", "dashboards", "read", "graph"})
"""The links whose requests ask for data and whose answers carry it; those of the others carry it."""


class Ends(NamedTuple):
    """What comes in and goes out by way of links."""

    inputs: tuple[facts.Use, ...]
    outputs: tuple[facts.Use, ...]


def ends(role: Role, topology: Topology, *, secrets: Collection[str]) -> Ends:
    """The remote ends that a role has to do with, as `link:<name>`. `secrets` are the names of the links
    whose secrets its function may read; KeyError when that of its own link is not among them.
    """
    own = topology.link_of(role)
    if own and own.name not in secrets:
        raise KeyError(f"{role} is an end of the link {own.name}, whose secret it may not read")
    inputs: list[facts.Use] = []
    outputs: list[facts.Use] = []
    for link in topology.links:
        address = f"link:{link.name}"
        if link.public and link.receiver is role:
            if link.name in _ASKED:
                outputs.append(facts.Use(address, f"answers to {_asker(link)}"))
            else:
                inputs.append(facts.Use(address, f"signed requests of {_end(link.sender, link)}"))
        elif link.signed and link.name in secrets:
            assert link.receiver is not None  # requests that are signed are answered by one of our roles
            answerer = f"{_title(link.receiver)} ({CLOUDS[link.receiver_cloud]})"
            if link.sender is role and link.name not in _ASKED:
                outputs.append(facts.Use(address, f"signed requests to {answerer}"))
            else:
                inputs.append(facts.Use(address, f"answers of {answerer} to signed requests"))
    return Ends(tuple(inputs), tuple(outputs))


def _asker(link: Link) -> str:
    if link.sender_cloud is None:
        return "API clients, who send the API key"
    if link.target is Layer.VISUALIZATION:
        return f"Grafana ({CLOUDS[link.sender_cloud]}), which sends the API key"
    return f"signed requests of {_end(link.sender, link)}"


def _end(sender: Role | None, link: Link) -> str:
    assert sender is not None and link.sender_cloud is not None
    return f"{_title(sender)} ({CLOUDS[link.sender_cloud]})"


def _title(role: Role) -> str:
    return TITLES[role.value]
