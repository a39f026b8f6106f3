"""The query of a read of the twin graph: parameters and their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twin_runtime.model import Twin
from twin_runtime.wire.answers import Refusal

DEFAULT_LIMIT = 100
MAX_LIMIT = 200
LONGEST_CURSOR = 20_000
"""TwinMaker's own are up to 17,880 characters long."""
PARAMETERS = ("type", "id", "relationships", "limit", "cursor")


@dataclass(frozen=True, slots=True)
class GraphQuery:
    """What is asked for: one twin (`id`), its edges (`id` and `incoming`), or twins (of a `type`, or all)."""

    id: str | None
    incoming: bool | None
    type: str | None
    limit: int
    cursor: str | None


def parse(query: Mapping[str, str | Sequence[str]], twin: Twin) -> GraphQuery:
    """The query of a request; raises `answers.Refusal` with 400 or, for an unknown type, 404."""
    given = {name: _single(name, value) for name, value in query.items()}
    if given.keys() - set(PARAMETERS):
        raise Refusal(400, f"There is no such parameter; the parameters are {', '.join(PARAMETERS)}.")
    id_, type_, direction = given.get("id"), given.get("type"), given.get("relationships")
    if id_ is not None and type_ is not None:
        raise Refusal(400, "The parameter id cannot be combined with type.")
    if direction is not None and direction not in ("in", "out"):
        raise Refusal(400, "The parameter relationships must be in or out.")
    if direction is not None and id_ is None:
        raise Refusal(400, "The parameter relationships needs the parameter id.")
    if id_ is not None and not (1 <= len(id_) <= 128 and id_.isascii() and id_.isprintable()):
        raise Refusal(404, "The twin is not in this graph.")
    if type_ is not None and type_ not in twin.device_types and type_ not in twin.model.types:
        raise Refusal(404, "The type is not known to this twin.")
    paged = sorted(given.keys() & {"limit", "cursor"})
    if id_ is not None and direction is None and paged:
        raise Refusal(400, f"The parameter {paged[0]} cannot be combined with id alone.")
    return GraphQuery(
        id=id_,
        incoming=None if direction is None else direction == "in",
        type=type_,
        limit=_limit(given.get("limit")),
        cursor=_cursor(given.get("cursor")),
    )


def _single(name: str, value: str | Sequence[str]) -> str:
    values = [value] if isinstance(value, str) else list(value)
    if len(values) != 1:
        raise Refusal(400, f"The parameter {name if name in PARAMETERS else 'that'} is given more than once.")
    return values[0]


def _limit(value: str | None) -> int:
    if value is None:
        return DEFAULT_LIMIT
    if not (value.isascii() and value.isdecimal() and len(value) < 6 and 1 <= int(value) <= MAX_LIMIT):
        raise Refusal(400, f"The parameter limit must be a whole number from 1 to {MAX_LIMIT}.")
    return int(value)


def _cursor(value: str | None) -> str | None:
    if value is not None and not (
        1 <= len(value) <= LONGEST_CURSOR and value.isascii() and value.isprintable()
    ):
        raise Refusal(400, "The cursor is not one that was given for this query.")
    return value
