"""From layers to links: what runs where, and who sends to whom.

Only this module decides whether a link is local or remote.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from twin_runtime.roles import ROLES, Cloud, Layer, Role

if TYPE_CHECKING:
    from twinspan.config import Config

LINKS_STACK = "links"


@dataclass(frozen=True, slots=True)
class Link:
    """A directed flow between two layers.

    `sender` is the role that makes the requests and `receiver` the one that answers them: of a remote link
    the two ends that speak HTTPS with each other, of a local one the roles on the two sides of the shortcut.
    None is a client outside the twin (`sender_cloud` is None too), a managed service, or a database.
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
    by_key: bool = False
    """The requests carry the API key alone: what makes them cannot sign, and finds the receiver at its public
    endpoint even inside one cloud."""

    @property
    def remote(self) -> bool:
        return self.sender_cloud is not self.receiver_cloud

    @property
    def public(self) -> bool:
        """The receiver is reached at a public HTTPS endpoint."""
        return self.remote or self.by_key

    @property
    def wired(self) -> bool:
        """Its sender's secret is written by the stack `links`."""
        return self.remote and self.sender_cloud is not None

    @property
    def signed(self) -> bool:
        """Both ends are ours, so requests carry a signature and each end has a link secret."""
        return self.wired and not self.by_key


