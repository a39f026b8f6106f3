"""What a processor imports, and whether its function will have it. Files are read, not run."""

import ast
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from twin_runtime.roles import CLOUD_NAMES, Cloud
from twinspan import vendoring
from twinspan.config import Config, Problem
from twinspan.config.checks.files import read_beside
from twinspan.config.problems import Refusal

_ROOTS = Path(__file__).resolve().parents[2] / "function_src"
# Removed by Python 3.12 and 3.13: an older Python on this machine still has them.
_REMOVED = frozenset(
    (
        *("aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr"),
        *("imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr"),
        *("spwd", "sunau", "telnetlib", "uu", "xdrlib"),
    )
)
_STANDARD = sys.stdlib_module_names - _REMOVED
_IMPORT_ERRORS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")


@dataclass(frozen=True, slots=True)
class Import:
    """An import that is not guarded. `module` is dotted: of `from a.b import c` it is `a.b`, and `names` has
    `c`.
    """

    module: str
    names: tuple[str, ...]
    line: int
    relative: bool = False

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    @property
    def dotted(self) -> tuple[str, ...]:
        """Every module that it may be."""
        return tuple(f"{self.module}.{name}" for name in self.names) or (self.module,)


def imports(text: str) -> Iterator[Import]:
    """Yield the imports of a program, but for those that it can do without: in `try` with
    `except ImportError`, and under `if TYPE_CHECKING`. Raises SyntaxError and ValueError for what is not a
    program.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        waiting: list[ast.AST] = [ast.parse(text)]
    while waiting:
        node = waiting.pop(0)
        match node:
            case ast.Import():
                yield from (Import(each.name, (), node.lineno) for each in node.names)
            case ast.ImportFrom():
                names = tuple(each.name for each in node.names if each.name != "*")
                yield Import(node.module or "", names, node.lineno, relative=node.level > 0)
            case ast.Try() if any(_catches_imports(handler) for handler in node.handlers):
                waiting += [*node.handlers, *node.orelse, *node.finalbody]
            case ast.If() if _is_type_checking(node.test):
                waiting += node.orelse
            case _:
                waiting += ast.iter_child_nodes(node)


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _IMPORT_ERRORS) for kind in kinds)


def _is_type_checking(test: ast.expr) -> bool:
    return (test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")) == "TYPE_CHECKING"


@dataclass(frozen=True, slots=True)
class Sources:
    """A processor and the files beside it that it imports, by their path relative to the twin.yaml."""

    processor: PurePosixPath
    texts: dict[PurePosixPath, str]

    @property
    def siblings(self) -> tuple[PurePosixPath, ...]:
        """The files without the processor itself."""
        return tuple(path for path in self.texts if path != self.processor)


def sources(config: Config, device_type: str) -> Sources:
    """Read a type's processor, and what it imports of its own folder. Raises `Refusal`, and SyntaxError and
    ValueError with the file that is not a program as `filename`.
    """
    processor = config.device_types[device_type].processor
    assert processor is not None
    texts: dict[PurePosixPath, str] = {}
    waiting = [processor]
    while waiting:
        path = waiting.pop(0)
        if path in texts:
            continue
        texts[path] = read_beside(config.folder, str(path), "Python file")
        for each in _imports_of(texts[path], path):
            beside = path.with_name(f"{each.top}.py")
            if not each.relative and each.top not in _STANDARD and config.path_of(beside).is_file():
                waiting.append(beside)
    return Sources(processor, texts)


def _imports_of(text: str, path: PurePosixPath) -> list[Import]:
    try:
        return list(imports(text))
    except SyntaxError as error:
        error.filename = str(path)
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise Refusal(f"{path} is not a valid program; correct it") from error


def packed(config: Config) -> dict[str, Path]:
    """Return the files of all processors by their path in the package. Raises what `sources` raises.

    A processor is named after its device type. The files that it imports keep their names.
    """
    found: dict[str, Path] = {}
    for name, device_type in config.device_types.items():
        if device_type.processor:
            found[f"processors/{name}.py"] = config.path_of(device_type.processor)
            for path in sources(config, name).siblings:
                found.setdefault(f"processors/{path.name}", config.path_of(path))
    return found


def problems(config: Config, *, fetch: bool) -> Iterator[Problem]:
    """Yield what processors import and will not have. With `fetch`, packages are downloaded that were not
    before; without it, imports of a processor whose packages are not there yet are not judged.
    """
    seen: dict[str, tuple[str, Path]] = {}
    for name, device_type in config.device_types.items():
        if not device_type.processor:
            continue
        field = f"device_types.{name}.processor"
        try:
            read = sources(config, name)
        except SyntaxError as error:
            # Of the processor itself, the check of the files reports it.
            if error.filename != str(device_type.processor):
                yield Problem(field, f"syntax error: {error.msg}; correct it", error.lineno, error.filename)
            continue
        except Refusal as error:
            if not str(error).startswith(f"{device_type.processor} "):
                yield Problem(field, str(error))
            continue
        try:
            available = _modules(config, name, fetch=fetch)
        except vendoring.PackagesError as error:
            yield Problem(f"device_types.{name}.requirements", str(error).rstrip("."))
            continue
        except (Refusal, ValueError):
            continue  # the check of the files reports what is wrong with the requirements
        yield from _clashes(config, name, read, seen)
        if available is None:
            continue
        beside = {path.stem for path in read.siblings}
        for path, text in read.texts.items():
            for each in imports(text):
                if message := _message(config, name, each, path, available | beside):
                    yield Problem(field, message, each.line, str(path))


def _clashes(
    config: Config, name: str, read: Sources, seen: dict[str, tuple[str, Path]]
) -> Iterator[Problem]:
    """Files of one name lie in one folder of the package."""
    field = f"device_types.{name}.processor"
    for path in read.siblings:
        if path.stem in config.device_types:
            yield Problem(
                field,
                f"imports {path}, which has the name of the device type {path.stem}, as that type's "
                "processor has in the package; rename the file",
            )
            continue
        _, other = seen.setdefault(path.name, (name, config.path_of(path)))
        if other != config.path_of(path):
            yield Problem(
                field,
                f"imports {path}, and another processor imports another {path.name}; rename one of the two",
            )


def _modules(config: Config, name: str, *, fetch: bool) -> frozenset[str] | None:
    """Return the top-level modules of the packages of a type's processor, None where they are not known."""
    own = vendoring.pins_of(config, name)
    if not own:
        return frozenset()
    wanted, target = vendoring.pins(config), vendoring.target_of(config.layers.processing)
    found = vendoring.wheels(wanted, target) if fetch else vendoring.cached(wanted, target)
    if found is None:
        return None
    names = {pin.name for pin in own}
    return frozenset().union(
        *(vendoring.modules(wheel) for wheel in found if vendoring.name_of(wheel) in names)
    )


