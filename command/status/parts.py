"""Parts of a status that may fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from command.exits import CommandError
from operations.errors import OperationError, UsageError
from twin_runtime.errors import Refused, Retry

Found = TypeVar("Found")


def attempt(work: Callable[[], Found]) -> tuple[Found | None, str | None]:
    """Return what `work` returns, or None and the sentence that says why it failed."""
    try:
        return work(), None
    except (CommandError, OperationError, UsageError) as error:
        return None, str(error)
    except (Retry, Refused) as error:
        return None, error.reason
    except ModuleNotFoundError as error:
        return (
            None,
            f"The package of {error.name} is not installed: pip install -r requirements-operations.txt.",
        )
    except Exception as error:  # of an SDK: the other parts must be seen all the same
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return None, text if len(text) < 300 else f"{text[:300]}…"
