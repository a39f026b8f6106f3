"""The hops that run in one cloud, from the topology: functions, and the queues between them."""

from dataclasses import dataclass

from twin_runtime.roles import ROLES, Cloud, Layer, Role
from twinspan.topology import Topology


@dataclass(frozen=True, slots=True)
class Hops:
    """What of a twin a cloud runs. Names are without the twin's: `processing`, `processing-dead`."""

    functions: tuple[Role, ...]
    queues: tuple[str, ...]
    dead_letters: tuple[str, ...]


def of(topology: Topology, cloud: Cloud) -> Hops:
    """The hops of a cloud."""
    here = topology.layers_in(cloud)
    functions = tuple(role for role, where in topology.roles.items() if where is cloud)
    acquisition, processing = Layer.ACQUISITION in here, Layer.PROCESSING in here
    queues = ["processing"] if acquisition or processing else []
    if processing:
        queues += ["persisting", "events"]
    if acquisition and processing:
        queues.append("commands")
    letters = [f"{queue}-dead" for queue in queues]
    # Roles with no queue before them put what they refuse into one of their own.
    own = (ROLES[role] for role in functions if ROLES[role].queue not in queues)
    letters += [spec.dead_letters for spec in own if spec.dead_letters]
    return Hops(functions, tuple(queues), tuple(letters))
