"""The types of values: what a metric measures, a command takes and a property holds, said once.

`TYPES` has one record per type; what checks, stores, draws, simulates or declares values reads it there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

LARGEST = 2**63 - 1
LONGEST_TEXT = 256
"""What all platforms keep of a value: integers of 64 bits, and texts of 1 to 256 characters (TwinMaker)."""


class ValueType(StrEnum):
    """What a metric measures and a command takes."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    STRING = "string"

    @property
    def spec(self) -> Spec:
        return TYPES[self]

    def admits(self, value: object) -> bool:
        """Whether `value` is of this type. true is no number, and 20.5 is no integer."""
        return type(value) in self.spec.python and (not isinstance(value, float) or math.isfinite(value))

    def keep(self, value: object) -> Any:
        """The value as the twin graph keeps it; None where it is of another type, or too large."""
        return self.spec.keep(value) if self.admits(value) else None


class Spec(NamedTuple):
    """One type."""

    python: tuple[type, ...]
    """The types that JSON and YAML give its values in Python."""
    keep: Callable[[Any], Any]
    """An admitted value as the twin graph keeps it; None where it is too large."""
    how_to_write: str
    """What to do about a value of another type in twin.yaml."""
    grafana: str
    """The type of a column of Grafana's Infinity data source."""
    dtdl: str
    """The schema in Azure Digital Twins (DTDL v3)."""
    twinmaker: str
    """The data type in AWS IoT TwinMaker; `field` is where its API has a value of it."""
    ordered: bool = False
    """Whether above, below, at_least and at_most make sense."""
    whole: bool = False
    """Whether a number has no fraction."""
    examples: tuple[Any, ...] = ()
    """What the simulator sends where there is no range."""

    @property
    def field(self) -> str:
        """The member of TwinMaker's `DataValue`."""
        return f"{self.twinmaker.lower()}Value"


def _double(value: int | float) -> float | None:
    """A number without a fraction is still one of 64-bit floating point."""
    try:
        return float(value)
    except OverflowError:
        return None


def _long(value: int) -> int | None:
    return value if -LARGEST - 1 <= value <= LARGEST else None


def _text(value: str) -> str | None:
    return value if 1 <= len(value) <= LONGEST_TEXT else None


TYPES = {
    ValueType.NUMBER: Spec(
        (float, int),
        _double,
        "write a finite number without quotes",
        grafana="number",
        dtdl="double",
        twinmaker="DOUBLE",
        ordered=True,
    ),
    ValueType.INTEGER: Spec(
        (int,),
        _long,
        "write a whole number without quotes",
        grafana="number",
        dtdl="long",
        twinmaker="LONG",
        ordered=True,
        whole=True,
    ),
    ValueType.BOOLEAN: Spec(
        (bool,),
        bool,
        "write true or false without quotes",
        grafana="boolean",
        dtdl="boolean",
        twinmaker="BOOLEAN",
        examples=(False, True),
    ),
    ValueType.STRING: Spec(
        (str,),
        _text,
        "put it in quotes",
        grafana="string",
        dtdl="string",
        twinmaker="STRING",
        examples=("ok", "idle", "busy", "standby"),
    ),
}
