"""Turns pydantic's errors into problems: the path as in the file, what was given, and the fix."""

import re
import types
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from twinspan.config.backends import KINDS, SECRETS
from twinspan.config.base import TAG, List
from twinspan.config.events import Condition
from twinspan.config.extending import EXTENDS
from twinspan.config.root import Config
from twinspan.config.text import FieldPath, one_of, shown, suggestion

Location = tuple[str | int, ...]
_COMPANIES = {"amazon": "aws", "microsoft": "azure", "google": "gcp"}
_TRUE_WORDS, _FALSE_WORDS = ("yes", "on", "y", "true"), ("no", "off", "n", "false")


def path_of(location: Location) -> FieldPath:
    """Return the path in the file, without what pydantic adds for a union's variant and a mapping's key."""
    parts = location[:-1] if location and location[-1] == "[key]" else location
    return tuple(part for part in parts if not (isinstance(part, str) and part.startswith(TAG)))


def sentence(error: Any) -> tuple[FieldPath, str] | None:
    """Return field and message for one pydantic error, None when another error reports the same."""
    kind, location, context = error["type"], error["loc"], error.get("ctx", {})
    path, value = path_of(location), error["input"]
    if kind == "value_error":
        return path, str(context["error"])
    if kind == "missing":
        return path, f"is missing; add it{_example(location)}"
    if kind == "extra_forbidden":
        return path, _unknown_field(location)
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        return _backend_kind(path, value)
    if kind == "too_short":
        # A collection whose entries were all refused counts as empty too: those have their own sentences.
        return None if value else (path, f"is empty; give at least one entry{_example(location)}")
    return path, _wrong_value(kind, value, context, location)


def _wrong_value(kind: str, value: Any, context: dict[str, Any], location: Location) -> str:
    if kind in ("enum", "literal_error"):
        words = re.findall(r"'([^']*)'", str(context["expected"]))
        what = "allowed" if kind == "literal_error" else "a cloud" if "aws" in words else "a type"
        return f"{shown(value)} is not {what}; {suggestion(_COMPANIES.get(str(value).lower(), value), words)}"
    if kind in ("greater_than_equal", "less_than_equal"):
        least = "ge" in context
        bound, most = (context["ge"], "more") if least else (context["le"], "less")
        return (
            f"must be at {'least' if least else 'most'} {bound}, got {shown(value)}; write {bound} or {most}"
        )
    return _wrong_type(kind, value, location)


def _wrong_type(kind: str, value: Any, location: Location) -> str:
    got = f"got {shown(value)}"
    if kind == "string_type":
        quoted = "" if isinstance(value, dict | list) else f"; put it in quotes: '{shown(value)}'"
        return f"must be text, {got}{quoted or _example(location)}"
    if kind == "bool_type":
        word = str(value).lower()
        fix = "true" if word in _TRUE_WORDS else "false" if word in _FALSE_WORDS else "true or false"
        return f"must be true or false, {got}; write {fix}, without quotes"
    if kind.startswith("int_"):
        digits = value.replace("_", "") if isinstance(value, str) else ""
        fix = digits if re.fullmatch(r"[0-9]{1,12}", digits) else "digits alone"
        return f"must be a whole number, {got}; write {fix}, without quotes"
    if kind in ("tuple_type", "list_type"):
        return f"must be a list, {got}; start each entry with '- '"
    if kind.startswith(("model_", "dict_", "mapping_")):
        return f"must be a mapping, {got}; write its fields below it{_example(location)}"
    return f"{shown(value)} is not valid here; see docs/twin.schema.json{_example(location)}"


def _unknown_field(location: Location) -> str:
    word = str(location[-1])
    kind = str(location[1]).removeprefix(TAG) if location[0] == "backend" and word != location[1] else ""
    if secret := SECRETS.get(kind, {}).get(word):
        return f"is a secret and must not be in this file; remove it and set {secret} in the environment"
    return f"is not a known field; {suggestion(word, _fields_at(location[:-1]))}"


def _backend_kind(path: FieldPath, value: Any) -> tuple[FieldPath, str]:
    if not isinstance(value, dict):
        return path, f"must be a mapping, got {shown(value)}; write for example {{type: local}}"
    if "type" not in value:
        return (*path, "type"), f"is missing; use {one_of(KINDS)}"
    kind = value["type"]
    return (*path, "type"), f"{shown(kind)} is not a kind of backend; {suggestion(kind, list(KINDS))}"


def _example(location: Location) -> str:
    while location and isinstance(location[-1], str) and location[-1].startswith(TAG):
        location = location[:-1]
    info = _info_at(location)
    if info is None or not info.examples:
        return ""
    text = _flow(info.examples[0])
    return f", for example {location[-1]}: {text}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str) and value.isdigit():  # without quotes it would be a number
        return f'"{value}"'
    return shown(value) if isinstance(value, bool) else str(value)


def _info_at(location: Location) -> FieldInfo | None:
    owner = _model_at(location[:-1])
    return _by_name(owner).get(str(location[-1])) if owner and location else None


def _fields_at(location: Location) -> list[str]:
    owner = _model_at(location)
    here = [] if location else [EXTENDS]
    return [*_by_name(owner), *here] if owner else here


def _by_name(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _model_at(location: Location) -> type[BaseModel] | None:
    """The model that the mapping at `location` is checked against."""
    found: Any = Config
    for part in location:
        found = _step(found, part)
    found = next(iter(_variants(found)), None)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _variants(annotation: Any) -> list[Any]:
    """The annotation without Annotated, Optional and unions: what may stand there."""
    if get_origin(annotation) is Annotated:
        return _variants(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [one for part in get_args(annotation) if part is not type(None) for one in _variants(part)]
    return [annotation]


def _tagged(annotation: Any, tag: str) -> Any:
    if get_origin(annotation) is Annotated:
        inner, *rest = get_args(annotation)
        return inner if any(isinstance(one, Tag) and one.tag == tag for one in rest) else _tagged(inner, tag)
    return next((found for part in get_args(annotation) if (found := _tagged(part, tag))), None)


def _step(annotation: Any, part: str | int) -> Any:
    if isinstance(annotation, ForwardRef):  # conditions hold conditions
        annotation = List[Condition]
    if isinstance(part, str) and part.startswith(TAG):
        return _tagged(annotation, part)
    for one in _variants(annotation):
        if isinstance(one, type) and issubclass(one, BaseModel):
            info = _by_name(one).get(str(part))
            return info.annotation if info else None
        if get_origin(one) is not None and get_origin(one) is not Literal:
            return get_args(one)[-1] if not isinstance(part, int) else get_args(one)[0]
    return None
