"""What the deployed package says of a function app: the functions that the Functions host finds in it.

Their bindings are made by Microsoft's library, from the very modules that are deployed, with the app settings
of the stack as environment.
"""

import ast
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

from guides.readers.runtime import importable
from twin_runtime.roles import Cloud, Role
from twinspan import packaging

_PACKAGE = f"twin_{Cloud.AZURE}"
_REFERENCE = re.compile(r"%([^%]+)%")
_RETRY_POLICY = "retry_policy"
_ANSWER = "http"
"""The binding of an HTTP function's answer."""
_FOR_EVER = -1
"""The service's own word for a message that does not expire."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A function as the host finds it. `trigger` is its trigger's binding, as in a function.json."""

    name: str
    trigger: Mapping[str, Any]


def indexed(role: Role, settings: Mapping[str, str]) -> tuple[Indexed, ...]:
    """The functions of a role's app with these app settings. KeyError when one of them is not known."""
    with _as_the_host(settings):
        module = _loaded(role)
        return tuple(_indexed(function, role) for function in module.app.get_functions())


def letters_kept_s() -> int | None:
    """How long a message that a function sends stays in its queue, in seconds; None: until it is taken."""
    source = ast.parse((packaging.SOURCE / _PACKAGE / "queues.py").read_text(encoding="utf-8"))
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in source.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_number(node.value)
    }
    said = [
        keyword.value.id
        for node in ast.walk(source)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "time_to_live" and isinstance(keyword.value, ast.Name)
    ]
    if len(said) != 1 or said[0] not in constants:
        raise KeyError(f"{_PACKAGE}/queues.py should say once how long a message lives, by a constant")
    seconds = constants[said[0]]
    return None if seconds == _FOR_EVER else seconds


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.UnaryOp)


def host_settings() -> frozenset[str]:
    """The app settings that the host and the identity's library read, and not a role's code."""
    with _as_the_host({}):
        said = import_module(f"{_PACKAGE}.settings")
    return frozenset(
        (*said.HOST, said.IDENTITY, *said.TRIGGER, *said.TIMER, *said.CHANGES, *said.ONE_AT_A_TIME, said.ROLE)
    )


@contextmanager
def _as_the_host(settings: Mapping[str, str]) -> Iterator[None]:
    """With the package on the path, and the app settings as environment."""
    environment, disabled = dict(os.environ), logging.root.manager.disable
    os.environ.clear()
    os.environ.update(settings)
    logging.disable(logging.WARNING)  # the library has a word on levels of apps without HTTP
    try:
        with importable():
            yield
    finally:
        logging.disable(disabled)
        os.environ.clear()
        os.environ.update(environment)


def _loaded(role: Role) -> ModuleType:
    """The module of a role, of its own: what it makes of the environment stays with nobody else."""
    file = packaging.SOURCE / _PACKAGE / f"{role}.py"
    if not file.exists():
        raise KeyError(f"the package has no code of the role {role}")
    spec = spec_from_file_location(f"{_PACKAGE}.{role}", file)
    assert spec and spec.loader  # it is a Python file
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _indexed(function: Any, role: Role) -> Indexed:
    name = function.get_function_name()
    bindings = json.loads(function.get_function_json())["bindings"]
    triggers = [binding for binding in bindings if binding["type"].endswith("Trigger")]
    others = {binding["type"] for binding in bindings if binding not in triggers} - {_ANSWER}
    if others or len(triggers) != 1:
        raise KeyError(f"the function {name} of {role} has bindings that the guides do not know: {bindings}")
    if function.get_setting(_RETRY_POLICY):
        raise KeyError(f"the function {name} of {role} has a retry policy, which the guides do not know")
    return Indexed(name, triggers[0])


def resolved(text: str, settings: Mapping[str, str]) -> str:
    """A binding's value with each `%SETTING%` filled in. KeyError when the app has no such setting."""
    if missing := [each for each in _REFERENCE.findall(text) if each not in settings]:
        raise KeyError(f"a binding asks for the app setting {missing[0]}, which the stack does not set")
    return _REFERENCE.sub(lambda match: settings[match[1]], text)
