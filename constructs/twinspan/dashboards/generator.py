"""All dashboards of a twin. Importing this loads Grafana's SDK."""

from collections import Counter
from collections.abc import Callable, Mapping

from twin_runtime.roles import Layer
from twinspan.config import Config
from twinspan.dashboards.device_type import TypeDashboard
from twinspan.dashboards.fleet import FleetDashboard
from twinspan.dashboards.operations import OperationsDashboard
from twinspan.topology import Topology

_KEPT = 16
_made: dict[str, Mapping[str, bytes]] = {}
"""What was made lately, by the part of the configuration that it was made from."""
_DEVICES = {"name", "device_types", "devices", "events"}


def dashboards(config: Config) -> Mapping[str, bytes]:
    """The JSON of each dashboard by its file's name, in the order of names."""
    topology = Topology.of(config)
    tiers = Layer.COLD_STORAGE in topology.layers
    devices = config.model_dump_json(include=_DEVICES)
    made = {
        **_once(f"{tiers} {devices}", lambda: _of_devices(config, tiers=tiers)),
        **_once(
            f"{topology.layers} {config.clouds!r} {config.name} {list(config.device_types)}",
            lambda: _operations(config, topology),
        ),
    }
    return dict(sorted(made.items()))


def _of_devices(config: Config, *, tiers: bool) -> Mapping[str, bytes]:
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
    return _files([*made, FleetDashboard(config.name, metrics, counts, rules)])


def _operations(config: Config, topology: Topology) -> Mapping[str, bytes]:
    return _files([OperationsDashboard(config, topology, topology.layers[Layer.VISUALIZATION])])


def _files(
    made: list[TypeDashboard | FleetDashboard] | list[OperationsDashboard],
) -> Mapping[str, bytes]:
    return {f"{each.uid}.json": each.encode() for each in made}


def _once(key: str, make: Callable[[], Mapping[str, bytes]]) -> Mapping[str, bytes]:
    if key not in _made:
        while len(_made) >= _KEPT:
            del _made[next(iter(_made))]
        _made[key] = make()
    return _made[key]
