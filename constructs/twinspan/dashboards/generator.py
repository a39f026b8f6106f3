"""All dashboards of a twin. Importing this loads Grafana's SDK."""

from collections import Counter
from collections.abc import Mapping

from twin_runtime.roles import Layer
from twinspan.config import Config
from twinspan.dashboards.device_type import TypeDashboard
from twinspan.dashboards.fleet import FleetDashboard
from twinspan.dashboards.operations import OperationsDashboard
from twinspan.topology import Topology


def dashboards(config: Config) -> Mapping[str, bytes]:
    """The JSON of each dashboard by its file's name, in the order of names."""
    topology = Topology.of(config)
    operations = OperationsDashboard(config, topology, topology.layers[Layer.VISUALIZATION])
    made = [*_of_devices(config, tiers=Layer.COLD_STORAGE in topology.layers), operations]
    return dict(sorted((f"{each.uid}.json", each.encode()) for each in made))


def _of_devices(config: Config, *, tiers: bool) -> list[TypeDashboard | FleetDashboard]:
    by_type: dict[str, list[str]] = {name: [] for name in config.device_types}
    for device in config.devices:
        by_type[device.type].append(device.id)
    metrics = {name: each.telemetry for name, each in config.device_types.items()}
    rules = config.events.rules
    made = [
        TypeDashboard(config.name, name, each, by_type[name], rules, tiers=tiers)
        for name, each in metrics.items()
    ]
    counts = Counter(device.type for device in config.devices)
    return [*made, FleetDashboard(config.name, metrics, counts, rules)]
