"""Faults that the simulation must find: some that the product had, others that are as easy to make."""

from __future__ import annotations
import __future__

import importlib
import inspect
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class Mutant(NamedTuple):
    """`where` is `module:function` or `module:Class.method` of twin_runtime; `old` becomes `new` in it.
    `known`: the product had it.
    """

    name: str
    where: str
    old: str
    new: str
    known: bool = False

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The product with the fault. Raises `ValueError` where the function has no `old`."""
        module_name, _, path = self.where.partition(":")
        module = importlib.import_module(f"twin_runtime.{module_name}")
        *owners, name = path.split(".")
        owner: Any = module
        for each in owners:
            owner = getattr(owner, each)
        found: Any = inspect.getattr_static(owner, name)
        function = getattr(found, "__func__", found)
        source = textwrap.dedent(inspect.getsource(function))
        if source.count(self.old) != 1:
            raise ValueError(f"{self.where} has {self.old!r} {source.count(self.old)} times")
        made: dict[str, Any] = {}
        flags = __future__.annotations.compiler_flag
        exec(compile(source.replace(self.old, self.new), self.where, "exec", flags), vars(module), made)
        planted = made[name]
        if isinstance(found, staticmethod) and not isinstance(planted, staticmethod):
            planted = staticmethod(planted)
        setattr(owner, name, planted)
        others = [] if owners else _importers(name, found)
        for other in others:
            setattr(other, name, planted)
        try:
            yield
        finally:
            for each in (owner, *others):
                setattr(each, name, found)


def _importers(name: str, function: Any) -> list[Any]:
    """The modules that have imported a function by its name."""
    return [
        module
        for key, module in list(sys.modules.items())
        if key.startswith("twin_runtime.")
        and vars(module).get(name) is function
        and module.__name__ != function.__module__
    ]


def _read() -> tuple[Mutant, ...]:
    with Path(__file__).with_suffix(".toml").open("rb") as file:
        return tuple(Mutant(**each) for each in tomllib.load(file)["fault"])


MUTANTS = _read()
