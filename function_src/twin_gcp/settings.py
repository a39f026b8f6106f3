"""What Google Cloud's entry points read from the environment beyond `twin_runtime.settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping

from twin_runtime.errors import ConfigurationError
from twin_runtime.settings import ROLES


def role(environ: Mapping[str, str] | None = None) -> str:
    """The role that this deployment of the package has; raises `ConfigurationError`."""
    name = (os.environ if environ is None else environ).get("TWIN_ROLE", "")
    if name not in ROLES:
        raise ConfigurationError(f"TWIN_ROLE is {name!r}, and must be one of {', '.join(ROLES)}.")
    return name
