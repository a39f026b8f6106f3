"""What every construct is given: the twin's configuration, its topology and its names."""

from dataclasses import dataclass
from functools import cached_property

from twin_runtime.roles import Layer, Role
from twinspan.config import Config
from twinspan.naming import Names
from twinspan.topology import Topology


@dataclass(frozen=True)
class Twin:
    """One deployment, as the constructs see it."""

    config: Config

    @cached_property
    def topology(self) -> Topology:
        return Topology.of(self.config)

    @cached_property
    def names(self) -> Names:
        return Names.of(self.config)

    def labels(self, layer: Layer | None, role: Role | str) -> dict[str, str]:
        """Tags (AWS, Azure) or labels (Google) of a resource: those of twin.yaml, then twin, layer and role.

        `layer` is None for what all layers of a cloud share. A resource of no function's own names what it
        serves, such as "broker" or "store", as its role.
        """
        own = {"twin": self.config.name, "layer": layer.value if layer else "shared", "role": str(role)}
        return {**self.config.tags, **own}
