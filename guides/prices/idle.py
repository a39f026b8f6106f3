"""The parts of a twin that events cost nothing, and why."""

from dataclasses import dataclass

from twin_runtime.roles import ROLES, Cloud, Layer, Role
from twinspan.topology import Topology


@dataclass(frozen=True, slots=True)
class Free:
    """A part, a node's id, that costs nothing per event. `reason` is a clause that follows "nothing:"."""

    cloud: Cloud
    part: str
    reason: str


def free(topology: Topology, events: bool) -> tuple[Free, ...]:
    """The functions that handle no event as it comes in, and what stands beside them. The event system has
    none.
    """
    l4, l5 = (topology.layers.get(layer) for layer in (Layer.TWIN_MANAGEMENT, Layer.VISUALIZATION))
    idle = {role: ROLES[role].idle for role in topology.roles if ROLES[role].idle}
    found = [Free(topology.roles[role], role.value, reason) for role, reason in idle.items()]
    if l4 is Cloud.AWS:
        reason = "TwinMaker asks for the values itself; it runs by the clock, and is billed by the month"
        found.append(Free(l4, Role.TWIN_SYNC.value, reason))
        found.append(Free(l4, "twin_graph", "TwinMaker bills entities by the month, and queries"))
    if l5:
        found.append(Free(l5, "grafana", "it reads when somebody looks"))
    return tuple(found)
