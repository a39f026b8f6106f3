"""Which functions' code an edit changes, and through which files of their package."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin_runtime.roles import ROLES, Cloud, Role
from twinspan import packaging
from twinspan.config import Config
from twinspan.topology import Topology

_MANIFEST = "twin.json"


@dataclass(frozen=True, slots=True)
class NewCode:
    """The functions of a cloud that share a package, which changes. `why` are clauses."""

    cloud: Cloud
    functions: tuple[str, ...]
    before: str
    after: str
    why: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        return {
            "cloud": self.cloud.value,
            "functions": list(self.functions),
            "digest_before": self.before,
            "digest_after": self.after,
            "why": list(self.why),
        }


def new_code(before: Config, after: Config) -> tuple[NewCode, ...]:
    """The clouds in which functions of both twins get another package."""
    was, now = Topology.of(before), Topology.of(after)
    found = []
    with tempfile.TemporaryDirectory(prefix="twinspan-") as folder:
        for cloud in now.clouds:
            functions = tuple(
                role
                for role, place in now.roles.items()
                if place is cloud
                and was.roles.get(role) is cloud
                and (after.events.enabled or not ROLES[role].optional)
            )
            if not functions:
                continue
            old = packaging.build(before, cloud, Path(folder) / "before")
            new = packaging.build(after, cloud, Path(folder) / "after")
            packages: dict[tuple[str, str], list[Role]] = {}
            for role in functions:
                packages.setdefault((old.of(role).digest, new.of(role).digest), []).append(role)
            for (was_digest, now_digest), roles in packages.items():
                if was_digest != now_digest:
                    why = tuple(_why(_files(old.of(roles[0]).path), _files(new.of(roles[0]).path)))
                    names = tuple(role.value for role in roles)
                    found.append(NewCode(cloud, names, was_digest, now_digest, why))
    return tuple(found)


def _files(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _why(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[str]:
    differ = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    folders = {name.partition("/")[0] for name in differ}
    if processors := [Path(name).stem for name in differ if name.startswith("processors/")]:
        yield f"processor of {', '.join(processors)}"
    if _MANIFEST in differ:
        was, now = json.loads(old.get(_MANIFEST, b"{}")), json.loads(new.get(_MANIFEST, b"{}"))
        fields = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
        yield f"{_MANIFEST}: {', '.join(fields)}"
    if packaging.PACKAGES in folders:
        yield "packages that processors require"
    if folders & {"dashboards", "grafana.json"}:
        yield "dashboards"
    if folders - {"processors", packaging.PACKAGES, _MANIFEST, "dashboards", "grafana.json"}:
        yield "Twinspan's runtime"
