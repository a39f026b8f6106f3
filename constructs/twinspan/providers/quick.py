"""Makes a synth in a process of its own quicker, at the price of checks that the tests run with.

Per call into a binding, jsii resolves the type hints of a stub and checks each argument against them: two
fifths of Python's share of a synth. Every layout is synthesized with those checks in the tests; a wrong
argument cannot come from a twin.yaml, which is checked before.
"""

import functools
import gc
import typing

import typeguard


def quicken() -> None:
    """Skip jsii's run-time type checks, and garbage collection, from here to the end of the process."""
    typing.get_type_hints = functools.cache(typing.get_type_hints)
    typeguard.check_type = _unchecked
    gc.disable()  # a synth ends in seconds, and what it allocates lives as long as it does


def _unchecked(*_args: object, **_kwargs: object) -> None:
    """In the place of typeguard's check."""
