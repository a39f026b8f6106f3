"""The stores of a twin: which resources hold its data or identity, and what makes another one of each. Pure.

`terraform.holdings` says which types hold something. This module says which of them a twin has, without
CDKTF, so that two files can be compared in milliseconds. `tests/topology/test_stores.py` holds it against
synthesized stacks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from twin_runtime.roles import Cloud, Layer, Role
from twinspan.config import Config
from twinspan.terraform.holdings import Holding, holding
from twinspan.topology import Topology

SHARED = "shared"
"""In a store's name, in the place of the layer: what the layers of a cloud share."""
_QUEUES = {
    Cloud.AWS: "aws_sqs_queue",
    Cloud.AZURE: "azurerm_storage_queue",
    Cloud.GCP: "google_pubsub_subscription",
}
_CONTAINER = "azurerm_storage_container"


class Identity(NamedTuple):
    """What tells a resource from the one that takes its place at the same address. None: it does not
    matter.
    """

    twin: str | None = None
    region: str | None = None
    account: str | None = None


SITE = {
    Cloud.AWS: Identity("twin", "region", "account_id"),
    Cloud.AZURE: Identity("twin", "location", "subscription_id"),
    Cloud.GCP: Identity("twin", "region", "project"),
}
"""What twin.yaml calls the parts of an identity in each cloud."""


@dataclass(frozen=True, slots=True)
class Held:
    """A resource that holds something. `stack` and `address` are those of its block.

    `optional` says that it is part of the event system. `instances` are the addresses that an apply leaves:
    none of a resource of an event system that is off, one per device where the block is repeated.
    """

    stack: str
    address: str
    layer: Layer | None
    holding: Holding
    identity: Identity
    optional: bool
    instances: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """What a layer holds in a cloud, or what the layers of a cloud share. `name` is `<layer>@<cloud>`."""

    name: str
    layer: Layer | None
    resources: tuple[Held, ...] = field(repr=False)

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """What is in it, each once."""
        return tuple(dict.fromkeys(each.holding for each in self.resources))

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(each.address for each in self.resources)


def name_of(layer: Layer | None, stack: str) -> str:
    """The name of a store: `hot_storage@aws`.

    >>> name_of(Layer.HOT_STORAGE, "aws"), name_of(None, "azure")
    ('hot_storage@aws', 'shared@azure')
    """
    return f"{layer.value if layer else SHARED}@{stack}"


def identity(config: Config, cloud: Cloud) -> Identity:
    """The name, region and account of a twin in a cloud that twin.yaml names."""
    site, words = getattr(config.clouds, cloud), SITE[cloud]
    return Identity(config.name, getattr(site, str(words.region)), getattr(site, str(words.account)))


def stores(config: Config) -> tuple[Store, ...]:
    """Every store of a twin, cloud by cloud."""
    found: dict[tuple[str, Layer | None], list[Held]] = {}
    for each in held(config):
        found.setdefault((each.stack, each.layer), []).append(each)
    return tuple(
        Store(name_of(layer, stack), layer, tuple(resources)) for (stack, layer), resources in found.items()
    )


def held(config: Config) -> Iterator[Held]:
    """Every resource of a twin that holds something."""
    topology = Topology.of(config)
    for cloud in topology.clouds:
        twin = _Twin(config, topology, cloud)
        of_the_cloud = {Cloud.AWS: _aws, Cloud.AZURE: _azure, Cloud.GCP: _gcp}[cloud]
        for block in (*_queues(twin), *of_the_cloud(twin)):
            yield twin.held(block)


class _Block(NamedTuple):
    address: str
    layer: Layer | None
    optional: bool = False
    keys: tuple[str, ...] | None = None
    """Of `for_each`; None: the block is not repeated."""


@dataclass(frozen=True)
class _Twin:
    config: Config
    topology: Topology
    cloud: Cloud

    def has(self, layer: Layer) -> bool:
        return self.topology.layers.get(layer) is self.cloud

    def hot(self) -> bool:
        """Whether a hot store is here, if a former one."""
        return self.has(Layer.HOT_STORAGE) or Layer.HOT_STORAGE in self.topology.former_in(self.cloud)

    def files(self) -> Layer | None:
        """The layer that the files' bucket says it is of; None where there is no such bucket."""
        former = self.topology.former_in(self.cloud)
        tiers = (Layer.COLD_STORAGE, Layer.ARCHIVE_STORAGE)
        return next((layer for layer in tiers if self.has(layer) or layer in former), None)

    def receivers(self) -> tuple[Role, ...]:
        return self.topology.receivers_in(self.cloud)

    def devices(self) -> tuple[str, ...]:
        return tuple(device.id for device in self.config.devices)

    def held(self, block: _Block) -> Held:
        there = self.config.events.enabled or not block.optional
        keys = [""] if block.keys is None else [f'["{key}"]' for key in block.keys]
        return Held(
            stack=self.cloud.value,
            address=block.address,
            layer=block.layer,
            holding=holding(block.address),
            identity=self._identity(block.address.partition(".")[0]),
            optional=block.optional,
            instances=tuple(block.address + key for key in keys) if there else (),
        )

    def _identity(self, kind: str) -> Identity:
        """By what the cloud tells one resource of a type from another."""
        if kind.startswith("random_"):
            return Identity()
        whole = identity(self.config, self.cloud)
        if kind in ("aws_iot_thing", "aws_grafana_workspace"):  # called by the device's id; numbered by AWS
            return whole._replace(twin=None)
        if kind == "google_pubsub_subscription":  # global
            return whole._replace(region=None)
        return whole


