"""IoT TwinMaker's API as botocore's service model has it: what a request means, and whether it is right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.model import OperationModel
from botocore.validate import ParamValidator

_SERVICE = "iottwinmaker"
_MODEL: Any = botocore.session.get_session().get_service_model(_SERVICE)
_PLACE = re.compile(r"\{(\w+)\}")


def operation(method: str, path: str) -> tuple[OperationModel, dict[str, str]] | None:
    """The operation of a request, and the values in its path; None when there is no such operation."""
    for name in _MODEL.operation_names:
        found = _MODEL.operation_model(name)
        template = str(found.http["requestUri"])
        pattern = _PLACE.sub(lambda place: f"(?P<{place[1]}>[^/]+)", template)
        if found.http["method"] == method and (match := re.fullmatch(pattern, path)):
            return found, {key: unquote(value) for key, value in match.groupdict().items()}
    return None


def problems(shape: Any, value: Any) -> list[str]:
    """What of a value is not as the model has it: types, required fields, lengths, words, patterns."""
    report = ParamValidator().validate(value, shape)
    return [report.generate_report()] if report.has_errors() else list(_limits(shape, value, shape.name))


def _limits(shape: Any, value: Any, at: str) -> Iterator[str]:
    """The limits that botocore leaves to the service."""
    if getattr(shape, "is_document_type", False):
        return
    if shape.type_name == "structure" and isinstance(value, Mapping):
        for name, member in shape.members.items():
            if name in value:
                yield from _limits(member, value[name], f"{at}.{name}")
        yield from (f"{at}.{name} is not in the model" for name in value.keys() - shape.members.keys())
    elif shape.type_name == "list":
        yield from _length(shape, len(value), at)
        for each in value:
            yield from _limits(shape.member, each, f"{at}[]")
    elif shape.type_name == "map":
        yield from _length(shape, len(value), at)
        for key, each in value.items():
            yield from _limits(shape.key, key, f"{at} key")
            yield from _limits(shape.value, each, f"{at}[{key}]")
    elif isinstance(value, str):
        yield from _text(shape, value, at)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from _length(shape, value, at)


def _length(shape: Any, found: int, at: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and found < least) or (most is not None and found > most):
        yield f"{at} is {found}, of {least} to {most}"


def _text(shape: Any, value: str, at: str) -> Iterator[str]:
    yield from _length(shape, len(value), at)
    words, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if words and value not in words:
        yield f"{at} is {value!r}, of {', '.join(words)}"
    # Python knows no \\p{L}; the one pattern with it allows letters, digits and some marks.
    if pattern and "\\p{" not in pattern and not re.fullmatch(pattern, value):
        yield f"{at} is {value!r}, which does not match {pattern}"
