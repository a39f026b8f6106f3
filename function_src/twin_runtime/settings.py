"""The environment of a function: what its role's record asks for, and the one place that reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from twin_runtime.errors import ConfigurationError
from twin_runtime.roles import ROLES, Role, Variable

_NAMES = frozenset(variable.name for spec in ROLES.values() for variable in spec.variables)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a role's environment says. A value that the role or variant does not have is the empty string."""

    role: Role
    cloud: str
    remote: bool
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


def expected(role: str, cloud: str, *, remote: bool = False) -> frozenset[str]:
    """The variables of a role where nothing is off; `remote` is read for roles with two variants alone."""
    return frozenset(variable.name for variable in _variant(role, cloud, remote))


def required(role: str, cloud: str, *, remote: bool = False) -> frozenset[str]:
    """Those of `expected` that are always set."""
    return frozenset(variable.name for variable in _variant(role, cloud, remote) if not variable.off)


def role_of(environ: Mapping[str, str] | None = None) -> Role:
    """The role that TWIN_ROLE names; raises `ConfigurationError`."""
    name = (os.environ if environ is None else environ).get("TWIN_ROLE", "")
    try:
        return Role(name)
    except ValueError:
        known = ", ".join(Role)
        raise ConfigurationError(f"TWIN_ROLE is {name!r}; it must be one of {known}.") from None


def is_remote(role: str, environ: Mapping[str, str] | None = None) -> bool:
    """Whether a function is the remote variant of its role: it has the secret of a link."""
    source = os.environ if environ is None else environ
    return bool(ROLES[Role(role)].remote_link) and bool(source.get("LINK_SECRET"))


def load(role: str, cloud: str, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment; raises `ConfigurationError` with a sentence on what is missing or impossible."""
    source = os.environ if environ is None else environ
    values = {name: source[name] for name in _NAMES if source.get(name)}
    named = values.get("TWIN_ROLE")
    if named is not None and named != role:
        raise ConfigurationError(f"TWIN_ROLE is {named!r}, but the entry point of {role} was loaded.")
    remote = is_remote(role, source)
    wanted = _variant(role, cloud, remote)
    _check_variant(role, cloud, remote, values)
    needed = required(role, cloud, remote=remote)
    missing = [variable.name for variable in wanted if variable.name in needed - values.keys()]
    if missing:
        raise ConfigurationError(f"The {role} on {cloud} needs {' and '.join(missing)} in its environment.")
    return Settings(Role(role), cloud, remote, {v.name: values[v.name] for v in wanted if v.name in values})


def _variant(role: str, cloud: str, remote: bool) -> list[Variable]:
    return [
        variable
        for variable in ROLES[Role(role)].variables
        if cloud in variable.clouds and (variable.remote is None or variable.remote == remote)
    ]


def _check_variant(role: str, cloud: str, remote: bool, values: Mapping[str, str]) -> None:
    """Refuse the two variants at once, and none of two exclusive ones."""
    link = ROLES[Role(role)].remote_link
    if not link:
        return
    both = expected(role, cloud, remote=False) & expected(role, cloud, remote=True)
    local = sorted(expected(role, cloud, remote=False) - both)
    other = sorted(expected(role, cloud, remote=True) - both)
    present = [name for name in (local if remote else other) if name in values]
    if present:
        second = "LINK_SECRET" if remote else "no LINK_SECRET"
        raise ConfigurationError(
            f"The {role} has {' and '.join(present)} and {second}: the {link} link is either local or remote."
        )
    if not remote and local and not any(name in values for name in local):
        raise ConfigurationError(
            f"The {role} needs {local[0]} (local {link} link) or LINK_SECRET (remote {link} link)."
        )
