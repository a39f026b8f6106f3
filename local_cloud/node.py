"""Servers that npm has: where they are installed, and what runs them."""

from __future__ import annotations

import shutil
from pathlib import Path

from local_cloud.errors import MissingProgram

NODE_MODULES = Path(__file__).with_name("servers") / "node_modules"
"""Where `npm ci` puts them."""


def node() -> str:
    """The program; raises `MissingProgram`."""
    found = shutil.which("node")
    if found is None:
        raise MissingProgram("Node is not on this machine, and the local servers need it: install Node 20.")
    return found


def package(name: str) -> Path:
    """The folder of an installed package; raises `MissingProgram`."""
    if not (NODE_MODULES / name).is_dir():
        raise MissingProgram(f"{name} is not installed: run make local-cloud.")
    return NODE_MODULES / name
