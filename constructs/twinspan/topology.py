"""From layers to links: what runs where, and who sends to whom.

This is the only place that decides whether a link is local or remote. Everything else asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from twinspan.vocabulary import Cloud, Layer, Role

if TYPE_CHECKING:
    from twinspan.config import Config

LINKS_STACK = "links"
BUILT_LAYERS = (Layer.ACQUISITION, Layer.PROCESSING, Layer.HOT_STORAGE)
"""The layers that Twinspan builds; the others are refused when twin.yaml asks for them."""


@dataclass(frozen=True, slots=True)
class Link:
    """A directed flow between two layers.

    `sender` and `receiver` are the two ends as they are built: of a remote link the roles that speak HTTPS
    with each other, of a local one the roles (or the database) on the two sides of the shortcut. The read
    link's other end is a client outside the twin, so its `sender_cloud` and `sender` are None.
    """

    name: str
    source: Layer
    target: Layer | None
    sender_cloud: Cloud | None
    receiver_cloud: Cloud
    sender: Role | None
    receiver: Role | None
    optional: bool = False
    """Part of the event system, which a deployment can switch off."""

    @property
    def remote(self) -> bool:
        return self.sender_cloud is not self.receiver_cloud

    @property
    def signed(self) -> bool:
        """Both ends are ours, so requests carry a signature and each end has a link secret."""
        return self.remote and self.sender_cloud is not None


@dataclass(frozen=True)
class Topology:
    """The links, roles and stacks of a twin, from the cloud of each layer.

    >>> clouds = {"acquisition": Cloud.AWS, "processing": Cloud.AZURE, "hot_storage": Cloud.AWS}
    >>> Topology({Layer(layer): cloud for layer, cloud in clouds.items()}).stacks
    ('aws', 'azure', 'links')
    """

    layers: Mapping[Layer, Cloud]
    read_api: bool = True
    """Whether clients outside the twin may read the hot store, through a public endpoint with an API key."""

    @classmethod
    def of(cls, config: "Config") -> "Topology":
        """The topology of a configuration."""
        layers = {layer: getattr(config.layers, layer.value) for layer in BUILT_LAYERS}
        return cls(layers, read_api=config.read_api)

    @cached_property
    def clouds(self) -> tuple[Cloud, ...]:
        """The clouds in use, in the fixed order aws, azure, gcp."""
        return tuple(cloud for cloud in Cloud if cloud in self.layers.values())

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Every link, in the order of the data."""
        l1, l2 = self.layers[Layer.ACQUISITION], self.layers[Layer.PROCESSING]
        l3 = self.layers[Layer.HOT_STORAGE]
        telemetry = (Role.DISPATCHER, Role.PROCESSOR) if l1 is l2 else (Role.CONNECTOR, Role.INGESTION)
        links = [
            Link("telemetry", Layer.ACQUISITION, Layer.PROCESSING, l1, l2, *telemetry),
            Link(
                "write",
                Layer.PROCESSING,
                Layer.HOT_STORAGE,
                l2,
                l3,
                Role.PERSISTER,
                None if l2 is l3 else Role.WRITER,
            ),
            Link(
                "feedback",
                Layer.PROCESSING,
                Layer.ACQUISITION,
                l2,
                l1,
                Role.EVENT_CHECKER,
                Role.EVENT_FEEDBACK,
                optional=True,
            ),
        ]
        if self.read_api:
            links.append(Link("read", Layer.HOT_STORAGE, None, None, l3, None, Role.HOT_READER))
        return tuple(links)

    def link(self, name: str) -> Link:
        """The link of that name; KeyError when the twin has none."""
        for link in self.links:
            if link.name == name:
                return link
        raise KeyError(name)

    @cached_property
    def roles(self) -> Mapping[Role, Cloud]:
        """Every role that is deployed, and where."""
        l1, l2 = self.layers[Layer.ACQUISITION], self.layers[Layer.PROCESSING]
        roles = {Role.DISPATCHER: l1}
        for link in self.links:
            if link.sender is not None and link.sender_cloud is not None:
                roles[link.sender] = link.sender_cloud
            if link.receiver is not None:
                roles[link.receiver] = link.receiver_cloud
        roles |= {Role.PROCESSOR: l2, Role.PERSISTER: l2}
        return {role: roles[role] for role in Role if role in roles}

    @cached_property
    def signed_links(self) -> tuple[Link, ...]:
        """The links that the stack `links` wires: it writes a secret at both ends of each."""
        return tuple(link for link in self.links if link.signed)

    @cached_property
    def stacks(self) -> tuple[str, ...]:
        """Stack names in deploy order: a stack per cloud, then `links` when a remote link has two ends of
        ours.
        """
        return (*(cloud.value for cloud in self.clouds), *((LINKS_STACK,) if self.signed_links else ()))

    def layers_in(self, cloud: Cloud) -> tuple[Layer, ...]:
        """The layers that a cloud holds, L1 first."""
        return tuple(layer for layer in Layer if self.layers.get(layer) is cloud)

    def is_receiver(self, role: Role) -> bool:
        """Whether the role stands behind a public HTTPS endpoint."""
        return any(link.remote and link.receiver is role for link in self.links)

    def receivers_in(self, cloud: Cloud) -> tuple[Role, ...]:
        """The roles of a cloud that stand behind a public HTTPS endpoint."""
        return tuple(r for r, where in self.roles.items() if where is cloud and self.is_receiver(r))

    def link_of(self, role: Role) -> Link | None:
        """The signed link that a role is an end of: the one whose secret it reads. None when it has none."""
        for link in self.signed_links:
            if role in (link.sender, link.receiver):
                return link
        return None
