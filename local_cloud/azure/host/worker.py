"""Runs the functions of an app: what the host's Python worker does."""

from __future__ import annotations

import importlib
import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

_SCRIPT = "function_app"
_THREADS = "PYTHON_THREADPOOL_THREAD_COUNT"


@dataclass(frozen=True)
class Function:
    """An indexed function. `trigger` is its trigger's binding as the host gets it."""

    name: str
    trigger: Mapping[str, Any]
    definition: Any

    @property
    def kind(self) -> str:
        return self.trigger["type"]


@dataclass(frozen=True)
class Outcome:
    """`value` is what an HTTP function answered, a `Datum`; `error` why the call failed."""

    ok: bool
    value: Any = None
    error: str = ""


class Worker(Protocol):
    functions: Sequence[Function]

    def call(self, function: Function, datum: Any, metadata: Mapping[str, Any]) -> Outcome:
        """Run it in one of the worker's threads, and wait for it. `datum` is what triggered it."""
        ...


def load(site: Path) -> Worker:
    """The app in the folder `site`, run by Microsoft's worker where it is installed."""
    sys.path.insert(0, str(site))
    os.chdir(site)
    module = importlib.import_module(_SCRIPT)
    functions = [_indexed(definition) for definition in module.app.get_functions()]
    try:
        importlib.import_module("azure_functions_runtime")
    except ImportError:
        return LibraryWorker(functions)
    return RuntimeWorker(functions)


class LibraryWorker:
    """Calls the functions itself, with the decoders and encoders of `azure-functions`."""

    def __init__(self, functions: Sequence[Function]) -> None:
        from azure.functions import meta

        self.functions = functions
        self._registry = meta.get_binding_registry()
        self._threads = ThreadPoolExecutor(int(os.environ.get(_THREADS, "0")) or None)

    def call(self, function: Function, datum: Any, metadata: Mapping[str, Any]) -> Outcome:
        try:
            converter = self._converter(function.kind)
            argument = {function.trigger["name"]: converter.decode(datum, trigger_metadata=metadata)}
            user = function.definition.get_user_function()
            result = self._threads.submit(lambda: user(**argument)).result()
            return Outcome(True, self._encoded(function, result))
        except Exception as error:
            return Outcome(False, error=repr(error))

    def _encoded(self, function: Function, result: Any) -> Any:
        output = next((b for b in function.definition.get_bindings() if b.name == "$return"), None)
        if output is None:
            if result is not None:
                raise RuntimeError(f"{function.name} has no $return binding and returned a value.")
            return None
        return self._converter(output.type).encode(result, expected_type=None)

    def _converter(self, kind: str) -> Any:
        found = self._registry.get(kind)
        if found is None:
            raise LookupError(f"azure-functions knows no binding {kind!r}.")
        return found


class RuntimeWorker:
    """Has `azure-functions-runtime` check, decode and call, by the interface that its own worker uses.

    That is internal to it: its version is pinned.
    """

    def __init__(self, functions: Sequence[Function]) -> None:
        from azure_functions_runtime import native_invocation  # type: ignore[import-not-found]
        from azure_functions_runtime.bindings.meta import (  # type: ignore[import-not-found]
            load_binding_registry,
        )
        from azure_functions_runtime.handle_event import _functions  # type: ignore[import-not-found]
        from azure_functions_runtime.utils import threadpool  # type: ignore[import-not-found]

        load_binding_registry()
        threadpool.start_threadpool_executor()
        self.functions = functions
        self._run = native_invocation.run_invocation_sync
        protos = SimpleNamespace(BindingInfo=SimpleNamespace(undefined=0, out=1, inout=2))
        self._ids = {
            function.name: _functions.add_indexed_function(
                function=function.definition, protos=protos
            ).function_id
            for function in functions
        }

    def call(self, function: Function, datum: Any, metadata: Mapping[str, Any]) -> Outcome:
        inputs = [(function.trigger["name"], datum)]
        handled, ok, value, _, error, _ = self._run(
            str(uuid.uuid4()), self._ids[function.name], inputs, dict(metadata)
        )
        if not handled:
            return Outcome(
                False, error=f"{function.name} is asynchronous, which this front end does not run."
            )
        return Outcome(ok, value, error or "")


def _indexed(definition: Any) -> Function:
    trigger = definition.get_trigger().get_dict_repr()
    return Function(definition.get_function_name(), trigger, definition)