@dataclass(frozen=True)
class Topology:
    """The links, roles and stacks of a twin, from the cloud of each layer that it has.

    >>> clouds = {"acquisition": Cloud.AWS, "processing": Cloud.AZURE, "hot_storage": Cloud.AWS}
    >>> Topology({Layer(layer): cloud for layer, cloud in clouds.items()}).stacks
    ('aws', 'azure', 'links')
    """

    layers: Mapping[Layer, Cloud]
    read_api: bool = True
    """Whether clients outside the twin may read the hot store and the twin graph, through public endpoints
    with API keys."""
    former: Collection[tuple[Layer, Cloud]] = ()
    """The stores that a layer has left, and that stay."""
    entries: Collection[Cloud] = ()
    """The clouds that twin.yaml names, in use or not."""

    @classmethod
    def of(cls, config: "Config") -> "Topology":
        """The topology of a configuration."""
        found = {layer: config.layers.cloud_of(layer) for layer in Layer}
        layers = {layer: cloud for layer, cloud in found.items() if cloud is not None}
        entries = tuple(cloud for cloud in Cloud if getattr(config.clouds, cloud) is not None)
        return cls(layers, read_api=bool(config.read_api), former=config.former, entries=entries)

    @cached_property
    def clouds(self) -> tuple[Cloud, ...]:
        """The clouds with a layer or a former store, in the fixed order aws, azure, gcp."""
        used = {*self.layers.values(), *(cloud for _, cloud in self.former)}
        return tuple(cloud for cloud in Cloud if cloud in used)

    @cached_property
    def idle(self) -> tuple[Cloud, ...]:
        """The clouds that twin.yaml names and nothing of the twin uses: each keeps an empty stack."""
        return tuple(cloud for cloud in Cloud if cloud in self.entries and cloud not in self.clouds)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Every link, in the order of the data."""
        return (*self._events(), *self._tiers(), *self._reads())

    def _events(self) -> Iterator[Link]:
        l1, l2 = self.layers[Layer.ACQUISITION], self.layers[Layer.PROCESSING]
        hot = self.layers[Layer.HOT_STORAGE]
        telemetry = (Role.DISPATCHER, Role.PROCESSOR) if l1 is l2 else (Role.CONNECTOR, Role.INGESTION)
        yield Link("telemetry", Layer.ACQUISITION, Layer.PROCESSING, l1, l2, *telemetry)
        writer = None if l2 is hot else Role.WRITER
        yield Link("write", Layer.PROCESSING, Layer.HOT_STORAGE, l2, hot, Role.PERSISTER, writer)
        feedback = (Role.EVENT_CHECKER, Role.EVENT_FEEDBACK)
        yield Link("feedback", Layer.PROCESSING, Layer.ACQUISITION, l2, l1, *feedback, optional=True)

    def _tiers(self) -> Iterator[Link]:
        hot = self.layers[Layer.HOT_STORAGE]
        cold, archive = self.layers.get(Layer.COLD_STORAGE), self.layers.get(Layer.ARCHIVE_STORAGE)
        if cold is None:
            return
        writer = None if hot is cold else Role.COLD_WRITER
        yield Link("cold", Layer.HOT_STORAGE, Layer.COLD_STORAGE, hot, cold, Role.COLD_MOVER, writer)
        if archive is None:
            return
        # Inside a cloud a lifecycle rule of the bucket moves the files.
        roles = (None, None) if cold is archive else (Role.ARCHIVE_MOVER, Role.ARCHIVE_WRITER)
        yield Link("archive", Layer.COLD_STORAGE, Layer.ARCHIVE_STORAGE, cold, archive, *roles)

    def _reads(self) -> Iterator[Link]:
        hot = self.layers[Layer.HOT_STORAGE]
        l4, l5 = self.layers.get(Layer.TWIN_MANAGEMENT), self.layers.get(Layer.VISUALIZATION)
        if l4 is not None:
            # On platforms that pull values, twin_sync writes the twins without values.
            reader = Role.TWIN_SYNC if l4 in ROLES[Role.TWIN_CONNECTOR].absent else Role.TWIN_CONNECTOR
            server = None if l4 is hot else Role.HOT_READER
            yield Link("twin", Layer.HOT_STORAGE, Layer.TWIN_MANAGEMENT, l4, hot, reader, server)
        if l5 is not None:
            keeper = Role.DASHBOARD_SYNC if l5 not in ROLES[Role.DASHBOARD_SYNC].absent else None
            yield Link(
                "dashboards",
                Layer.HOT_STORAGE,
                Layer.VISUALIZATION,
                l5,
                hot,
                keeper,
                Role.HOT_READER,
                by_key=True,
            )
        if self.read_api:
            yield Link("read", Layer.HOT_STORAGE, None, None, hot, None, Role.HOT_READER, by_key=True)
            if l4 is not None:
                yield Link(
                    "graph", Layer.TWIN_MANAGEMENT, None, None, l4, None, Role.TWIN_READER, by_key=True
                )

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
        if l4 := self.layers.get(Layer.TWIN_MANAGEMENT):
            roles[Role.TWIN_SYNC] = l4
        return {role: roles[role] for role in Role if role in roles}

    @cached_property
    def wired_links(self) -> tuple[Link, ...]:
        """The links that the stack `links` wires: it writes a secret at the sender's end of each, and at the
        receiver's where requests are signed.
        """
        return tuple(link for link in self.links if link.wired)

    @cached_property
    def stacks(self) -> tuple[str, ...]:
        """Stack names in deploy order: a stack per cloud, then `links` when a remote link starts in the
        twin.
        """
        clouds = (cloud.value for cloud in Cloud if cloud in self.clouds or cloud in self.idle)
        return (*clouds, *((LINKS_STACK,) if self.wired_links else ()))

    def former_in(self, cloud: Cloud) -> tuple[Layer, ...]:
        """The layers of which a cloud keeps a former store, L1 first."""
        return tuple(layer for layer in Layer if (layer, cloud) in self.former)

    def layers_in(self, cloud: Cloud) -> tuple[Layer, ...]:
        """The layers that a cloud holds, L1 first."""
        return tuple(layer for layer in Layer if self.layers.get(layer) is cloud)

    def is_receiver(self, role: Role) -> bool:
        """Whether the role stands behind a public HTTPS endpoint."""
        return any(link.public and link.receiver is role for link in self.links)

    def has_clients(self, role: Role) -> bool:
        """Whether clients outside the twin call the role."""
        return any(link.sender_cloud is None and link.receiver is role for link in self.links)

    def receivers_in(self, cloud: Cloud) -> tuple[Role, ...]:
        """The roles of a cloud that stand behind a public HTTPS endpoint."""
        return tuple(r for r, where in self.roles.items() if where is cloud and self.is_receiver(r))

    def link_of(self, role: Role) -> Link | None:
        """The signed link that a role is an end of: the one whose secret it reads. None when it has none."""
        for link in self.wired_links:
            if link.signed and role in (link.sender, link.receiver):
                return link
        return None

    def link_secrets_in(self, cloud: Cloud) -> tuple[Link, ...]:
        """The links of which a cloud keeps an end's secret: what senders (Grafana's is filled by the cloud's
        own stack where the link is local) and receivers of signed requests read.
        """
        return tuple(
            link
            for link in self.links
            if (link.sender_cloud is cloud and (link.wired or link.by_key))
            or (link.signed and link.receiver_cloud is cloud)
        )
