"""`extends: base.yaml`: reads a twin.yaml together with the files that it extends.

Mappings merge. A list, a text, a number, or a mapping of another `type` in the extending file replaces what
the base has. Paths of processors, requirements and workflows are relative to the folder of the file that
names them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from twinspan.config.base import relative_path
from twinspan.config.checks.files import read_beside
from twinspan.config.checks.plain import mapping_at
from twinspan.config.problems import ConfigErrors, Problem, Refusal
from twinspan.config.text import FieldPath
from twinspan.config.textfile import file_field
from twinspan.config.yamlfile import Document, read_yaml

EXTENDS = "extends"
MOST_BASES = 10


@dataclass
class Source:
    """A twin.yaml with what it extends: merged data, and where each field stands.

    Fields that are in no entry of `files` are in the twin.yaml itself. Other files are named by their path
    relative to its folder.
    """

    document: Document
    files: dict[FieldPath, str] = field(default_factory=dict)


def read(path: Path) -> Source:
    """Read a twin.yaml and the files that it extends. Raises `ConfigErrors` when one cannot be read."""
    folder = path.absolute().parent
    chain = [PurePosixPath(file_field(path))]
    sources = [Source(read_yaml(path))]
    try:
        while isinstance(sources[-1].document.data, dict) and EXTENDS in sources[-1].document.data:
            chain.append(_base(folder, chain, sources[-1]))
            sources.append(_read_base(folder, chain[-1]))
    except ConfigErrors as errors:
        known = [problem for source in sources for problem in source.document.problems]
        raise ConfigErrors(path, [*known, *errors.problems]) from None
    merged = sources.pop()
    while sources:
        merged = _extended(merged, sources.pop())
    return merged


def _base(folder: Path, chain: Sequence[PurePosixPath], source: Source) -> PurePosixPath:
    """Return the file that the last of `chain` extends, relative to `folder`. Raises `ConfigErrors`."""
    written = source.document.data.pop(EXTENDS)
    beside = chain[-1].parent
    try:
        base = beside / relative_path(written)
        read_beside(folder / beside, written, "twin.yaml")
        if (folder / base).resolve() in [(folder / each).resolve() for each in chain]:
            names = " → ".join(map(str, [*chain, base]))
            raise Refusal(f"{names} is a cycle; remove extends from one of these files")
        if len(chain) > MOST_BASES:
            raise Refusal(f"{base} is the base number {len(chain)}; use at most {MOST_BASES}")
    except Refusal as error:
        line, file = source.document.lines[(EXTENDS,)], source.files.get((EXTENDS,))
        raise ConfigErrors(folder, [Problem(EXTENDS, str(error), line, file)]) from None
    return base


def _read_base(folder: Path, name: PurePosixPath) -> Source:
    try:
        document = read_yaml(folder / name)
    except ConfigErrors as errors:
        raise ConfigErrors(folder, _in(name, errors.problems)) from None
    document.problems = list(_in(name, document.problems))
    if not isinstance(document.data, dict):
        message = "must be a mapping of fields; write the fields of a twin.yaml"
        raise ConfigErrors(folder, [*document.problems, Problem(name.name, message, 1, str(name))])
    _relocate(document.data, name.parent)
    return Source(document, dict.fromkeys(document.lines, str(name)))


def _in(name: PurePosixPath, problems: Iterable[Problem]) -> Iterator[Problem]:
    for problem in problems:
        yield replace(problem, file=str(name))


def _relocate(data: dict[str, Any], folder: PurePosixPath) -> None:
    """Make the paths that a base in another folder names relative to the folder of the twin.yaml."""
    for owner, key in (
        *(
            (each, key)
            for each in mapping_at(data, "device_types").values()
            for key in ("processor", "requirements")
        ),
        (mapping_at(data, "events"), "workflow"),
    ):
        written = owner.get(key) if isinstance(owner, dict) else None
        try:
            if written is not None:
                owner[key] = str(folder / relative_path(written))
        except Refusal:
            continue  # a check reports it


def _extended(base: Source, source: Source) -> Source:
    """Merge a file over its base, whose data is changed."""
    below, above = base.document, source.document
    replaced = set(_merge(below.data, above.data, ()))

    def is_replaced(path: FieldPath) -> bool:
        return any(path[:depth] in replaced for depth in range(1, len(path) + 1))

    def merged(mine: Mapping[FieldPath, Any], others: Mapping[FieldPath, Any]) -> dict[FieldPath, Any]:
        kept = {path: place for path, place in mine.items() if not is_replaced(path)}
        return kept | {path: place for path, place in others.items() if is_replaced(path)}

    document = Document(
        below.data,
        merged(below.lines, above.lines),
        [*above.problems, *below.problems],
        below.settled | above.settled,
    )
    return Source(document, merged(base.files, source.files))


def _merge(base: dict[str, Any], over: Mapping[str, Any], path: FieldPath) -> Iterator[FieldPath]:
    """Put `over` into `base`; yield the fields that now have the value of `over`."""
    for key, value in over.items():
        before = base.get(key)
        if isinstance(before, dict) and isinstance(value, dict) and _same_type(before, value):
            yield from _merge(before, value, (*path, key))
        else:
            base[key] = value
            yield (*path, key)


def _same_type(base: Mapping[str, Any], over: Mapping[str, Any]) -> bool:
    given = over.get("type")
    return not isinstance(given, str) or given == base.get("type")
