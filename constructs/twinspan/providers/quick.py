"""Makes a synth in a process of its own quicker, at the price of checks that the tests run with.

Per call into a binding, jsii resolves the type hints of a stub and checks each argument against them: more
than a third of Python's share of a synth. Every layout is synthesized with those checks in the tests; a wrong
argument cannot come from a twin.yaml, which is checked before.
"""

import gc
import typing
from typing import Any

import typeguard

_STUB = "_typecheckingstub__"  # what jsii calls the functions that only carry hints
_get_type_hints = typing.get_type_hints


def skip_type_checks() -> None:
    """Skip jsii's run-time type checks, and garbage collection, from here to the end of the process."""
    typing.get_type_hints = _hints
    typeguard.check_type = _unchecked
    gc.disable()  # a synth ends in seconds, and what it allocates lives as long as it does


class _NoHints(dict[str, Any]):
    """Hints that nobody will look at."""

    def __missing__(self, name: str) -> None:
        return None


_NONE = _NoHints()


def _hints(what: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
    """In the place of typing's function."""
    if getattr(what, "__name__", "").startswith(_STUB):
        return _NONE
    return _get_type_hints(what, *arguments, **keywords)


def _unchecked(*_args: object, **_kwargs: object) -> None:
    """In the place of typeguard's check."""
