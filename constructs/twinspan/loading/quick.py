"""Makes a process that synthesizes quicker, by leaving out what brings nothing to a checked twin.yaml.

* A binding evaluates the type hints of every method that it defines, and resolves and checks them in every
  call. `tests/synth/test_type_checks.py` synthesizes with those checks.
* Each call waits for the kernel's answer, although most answers are known.
* The kernel starts and loads its assemblies while Python waits, which has a twin.yaml to check and packages
  to build.
"""

import builtins
import importlib.abc
import importlib.machinery
import importlib.metadata
import json
import sys
import threading
import types
import typing
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

from twinspan.loading import BINDINGS, as_usual

_GENERATED = ("constructs", "cdktf", *BINDINGS.values())
_EMPTY_ANSWERS = frozenset({"overrideLogicalId", "addOverride"})
"""Methods of CDKTF's that return nothing and call nothing of Python's."""
_AHEAD = 100  # calls; their answers, 120 bytes each, must fit into a pipe


def prepare() -> None:
    """Skip jsii's run-time type checks and send calls ahead, from here to the end of the process.

    Does nothing where loading is to be as usual. Raises RuntimeError where CDKTF has been imported: it would
    be too late.
    """
    if as_usual():
        return
    if "cdktf" in sys.modules:
        raise RuntimeError("quick.prepare comes before the first import of CDKTF")
    sys.meta_path.insert(0, _Finder())
    _send_ahead()


class Early:
    """Prepares this process, and loads CDKTF and the bindings of some clouds, in a thread beside this one.

    The kernel takes one message at a time: nothing else may import CDKTF before `use` returns, nor use it
    before `wait` does. An import that failed is tried again, and raises, where it is needed.
    """

    def __init__(self) -> None:
        self._prepared, self._known = threading.Event(), threading.Event()
        self._clouds: tuple[str, ...] = ()
        self._thread = threading.Thread(target=self._load, daemon=True)
        self._thread.start()

    def use(self, clouds: Iterable[str]) -> None:
        """Say which clouds' bindings are needed."""
        self._clouds = tuple(clouds)
        self._known.set()
        self._prepared.wait()

    def wait(self) -> None:
        """Return when all is loaded, with no binding where `use` has not been called."""
        self._known.set()
        self._thread.join()

    def _load(self) -> None:
        with suppress(Exception):  # see above
            try:
                prepare()
            finally:
                self._prepared.set()
            import_module("twinspan.providers")
            self._known.wait()
            for cloud in self._clouds:
                import_module(f"{BINDINGS[cloud]}._jsii")


def _send_ahead() -> None:
    """Go on without the kernel's answer where it is known beforehand: it is empty, or names a new object by
    the next number.

    The answers are read, and compared, with the next call's. The first that is an error, or another than
    expected, is raised there, with a note on the call that it belongs to.
    """
    from jsii._kernel.providers import process
    from jsii._kernel.types import CreateRequest, CreateResponse, InvokeRequest, InvokeResponse

    node = process._NodeProcess
    send, next_message = node.send, node._next_message
    unread: list[tuple[Any, str | None]] = []  # calls, and the names of the objects that they make
    number = 0  # the newest object's, 0 where it is not known

    def send_or_go_on(self: Any, request: Any, response_type: Any) -> Any:
        nonlocal number
        if isinstance(request, InvokeRequest) and request.method in _EMPTY_ANSWERS:
            made, answer = None, InvokeResponse()
        elif isinstance(request, CreateRequest) and number and not request.overrides:
            number += 1
            made = f"{request.fqn}@{number}"
            answer = CreateResponse(made)
        else:
            answer = send(self, request, response_type)
            number = int(answer.ref.rpartition("@")[2]) if isinstance(answer, CreateResponse) else 0
            return answer
        message = json.dumps(self._serializer.unstructure(request), default=process.jdefault)
        self._process.stdin.write(message.encode() + b"\n")
        self._process.stdin.flush()
        unread.append((request, made))
        if len(unread) == _AHEAD:
            read(self)
        return answer

    def read(self: Any) -> None:
        nonlocal number
        answers = [(next_message(self), *call) for call in unread]
        unread.clear()
        for answer, request, made in answers:
            if "error" in answer:
                error = RuntimeError(answer["error"])
            elif made and answer["ok"].ref != made:
                error = RuntimeError(f"the jsii kernel made {answer['ok'].ref}, not {made}")
            else:
                continue
            number = 0
            error.add_note(f"in the call {request}")
            raise error

    def read_then_next(self: Any) -> Any:
        try:
            read(self)
        finally:
            answer = next_message(self)  # of the call that is being made, whatever came before
        return answer

    node.send = send_or_go_on
    node._next_message = read_then_next


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the generated packages, with a loader that hides their type hints from them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in _GENERATED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    """Runs a module whose imports of `typing` and `typeguard` give what follows."""

    def exec_module(self, module: types.ModuleType) -> None:
        module.__dict__["__builtins__"] = _BUILTINS
        super().exec_module(module)


class _NoHint:
    """In the place of `typing.Optional` and the like: any of its parts is itself."""

    def __getitem__(self, parts: object) -> "_NoHint":
        return self


class _NoHints(dict[str, Any]):
    """The type hints of a function that nobody will look at."""

    def __missing__(self, name: str) -> None:
        return None


def _unchecked(*_arguments: object, **_keywords: object) -> None:
    """In the place of typeguard's check."""


_HINT = _NoHint()
_NONE = _NoHints()
_typing = types.ModuleType("typing")
_typing.__dict__.update(
    vars(typing),
    **dict.fromkeys(("Any", "Dict", "List", "Mapping", "Optional", "Sequence", "Union"), _HINT),
    cast=lambda _type, value: value,
    get_type_hints=lambda *_arguments, **_keywords: _NONE,
)
_INSTEAD = {
    "typing": _typing,
    "typeguard": types.SimpleNamespace(check_type=_unchecked),
    # Each submodule asks which typeguard is installed, and would read its metadata again.
    "importlib.metadata": types.SimpleNamespace(version=cache(importlib.metadata.version)),
}


def _import(name: str, *rest: Any, **keywords: Any) -> Any:
    return _INSTEAD.get(name) or __import__(name, *rest, **keywords)


_BUILTINS = {**vars(builtins), "__import__": _import}
