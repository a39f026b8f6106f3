"""Values of a stack, as a person reads them."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from guides import facts
from twinspan.terraform.resources import only_with_events
from twinspan.terraform.stackjson import Reference, pieces, referred

Nouns = Mapping[tuple[str, str], str]
"""What an attribute is called, by type and attribute: `("aws_sqs_queue", "url"): "URL of the queue"`."""

_VARIABLE = re.compile(r"var\.(\w+)")


def words(text: str, nouns: Nouns) -> str:
    """A template in words: `URL of the queue aws_sqs_queue.events` for `${one(aws_sqs_queue.events[*].url)}`.

    Text around expressions stays as it is, and they then stand in `<…>`. KeyError when an expression refers
    to nothing, or to an attribute that `nouns` has no word for.
    """
    found = list(pieces(text))
    if len(found) == 1 and found[0][0]:
        return _expression(found[0][1], nouns)
    return "".join(
        f"<{_expression(piece, nouns)}>" if is_expression else piece.replace("$${", "${")
        for is_expression, piece in found
    )


def _expression(expression: str, nouns: Nouns) -> str:
    found = [_reference(reference, nouns) for reference in referred(expression)]
    found += [f"variable {name}" for name in _VARIABLE.findall(expression)] if not found else []
    if not found:
        raise KeyError(f"the expression ${{{expression}}} refers to nothing that a guide could name")
    return " and ".join(dict.fromkeys(found))


def _reference(reference: Reference, nouns: Nouns) -> str:
    try:
        return f"{nouns[reference.kind, reference.attribute or '']} {reference.address}"
    except KeyError:
        wanted = f"{reference.kind}, attribute {reference.attribute}"
        raise KeyError(f"there is no word for {wanted}: ${{{reference.expression}}}") from None


def environment(
    values: Mapping[str, str],
    nouns: Nouns,
    *,
    optional: bool,
    given: Mapping[str, str] = MappingProxyType({}),
) -> tuple[facts.Variable, ...]:
    """The environment variables of a function, sorted. `given` are words for whole values. `optional` says
    that the function is part of the event system: its own variables then are never empty.
    """
    return tuple(
        facts.Variable(
            name, given.get(value) or words(value, nouns), optional=not optional and only_with_events(value)
        )
        for name, value in sorted(values.items())
    )


def merged(uses: Iterable[facts.Use]) -> tuple[facts.Use, ...]:
    """Each address once, with all that is said of it, in the order of the first mention."""
    said: dict[str, dict[str, None]] = {}
    for use in uses:
        said.setdefault(use.address, {})[use.text] = None
    return tuple(facts.Use(address, "; ".join(texts)) for address, texts in said.items())


def addresses(text: str) -> tuple[str, ...]:
    """The addresses that a template refers to, in order, each once."""
    found = (
        reference.address
        for is_expression, piece in pieces(text)
        if is_expression
        for reference in referred(piece)
    )
    return tuple(dict.fromkeys(found))


def listed(items: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def duration(seconds: int) -> str:
    """A time in the largest unit that fits: `90 s`, `6 min`, `6 h`, `4 days`.

    >>> duration(360)
    '6 min'
    """
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
