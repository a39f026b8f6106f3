"""The zip that a cloud's functions are deployed from.

One package per cloud holds the runtime, the cloud's adapters, the twin's own data (`twin.json`) and the
user's processors. It is the same, byte for byte, on every machine: sorted entries, fixed times and modes, no
bytecode.

The packages that processors require are in a second one, which the processor alone gets: other functions
would load slower for nothing. They are unpacked wheels in a folder of their own, the same way for every
cloud, so that the versions of the cloud's SDK and the user's do not have to agree.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twin_runtime import model
from twin_runtime.roles import CLOUD_NAMES, ROLES, Cloud, Layer, Role, roles_of
from twinspan import dashboards, datasource, usercode, vendoring
from twinspan.config import Config
from twinspan.config.devices import DeviceType
from twinspan.config.root import SAFETY_DAYS

SOURCE = Path(__file__).resolve().parents[2] / "function_src"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip entry can carry
_REGULAR_FILE = 0o100644 << 16
PACKAGES = "packages"
"""Folder of what processors require."""
_LARGEST = {Cloud.AWS: (50, 250)}
"""Megabytes of a zip, and of its files, where a cloud takes no more: Lambda's quotas."""
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Package:
    """A package on disk. `digest` is its SHA-256 in hexadecimal, and part of its file name."""

    path: Path
    digest: str
    dashboards: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """Where the dashboards lie, by file name, of a cloud whose Grafana reads files."""
    own: Mapping[Role, "Package"] = field(default_factory=dict[Role, "Package"])
    """The packages of functions that have one of their own."""

    def of(self, role: Role) -> "Package":
        """Return the package of a function."""
        return self.own.get(role, self)


def build(config: Config, cloud: Cloud, folder: Path) -> Package:
    """Write the package of a cloud into `folder`, as `<cloud>-<first 16 digits of the digest>.zip`, and that
    of the processor as `<cloud>-processor-….zip` where processors require packages.

    Raises `vendoring.PackagesError` where those cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = dict(_entries(config, cloud))
    path, digest = _write(entries, folder, cloud)
    own: dict[Role, Package] = {}
    if config.layers.processing is cloud and (required := _required(config, cloud)):
        whole = _write({**entries, **required}, folder, f"{cloud}-{Role.PROCESSOR}")
        _check_size(whole[0], cloud)
        own[Role.PROCESSOR] = Package(*whole)
    return Package(path, digest, _dashboards(config, cloud, folder), own)


def _write(entries: Mapping[str, bytes], folder: Path, stem: str) -> tuple[Path, str]:
    """Write a zip; return its path and its digest."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sorted(entries.items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = _REGULAR_FILE
            info.create_system = 3  # Unix, so that the same bytes come out on every system
            # Stored: two builds of zlib may compress the same bytes differently, which would change the
            # digest. What processors require is too large for that.
            compressed = name.startswith(f"{PACKAGES}/")
            archive.writestr(info, content, zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED)
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    path = folder / f"{stem}-{digest[:16]}.zip"
    path.write_bytes(data)
    return path, digest


def _required(config: Config, cloud: Cloud) -> dict[str, bytes]:
    """Return the files of the packages that processors require."""
    wheels = vendoring.wheels(vendoring.pins(config), vendoring.target_of(cloud))
    return {f"{PACKAGES}/{name}": content for wheel in wheels for name, content in vendoring.files(wheel)}


def _check_size(path: Path, cloud: Cloud) -> None:
    """Raise `PackagesError` for a zip that is too large for a cloud."""
    if cloud not in _LARGEST:
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(info.file_size for info in archive.infolist()) / _MEGABYTE
    packed = path.stat().st_size / _MEGABYTE
    most_packed, most_unpacked = _LARGEST[cloud]
    if packed > most_packed or unpacked > most_unpacked:
        raise vendoring.PackagesError(
            f"The package of the processor has {packed:.0f} MB, {unpacked:.0f} MB unpacked. "
            f"{CLOUD_NAMES[cloud]} takes {most_packed} and {most_unpacked} MB: require fewer or smaller "
            "packages."
        )


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
            **_limits(device_type),
        }
        for name, device_type in config.device_types.items()
    }
    rules = [rule.document() for rule in config.events.rules]
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


def _limits(device_type: DeviceType) -> dict[str, object]:
    """Limits of a device type that are not the defaults of the functions."""
    given = device_type.clock
    clock = model.Clock(given.ahead.seconds, given.behind.seconds, given.outside == "refuse")
    rate = model.Rate(device_type.rate.per_second, device_type.rate.burst)
    limits = (("clock", clock, model.Clock()), ("rate", rate, model.Rate()))
    return {name: limit._asdict() for name, limit, usual in limits if limit != usual}


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
    for name, path in usercode.packed(config).items():
        yield name, path.read_bytes()
    if config.layers.visualization is cloud and _configures_grafana(cloud):
        for name, content in dashboards.generate(config).items():
            yield f"dashboards/{name}", content
        settings = json.dumps(datasource.settings(config, cloud), indent=1, sort_keys=True)
        yield "grafana.json", settings.encode() + b"\n"
    text = json.dumps(manifest(config), indent=1, sort_keys=True, ensure_ascii=False)
    yield "twin.json", text.encode() + b"\n"
