"""What the stack `links` writes at a cloud's ends of the links that cross clouds, read from its JSON."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from guides import twins, words
from twin_runtime.roles import Cloud
from twinspan.terraform.stackjson import Block, Blocks
from twinspan.topology import LINKS_STACK, Link

VERSIONS: Mapping[str, Cloud] = {
    "aws_secretsmanager_secret_version": Cloud.AWS,
    "azurerm_key_vault_secret": Cloud.AZURE,
    "google_secret_manager_secret_version": Cloud.GCP,
}
"""The types whose resources hold a secret's value."""
_VALUE = ("secret_string", "value", "secret_data")
FIELDS = ("url", "api_key", "signing_keys")
"""What a secret may hold."""


@dataclass(frozen=True, slots=True)
class End:
    """A cloud's end of a link: what its secret holds, and who reads it. `sends`: requests start here."""

    link: Link
    address: str
    sends: bool
    fields: tuple[str, ...]
    optional: bool

    @property
    def reader(self) -> str:
        """Who reads the secret."""
        role = self.link.sender if self.sends else self.link.receiver
        return words.TITLES[role.value] if role else "Grafana"


def ends(cloud: Cloud, stacks: Any) -> tuple[End, ...]:
    """Every end that a cloud can have: the spread twins have them between them. In the order of the links."""
    found = [
        (number, end)
        for placement in twins.SPREAD
        for number, end in _ends(cloud, placement, Blocks(stacks(placement)[LINKS_STACK]))
    ]
    return tuple(end for _, end in sorted(found, key=lambda pair: (pair[0], not pair[1].sends)))


def _ends(cloud: Cloud, placement: twins.Placement, blocks: Blocks) -> Iterator[tuple[int, End]]:
    topology = twins.topology(placement)
    versions = {block.name: block for block in blocks.resources if VERSIONS.get(block.kind) is cloud}
    for number, link in enumerate(topology.wired_links):
        if block := versions.get(f"link_{link.name}"):
            sends = link.sender_cloud is cloud
            yield number, End(link, block.address, sends, _fields(block), blocks.optional(block))


def _fields(block: Block) -> tuple[str, ...]:
    """What the value holds. Of Grafana's own file: what it is made from."""
    value = next(block.body[name] for name in _VALUE if name in block.body)
    return tuple(name for name in FIELDS if re.search(rf"\b{name} = ", value))