def _queues(twin: _Twin) -> Iterator[_Block]:
    """Every queue and what holds its dead letters, alike in all clouds; on Azure, their long bodies."""
    kind, l1, l2 = _QUEUES[twin.cloud], Layer.ACQUISITION, Layer.PROCESSING
    whole: list[tuple[str, Layer, bool]] = []
    dead: list[tuple[str, Layer, bool]] = []
    if twin.has(l2):
        whole += [("processing", l2, False), ("persisting", l2, False), ("events", l2, True)]
    elif twin.has(l1):
        whole.append(("processing", l1, False))
    if twin.has(l1):
        remote = twin.topology.is_receiver(Role.EVENT_FEEDBACK)
        (dead if remote else whole).append(("commands", l1, True))
        dead.append(("telemetry", l1, False))
    if Role.WRITER in twin.receivers():
        dead.append(("writing", Layer.HOT_STORAGE, False))
    for name, layer, optional in whole:
        yield _Block(f"{kind}.{name}", layer, optional)
    for name, layer, optional in (*whole, *dead):
        yield _Block(f"{kind}.{name}_dead", layer, optional)
        if twin.cloud is Cloud.AZURE:
            yield _Block(f"{_CONTAINER}.{name}_bodies", layer, optional)


def _aws(twin: _Twin) -> Iterator[_Block]:
    l4 = Layer.TWIN_MANAGEMENT
    if twin.has(Layer.ACQUISITION):
        yield _Block("aws_iot_thing.devices", Layer.ACQUISITION, keys=twin.devices())
    if twin.hot():
        yield _Block("aws_dynamodb_table.hot", Layer.HOT_STORAGE)
    if tier := twin.files():
        yield _Block("aws_s3_bucket.files", tier)
    if twin.has(l4):
        yield _Block("aws_cloudformation_stack.graph", l4)
        yield _Block("aws_s3_bucket.graph", l4)
        yield _Block("aws_s3_object.graph_scene", l4)
    if twin.has(Layer.VISUALIZATION):
        yield _Block("aws_grafana_workspace.grafana", Layer.VISUALIZATION)


def _azure(twin: _Twin) -> Iterator[_Block]:
    hot = Layer.HOT_STORAGE
    yield _Block("azurerm_storage_account.twin", None)
    if twin.receivers() or twin.topology.link_secrets_in(Cloud.AZURE):
        yield _Block("azurerm_key_vault.twin", None)
    if twin.has(Layer.ACQUISITION):
        yield _Block("azurerm_iothub.broker", Layer.ACQUISITION)
        yield _Block(f"{_CONTAINER}.broker_dead", Layer.ACQUISITION)
    if twin.hot():
        yield _Block("azurerm_cosmosdb_account.store", hot)
        yield _Block("azurerm_cosmosdb_sql_database.store", hot)
        yield _Block("azurerm_cosmosdb_sql_container.store", hot)
    if tier := twin.files():
        yield _Block("azurerm_storage_account.files", tier)
        yield _Block(f"{_CONTAINER}.files", tier)
    if twin.has(Layer.TWIN_MANAGEMENT):
        yield _Block("azurerm_digital_twins_instance.graph", Layer.TWIN_MANAGEMENT)


def _gcp(twin: _Twin) -> Iterator[_Block]:
    l1 = Layer.ACQUISITION
    if twin.has(l1):
        if twin.devices():
            command = f"{_QUEUES[Cloud.GCP]}.devices"
            yield _Block(command, l1, optional=True, keys=tuple(sorted(twin.devices())))
        yield _Block(f"{_QUEUES[Cloud.GCP]}.telemetry", l1)
        yield _Block("google_secret_manager_secret.fleet", l1)
        yield _Block("random_password.fleet", l1)
    if twin.hot():
        yield _Block("google_firestore_database.hot", Layer.HOT_STORAGE)
    if tier := twin.files():
        yield _Block("google_storage_bucket.files", tier)
    if twin.has(Layer.TWIN_MANAGEMENT):
        yield _Block("google_firestore_database.graph", Layer.TWIN_MANAGEMENT)
