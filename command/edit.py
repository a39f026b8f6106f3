"""Edits twin.yaml in place: the new text differs from the old in the edited fields alone.

ruamel.yaml says where each value is. The text around it is kept byte by byte, which a round trip through its
emitter would not do: it sets indentation, line width and quotes anew.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from command.exits import WrongInput
from twinspan.config import ConfigErrors
from twinspan.config.yamlfile import read_yaml
from twinspan.twinfile import checked, short

Value = bool | int | str
_PLAIN = re.compile(r"[a-z][a-z0-9_-]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Edit:
    """A field that is set: its path of keys, such as `("keys", "generation")`.

    A key of a list is the `name` of the entry; an entry that is a name alone becomes a mapping.
    """

    path: tuple[str, ...]
    value: Value

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {_text(self.value)}"


def edit(file: Path, *edits: Edit) -> tuple[Edit, ...]:
    """Set fields of a twin.yaml, and return the edits that changed it.

    The file is replaced in one step, with its mode, once the result passes `checked`. Raises `ConfigErrors`
    of the result, and `WrongInput` where the file has no place for a field.
    """
    real = file.resolve()  # a link stays a link
    old = real.read_bytes().decode("utf-8")
    new, done = old, []
    for each in edits:
        changed = edited(new, each)
        if changed != new:
            done.append(each)
        new = changed
    if new != old:
        _replace(file, real, new, lambda data: _expected(data, edits))
    return tuple(done)


def edited(text: str, change: Edit) -> str:
    """The text of a twin.yaml with one field set. Raises `WrongInput` where it has no place for it."""
    mark = _BOM if text.startswith(_BOM) else ""
    body = text.removeprefix(_BOM)
    try:
        root = YAML(typ="rt", pure=True).compose(body)
    except YAMLError as error:
        raise WrongInput(f"twin.yaml cannot be edited: {error}") from None
    if not isinstance(root, MappingNode):
        raise WrongInput("twin.yaml cannot be edited: it is not a mapping of fields.")
    return mark + _Text(body).set(root, change.path, change.value, top=True)


class _Text:
    def __init__(self, text: str) -> None:
        self._text = text
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def set(self, node: Node, path: Sequence[str], value: Value, *, top: bool = False) -> str:
        key, rest = path[0], path[1:]
        if isinstance(node, SequenceNode):
            return self._in_list(node, key, rest, value)
        if not isinstance(node, MappingNode):
            raise WrongInput(f"{self._of(node)} in line {node.start_mark.line + 1} has no field {key}.")
        inner = next((each for name, each in node.value if name.value == key), None)
        if inner is None:
            return self._add(node, key, rest, value, top=top)
        if rest:
            return self.set(inner, rest, value)
        if not isinstance(inner, ScalarNode):
            raise WrongInput(f"{key} in line {inner.start_mark.line + 1} is not a single value.")
        return self._put(inner.start_mark.index, inner.end_mark.index, _text(value))

    def _in_list(self, node: SequenceNode, name: str, rest: Sequence[str], value: Value) -> str:
        for entry in node.value:
            if isinstance(entry, ScalarNode) and entry.value == name:
                fields = f"{{name: {self._of(entry)}, {_flow(rest, value)}}}"
                return self._put(entry.start_mark.index, entry.end_mark.index, fields)
            if isinstance(entry, MappingNode) and any(
                key.value == "name" and each.value == name for key, each in entry.value
            ):
                return self.set(entry, rest, value)
        raise WrongInput(f"The list in line {node.start_mark.line + 1} has no entry {name}.")

    def _add(self, node: MappingNode, key: str, rest: Sequence[str], value: Value, *, top: bool) -> str:
        """A field that the mapping has not yet: in a file's own mapping at the end, elsewhere behind the
        first field that is one line, else before the first.
        """
        entry = _flow((key, *rest), value)
        if node.flow_style:
            at = node.value[-1][1].end_mark.index if node.value else node.start_mark.index + 1
            return self._put(at, at, f", {entry}" if node.value else entry)
        first_key, first = node.value[0]
        indent = " " * first_key.start_mark.column
        if top:
            return self._at_the_end(f"{indent}{entry}")
        one_line = isinstance(first, ScalarNode) and first.start_mark.line == first.end_mark.line
        if one_line and first.style not in ("|", ">"):
            end = self._text.find("\n", first.end_mark.index)
            if end < 0:
                return f"{self._text}{self._newline}{indent}{entry}{self._newline}"
            return self._put(end + 1, end + 1, f"{indent}{entry}{self._newline}")
        at = first_key.start_mark.index
        return self._put(at, at, f"{entry}{self._newline}{indent}")

    def _at_the_end(self, entry: str) -> str:
        """Behind the last line, and before the mark of the document's end."""
        end = re.search(r"^\.\.\.", self._text, re.MULTILINE)
        body, rest = (self._text[: end.start()], self._text[end.start() :]) if end else (self._text, "")
        between = "" if body.endswith("\n") else self._newline
        return f"{body}{between}{entry}{self._newline}{rest}"

    def _put(self, start: int, end: int, new: str) -> str:
        return self._text[:start] + new + self._text[end:]

    def _of(self, node: Node) -> str:
        return self._text[node.start_mark.index : node.end_mark.index]


def _flow(path: Sequence[str], value: Value) -> str:
    """`keys: {generation: 2}`."""
    key, *rest = path
    return f"{key}: {{{_flow(rest, value)}}}" if rest else f"{key}: {_text(value)}"


def _text(value: Value) -> str:
    """A value as YAML 1.2 and 1.1 both read it."""
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value not in _WORDS
        return value if plain else json.dumps(value, ensure_ascii=False)
    return "true" if value is True else "false" if value is False else str(value)


def _replace(file: Path, real: Path, text: str, expected: Callable[[Any], Any]) -> None:
    """Put `text` in the place of the file, once it is valid there: its paths are relative to its folder."""
    handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}-", suffix=".yaml")
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(text.encode())
            out.flush()
            os.fsync(out.fileno())
        try:
            wanted = expected(read_yaml(real).data)
            checked(new)
        except ConfigErrors as error:
            raise ConfigErrors(short(file), error.problems) from None
        if read_yaml(new).data != wanted:
            raise WrongInput(
                f"{short(file)} cannot be edited without changing other fields; edit it by hand."
            )
        new.chmod(real.stat().st_mode & 0o7777)
        new.replace(real)
    finally:
        new.unlink(missing_ok=True)


def _expected(data: Any, edits: Sequence[Edit]) -> Any:
    """The data of a file with the edits applied to it: what the edited text must read as."""
    for each in edits:
        data = _with(data, each.path, each.value)
    return data


def _with(data: Any, path: Sequence[str], value: Value) -> Any:
    if not path:
        return value
    key, *rest = path
    if isinstance(data, list):
        return [
            _with({"name": key} if entry == key else entry, rest, value)
            if entry == key or (isinstance(entry, Mapping) and entry.get("name") == key)
            else entry
            for entry in data
        ]
    return {**(data or {}), key: _with((data or {}).get(key), rest, value)}
