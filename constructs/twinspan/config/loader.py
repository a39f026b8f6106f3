"""`load`: reads a twin.yaml and returns a `Config`, or reports all problems together."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from twinspan.config.checks import cross, files
from twinspan.config.checks.plain import Finding
from twinspan.config.extending import Source, read
from twinspan.config.problems import ConfigErrors, Problem
from twinspan.config.root import Config
from twinspan.config.sentences import path_of, sentence
from twinspan.config.text import field_of, shown
from twinspan.config.textfile import file_field
from twinspan.config.yamlfile import Document

ExtraCheck = Callable[[Config], Iterable[Problem]]
_ESSENTIAL = ("twin", "layers", "clouds")
"""The sections that decide names."""


def load(path: str | Path, *, extra_checks: Iterable[ExtraCheck] = ()) -> Config:
    """Read a twin.yaml and what it extends. Raises `ConfigErrors` with every problem found, in the order of
    the file.

    Each of `extra_checks` gets the configuration and yields further problems (`field` as in the file; file
    and line are added here). The checks run once the twin's name, its layers and its clouds are valid. They
    see a configuration without the sections that are not.
    """
    path = Path(path)
    source = read(path)
    document = source.document
    if not isinstance(document.data, dict):
        raise ConfigErrors(path, [*document.problems, _no_mapping(path, document.data)])
    folder = path.absolute().parent
    config, problems = _checked(document, folder)
    problems += _extra(config or _rest(document.data, problems, folder), extra_checks)
    if problems or config is None:
        raise ConfigErrors(path, _in_order(problems, source))
    return config


def _no_mapping(path: Path, data: Any) -> Problem:
    name = file_field(path)
    if data is None:
        return Problem(name, "is empty; start with twin: <name>, layers: and clouds:")
    return Problem(name, f"must be a mapping of fields, got {shown(data)}; start with twin: <name>", 1)


def _checked(document: Document, folder: Path) -> tuple[Config | None, list[Problem]]:
    data, settled = document.data, set(document.settled)
    findings: list[Finding] = []
    config = None
    try:
        config = Config.model_validate(data, context={"folder": folder})
    except ValidationError as error:
        details = error.errors(include_url=False)
        findings += _sentences(details, settled)
    findings += [*cross.check(data), *files.check(data, folder)]
    unique = dict.fromkeys(Problem(field_of(path), message) for path, message in findings)
    problems = [*document.problems, *unique]
    return (None if problems else config), problems


def _sentences(details: Iterable[Any], settled: set[Any]) -> Iterator[Finding]:
    for detail in details:
        if path_of(detail["loc"]) not in settled and (finding := sentence(detail)):
            yield finding


def _rest(data: dict[str, Any], problems: list[Problem], folder: Path) -> Config | None:
    """A configuration of the valid sections, when those that decide names are among them."""
    if any(problem.field.startswith(_ESSENTIAL) for problem in problems):
        return None
    essential = {key: data.get(key) for key in _ESSENTIAL}
    placeholder = {"placeholder": {"telemetry": {"value": {"type": "number"}}}}
    try:
        config = Config.model_validate({**essential, "device_types": placeholder}, context={"folder": folder})
    except ValidationError:
        return None
    return config.model_copy(update=dict(_sections(data)))


def _sections(data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The other sections, each as far as it is valid."""
    for name, info in Config.model_fields.items():
        if (info.alias or name) in _ESSENTIAL:
            continue
        adapter = TypeAdapter(info.rebuild_annotation())
        value = data.get(name)
        if name == "device_types" and isinstance(value, dict):
            value = {key: entry for key, entry in value.items() if _valid(adapter, {key: entry})}
        elif name == "devices" and isinstance(value, list):
            value = [entry for entry in value if _valid(adapter, [entry])]
        if name == "device_types" and not value:
            yield name, {}
        elif value is not None and _valid(adapter, value):
            yield name, adapter.validate_python(value)


def _valid(adapter: TypeAdapter[Any], value: Any) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


def _extra(config: Config | None, checks: Iterable[ExtraCheck]) -> list[Problem]:
    return [problem for check in checks for problem in check(config)] if config else []


def _in_order(problems: list[Problem], source: Source) -> list[Problem]:
    places = {field_of(path): (line, source.files.get(path)) for path, line in source.document.lines.items()}
    placed = [p if p.line else replace(p, **_place(p.field, places)) for p in problems]
    return sorted(dict.fromkeys(placed), key=lambda p: (p.file or "", p.line or 0, p.field))


def _place(field: str, places: Mapping[str, tuple[int, str | None]]) -> dict[str, Any]:
    """Return where the field is, or the nearest enclosing field that is in a file."""
    while field and field not in places:
        field = field[: max(field.rfind("."), field.rfind("["), 0)]
    line, file = places[field] if field else (None, None)
    return {"line": line, "file": file}
