"""What is the same in every cloud's stack."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud.standins import Body

TIERS = ("cold", "archive")
"""The resources' names of the tiers' buckets."""


def unpacked(package: Path, folder: Path) -> Path:
    """The folder below `folder` with the files of a package, which its name identifies."""
    own = folder / package.stem
    if not own.is_dir():
        with zipfile.ZipFile(package) as archive:
            archive.extractall(own)
    return own


def computed(seed: str) -> Any:
    """A `standins.Computed` for the providers random and time.

    A password or an id follows from `seed` and its address, so that applying again keeps it, as a state
    would.
    """

    def attributes(kind: str, name: str, body: Body) -> Mapping[str, Any]:
        if kind not in ("random_password", "random_id"):
            return {}
        instance = "${each.key}" if "for_each" in body else "${count.index}" if "count" in body else ""
        digits = f'sha512("{seed}/{name}/{instance}")'
        if kind == "random_id":
            return {"hex": f"${{substr({digits}, 0, {2 * body['byte_length']})}}"}
        return {"result": f"${{substr({digits}, 0, {body['length']})}}"}

    return attributes
