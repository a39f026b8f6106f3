"""The zip that a cloud's functions are deployed from.

One package per cloud holds the runtime, the cloud's adapters, the twin's own data (`twin.json`) and the
user's processors. It is the same, byte for byte, on every machine: sorted entries, fixed times and modes, no
bytecode.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twin_runtime.roles import ROLES, Cloud, Layer, roles_of
from twinspan import dashboards, datasource
from twinspan.config import Config
from twinspan.config.root import SAFETY_DAYS

SOURCE = Path(__file__).resolve().parents[2] / "function_src"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip entry can carry
_REGULAR_FILE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Package:
    """A package on disk. `digest` is its SHA-256 in hexadecimal, and part of its file name."""

    path: Path
    digest: str
    dashboards: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """Where the dashboards lie, by file name, of a cloud whose Grafana reads files."""


def build(config: Config, cloud: Cloud, folder: Path) -> Package:
    """Write the package of a cloud into `folder`, as `<cloud>-<first 16 digits of the digest>.zip`."""
    buffer = io.BytesIO()
    # Stored: two builds of zlib may compress the same bytes differently, which would change the digest.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(_entries(config, cloud)):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = _REGULAR_FILE
            info.create_system = 3  # Unix, so that the same bytes come out on every system
            archive.writestr(info, content)
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{cloud}-{digest[:16]}.zip"
    path.write_bytes(data)
    return Package(path, digest, _dashboards(config, cloud, folder))


def _dashboards(config: Config, cloud: Cloud, folder: Path) -> Mapping[str, Path]:
    """Write the dashboards beside the package, where no function in it keeps them."""
    if config.layers.visualization is not cloud or _configures_grafana(cloud):
        return {}
    place = folder / "dashboards"
    place.mkdir(exist_ok=True)
    made = {}
    for name, content in dashboards.generate(config).items():
        made[name] = place / name
        made[name].write_bytes(content)
    return made


def _configures_grafana(cloud: Cloud) -> bool:
    """Whether a function does, from files of its package; elsewhere Grafana reads files of its own."""
    return any(ROLES[role].layer is Layer.VISUALIZATION for role in roles_of(cloud))


def manifest(config: Config) -> dict[str, object]:
    """What the functions know of the twin: the content of `twin.json`."""
    types = {
        name: {
            "telemetry": {k: m.model_dump(exclude_none=True) for k, m in device_type.telemetry.items()},
            "commands": {k: c.model_dump(exclude_none=True) for k, c in device_type.commands.items()},
            "processor": f"processors/{name}.py" if device_type.processor else None,
        }
        for name, device_type in config.device_types.items()
    }
    rules = [rule.model_dump(exclude_none=True, by_alias=True) for rule in config.events.rules]
    return {
        "twin": config.name,
        **_ages(config),
        "device_types": types,
        "devices": {device.id: device.type for device in config.devices},
        "device_keys": {device.id: device.key for device in config.devices if device.key > 1},
        "revoked": sorted(device.id for device in config.devices if device.revoked),
        "rules": rules,
        "model": _model(config),
    }


def _ages(config: Config) -> dict[str, object]:
    """The days after which an event leaves a tier; none for a tier that the twin has not."""
    layers, ages = config.layers, config.retention
    cold = layers.cloud_of(Layer.COLD_STORAGE) is not None
    archive = layers.cloud_of(Layer.ARCHIVE_STORAGE) is not None
    return {
        "hot_days": ages.hot_days,
        "safety_days": SAFETY_DAYS if cold else 0,
        "cold_days": ages.cold_days if cold else None,
        "archive_days": ages.archive_days if archive else None,
    }


def _model(config: Config) -> dict[str, object]:
    """The entities of the twin graph and all of its edges; its other nodes are the devices."""
    model = config.model
    return {
        "types": {
            name: {"properties": {k: p.model_dump(exclude_none=True) for k, p in kind.properties.items()}}
            for name, kind in model.types.items()
        },
        "entities": {
            entity.id: {
                "type": entity.type,
                "name": entity.name or entity.id,
                "properties": dict(entity.properties),
            }
            for entity in model.entities
        },
        "relationships": [[edge.source, edge.name, edge.target] for edge in model.relationships],
    }


def _entries(config: Config, cloud: Cloud) -> Iterator[tuple[str, bytes]]:
    package = SOURCE / f"twin_{cloud}"
    for source in (SOURCE / "twin_runtime", package):
        for path in source.rglob("*.py"):
            if "root" not in path.relative_to(source).parts:
                yield path.relative_to(SOURCE).as_posix(), path.read_bytes()
    root = package / "root"  # what the platform wants to find at the top of the zip
    if root.is_dir():
        for path in root.iterdir():
            if path.is_file():
                yield path.name, path.read_bytes()
    for name, device_type in config.device_types.items():
        if device_type.processor:
            yield f"processors/{name}.py", config.path_of(device_type.processor).read_bytes()
    if config.layers.visualization is cloud and _configures_grafana(cloud):
        for name, content in dashboards.generate(config).items():
            yield f"dashboards/{name}", content
        settings = json.dumps(datasource.settings(config, cloud), indent=1, sort_keys=True)
        yield "grafana.json", settings.encode() + b"\n"
    text = json.dumps(manifest(config), indent=1, sort_keys=True, ensure_ascii=False)
    yield "twin.json", text.encode() + b"\n"
