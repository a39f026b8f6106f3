"""What of the environment only AWS has. The twin's own variables are read by `twin_runtime.settings`."""

from __future__ import annotations

import os
from collections.abc import Callable

IN_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"
"""Set by Lambda itself."""


def prepare(role: Callable[[], object]) -> None:
    """Make the role while Lambda loads the module: until the first call a function has a whole processor, and
    later the share that its memory buys."""
    if os.environ.get(IN_LAMBDA):
        role()