def _message(
    config: Config, name: str, found: Import, path: PurePosixPath, available: frozenset[str]
) -> str | None:
    if found.relative:
        return "has a relative import; write import <name> for the file <name>.py beside it"
    if found.top in _STANDARD and config.path_of(path.with_name(f"{found.top}.py")).is_file():
        return f"imports {found.top!r} of Python, not {found.top}.py beside it; rename that file"
    if found.top in _STANDARD or found.top in available:
        return None
    cloud = config.layers.processing
    if any(_is_part(dotted, known) for dotted in found.dotted for known in sdk(cloud)):
        return None
    if found.top in _REMOVED:
        return f"imports {found.top!r}, which Python {vendoring.PYTHON} does not have any more; do without it"
    device_type = config.device_types[name]
    if device_type.requirements:
        fix = f"add its package to {device_type.requirements}: <package>==<version>"
    else:
        fix = f"pin its package in a file and name that in device_types.{name}.requirements"
    return (
        f"imports {found.module!r}, which is neither in Python {vendoring.PYTHON}, nor in the SDK that the "
        f"function on {CLOUD_NAMES[cloud]} has, nor a .py file beside it; {fix}"
    )


def _is_part(dotted: str, known: str) -> bool:
    return f"{dotted}.".startswith(f"{known}.") or known.startswith(f"{dotted}.")


@cache
def sdk(cloud: Cloud) -> tuple[str, ...]:
    """Return the modules of the SDK that every function of a cloud has, dotted."""
    listed = _ROOTS / f"twin_{cloud}" / "root" / "requirements.txt"
    if not listed.exists():
        return ("boto3", "botocore")  # in Lambda's own image
    names = [line.partition("==")[0] for line in listed.read_text("ascii").split()]
    return tuple(name.replace("-", "." if name.startswith(("azure-", "google-")) else "_") for name in names)
