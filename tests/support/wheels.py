"""Tiny wheels, and an environment in which pip finds those alone: no test asks an index."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

PURE = "py3-none-any"


def wheel(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, str],
    *,
    needs: tuple[str, ...] = (),
    tag: str = PURE,
) -> Path:
    """Write a wheel with these files, which needs these requirements."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    kind = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {str(tag == PURE).lower()}\nTag: {tag}\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-{tag}.whl"
    written = {**files, f"{info}/METADATA": metadata, f"{info}/WHEEL": kind}
    record = "".join(f"{name},,\n" for name in (*written, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for entry, text in {**written, f"{info}/RECORD": record}.items():
            archive.writestr(entry, text)
    return path


def index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip find the wheels of a folder and nothing else, and keep them out of the user's cache."""
    shelf = folder / "shelf"
    shelf.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return shelf
