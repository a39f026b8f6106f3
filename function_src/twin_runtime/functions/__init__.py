"""The functions that a twin deploys, a file per role, each with `assemble(context)`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from twin_runtime.context import Context


def assemble(context: Context) -> Any:
    """Make the role of a context. Only the role's own file is imported, so that a cold start loads what it
    needs. An entry point assembles once per process and keeps the object: it holds connections and caches.
    """
    return import_module(f"{__name__}.{context.settings.role}").assemble(context)
