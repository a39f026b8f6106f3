"""Reads a YAML file of bounded size into plain data, and remembers the line of every field.

Values follow YAML 1.2's core schema: `on`, `no`, `1_000` and `12:30:00` are text.
PyYAML (libyaml where it was built with it) only splits the text into events; the data is built here, without
recursion. Anchors, aliases and tags are refused, so that no value can expand or name a Python object.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from twinspan.config.problems import ConfigErrors, Problem
from twinspan.config.text import FieldPath, field_of, shown
from twinspan.config.textfile import file_field, read_text

MOST_VALUES = 200_000
DEEPEST = 40  # levels; a rule of the deepest nesting takes 22
LONGEST_NUMBER = 100  # characters
_MOST_REPEATED = 100  # duplicate keys and empty values reported before reading stops

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
}
_NUMBERS: list[tuple[re.Pattern[str], Callable[[str], int | float]]] = [
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda text: float(text.replace(".", ""))),
]


@dataclass
class Document:
    """A file's data, the line of each field, and the problems found so far, with the fields that have one."""

    data: Any = None
    lines: dict[FieldPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    settled: set[FieldPath] = field(default_factory=set)

    def settle(self, path: FieldPath, message: str, line: int) -> None:
        """Note what is wrong with the field at `path`."""
        self.problems.append(Problem(field_of(path), message, line))
        self.settled.add(path)


class _Stop(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass
class _Frame:
    container: dict[str, Any] | list[Any]
    path: FieldPath
    key: str | None = None
    count: int = 0
    keys: dict[str, int] = field(default_factory=dict)


def read_yaml(path: Path) -> Document:
    """Return the data of one YAML file. Raises `ConfigErrors` when it cannot be read."""
    name = file_field(path)
    document = Document()
    try:
        text = read_text(path, "twin.yaml")
    except ValueError as error:
        message = "is not a valid path: it contains a null byte" if "\0" in str(path) else str(error)
        raise ConfigErrors(path, [Problem(name, message)]) from None
    stop: Problem | None = None
    try:
        _build(_events(text), document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = re.sub(r"[^ -~]", " ", error.problem or error.context or "unknown error")
        message = (
            f"is not valid YAML at column {column} ({said}); check the indentation, quotes and brackets there"
        )
        stop = Problem(name, message, line)
    except yaml.YAMLError as error:
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 1
        stop = Problem(name, "contains a control character, which YAML does not allow; remove it", line)
    except _Stop as error:
        stop = Problem(name, error.message, error.line)
    if stop:
        raise ConfigErrors(path, [*document.problems, stop])
    return document


def _events(text: str) -> Iterator[Any]:
    yield from yaml.parse(text, Loader=_Loader)


def _refuse(event: Any, line: int, depth: int) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _Stop(f"alias *{event.anchor} is not supported; write the value out", line)
    if getattr(event, "anchor", None):
        raise _Stop(f"anchor &{event.anchor} is not supported; remove it and write the value out", line)
    if getattr(event, "tag", None):
        raise _Stop(f"tag {shown(event.tag)} is not supported; remove it, and put text in quotes", line)
    if depth > DEEPEST:
        raise _Stop(f"is nested more than {DEEPEST} levels deep; no field of a twin.yaml is", line)


def _build(events: Iterator[Any], document: Document) -> None:
    stack: list[_Frame] = []
    documents = values = 0
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _Stop("a second document starts with '---'; keep one twin per file", line)
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        _refuse(event, line, len(stack))
        values += 1
        if values > MOST_VALUES:
            raise _Stop(f"contains more than {MOST_VALUES:,} values; split the twin", line)
        frame = stack[-1] if stack else None
        if frame and isinstance(frame.container, dict) and frame.key is None:
            if not isinstance(event, yaml.ScalarEvent):
                raise _Stop("a key is a list or a mapping; write a plain word before the ':'", line)
            frame.key = str(event.value)
            document.lines.setdefault(_place(frame), line)
            continue
        path = _place(frame)
        document.lines.setdefault(path, line)
        if isinstance(event, yaml.ScalarEvent):
            _put(frame, path, _scalar(event, line), line, document)
        else:
            container: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
            _put(frame, path, container, line, document)
            stack.append(_Frame(container, path))


def _place(frame: _Frame | None) -> FieldPath:
    if frame is None:
        return ()
    return (*frame.path, frame.count if frame.key is None else frame.key)


def _put(frame: _Frame | None, path: FieldPath, value: Any, line: int, document: Document) -> None:
    """Attach `value` to its container. Of a repeated key the first counts; an empty value is dropped."""
    if len(document.problems) >= _MOST_REPEATED:
        raise _Stop(f"has {_MOST_REPEATED} fields without value or given twice; the rest was not read", line)
    if frame is None:
        document.data = value
        return
    if value is None:
        document.settle(path, "has no value; give it one or leave the line out", line)
    if isinstance(frame.container, list):
        frame.container.append(value)
        frame.count += 1
        return
    key, frame.key = str(frame.key), None
    if key in frame.keys:
        message = f"is given twice, first in line {frame.keys[key]}; keep one of them"
        document.problems.append(Problem(field_of(path), message, line))
        return
    frame.keys[key] = line
    if value is not None:
        frame.container[key] = value


def _scalar(event: Any, line: int) -> Any:
    text: str = event.value
    if not event.implicit[0]:  # quoted, or a block of text
        return text
    if text in _WORDS:
        return _WORDS[text]
    number = next((read for pattern, read in _NUMBERS if pattern.fullmatch(text)), None)
    if number and len(text) > LONGEST_NUMBER:
        raise _Stop(f"a number has {len(text)} digits; write at most {LONGEST_NUMBER}, or quote it", line)
    return number(text) if number else text
