"""The user's own files that a twin.yaml names: processors, their requirements and the workflow. They are
read, never executed.
"""

import ast
import platform
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from pydantic import TypeAdapter, ValidationError

from twinspan.config.base import RelativePath
from twinspan.config.checks.plain import Finding, mapping_at
from twinspan.config.problems import Refusal
from twinspan.config.requirements import Pin, parse
from twinspan.config.textfile import read_text

_RELATIVE = TypeAdapter(RelativePath)


def check(data: dict[str, Any], folder: Path) -> Iterator[Finding]:
    """Findings on the files; paths that are not relative are reported elsewhere."""
    said: dict[str, str | None] = {}
    for name, device_type in mapping_at(data, "device_types").items():
        written = device_type.get("processor") if isinstance(device_type, dict) else None
        if _is_relative(written):
            if written not in said:
                said[written] = _processor(folder, written)
            if message := said[written]:
                yield ("device_types", name, "processor"), message
    yield from _requirements(data, folder)
    written = mapping_at(data, "events").get("workflow")
    if _is_relative(written) and (message := _workflow(folder, written)):
        yield ("events", "workflow"), message


def _is_relative(written: Any) -> TypeGuard[str]:
    try:
        _RELATIVE.validate_python(written)
    except ValidationError:
        return False
    return True


def read_beside(folder: Path, written: str, what: str) -> str:
    """Return the text of a file in the folder, which `written` names. Raises `Refusal`."""
    try:
        target = (folder / written).resolve()
        inside = target.is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a loop of links
        raise Refusal(f"{written} is a broken link; put the file beside the twin.yaml") from None
    if not inside:  # the file itself may be a link
        raise Refusal(f"{written} links to a file outside the folder of the twin.yaml; copy the file into it")
    try:
        return read_text(target, what)
    except ValueError as error:
        raise Refusal(f"{written} {error}") from None


def _requirements(data: dict[str, Any], folder: Path) -> Iterator[Finding]:
    """Findings on the requirements. All processors share one set of packages: they run in one function."""
    read: dict[str, tuple[list[Pin], list[str]]] = {}
    known: dict[str, tuple[Pin, str]] = {}
    for name, device_type in mapping_at(data, "device_types").items():
        written = device_type.get("requirements") if isinstance(device_type, dict) else None
        if not _is_relative(written):
            continue
        place = ("device_types", name, "requirements")
        if device_type.get("processor") is None:
            yield place, "has no effect without a processor; add processor, or remove requirements"
        if written not in read:
            try:
                read[written] = parse(read_beside(folder, written, "requirements.txt"))
            except Refusal as said:
                read[written] = [], [str(said).removeprefix(f"{written} ")]
        pins, wrong = read[written]
        for message in wrong:
            yield place, f"{written} {message}"
        for pin in pins:
            first, where = known.setdefault(pin.name, (pin, written))
            if first.version != pin.version:
                yield (
                    place,
                    f"{written} line {pin.line} pins {pin.name} {pin.version}, and {where} {first.version}; "
                    "pin one version, since all processors run in one function",
                )
    if len({bool(pin.hashes) for pin, _ in known.values()}) > 1 and len(read) > 1:
        bare = next(where for pin, where in known.values() if not pin.hashes)
        yield (
            ("device_types",),
            f"{bare} has no hashes, other requirements do; give all of them hashes, or none",
        )


def _workflow(folder: Path, written: str) -> str | None:
    try:
        text = read_beside(folder, written, "workflow definition")
    except Refusal as said:
        return str(said)
    return None if text.strip() else f"{written} is empty; put the definition of the workflow into it"


def _processor(folder: Path, written: str) -> str | None:
    try:
        function = _process_in(read_beside(folder, written, "Python file"), written)
    except Refusal as said:
        return str(said)
    if isinstance(function, ast.AsyncFunctionDef):
        return f"{written} defines process as async; write def process(event)"
    if not isinstance(function, ast.FunctionDef):
        return f"{written} has no top-level function process; add def process(event)"
    if not _takes_one(function.args):
        return f"{written} defines process with the wrong arguments; write def process(event)"
    return None


def _process_in(text: str, written: str) -> ast.stmt | None:
    """The last top-level definition named process: the one that counts."""
    version = platform.python_version()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(text)
    except SyntaxError as error:
        where = f"in line {error.lineno or 1}"
        raise Refusal(
            f"{written} has a syntax error {where}; correct it (read by Python {version})"
        ) from None
    except (ValueError, RecursionError, MemoryError):  # null bytes, or expressions too deep for the parser
        raise Refusal(f"{written} is not a valid program for Python {version}; correct it") from None
    return next((node for node in reversed(module.body) if getattr(node, "name", None) == "process"), None)


def _takes_one(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults)
    named = any(default is None for default in arguments.kw_defaults)
    return required <= 1 and (positional >= 1 or arguments.vararg is not None) and not named
