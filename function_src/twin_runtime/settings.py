"""The environment of a function: which variables each role has, and the one place that reads them.

`VARIABLES` is the declaration as data; a stack sets what `required` says for a role, and no more than
`expected`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from twin_runtime.errors import ConfigurationError

CLOUDS = ("aws", "azure", "gcp")
ROLES = (
    "dispatcher",
    "connector",
    "ingestion",
    "processor",
    "persister",
    "writer",
    "hot_reader",
    "event_checker",
    "event_feedback",
    "cold_mover",
    "cold_writer",
    "archive_mover",
    "archive_writer",
    "twin_sync",
    "twin_connector",
    "twin_reader",
    "dashboard_sync",
)
REMOTE_LINK = {
    "persister": "write",
    "hot_reader": "twin",
    "event_checker": "feedback",
    "event_feedback": "feedback",
    "cold_mover": "cold",
    "twin_sync": "twin",
    "twin_connector": "twin",
}
"""The roles that exist in a local and in a remote variant, and the link that decides."""

_NO_AWS = ("azure", "gcp")


@dataclass(frozen=True, slots=True)
class Variable:
    """A role's variable. `remote`: only in the remote (True) or local (False) variant; None: in both.

    `off`: it may be absent, and what it is for is then off. The empty string says the same.
    """

    name: str
    clouds: tuple[str, ...] = CLOUDS
    remote: bool | None = None
    off: bool = False


_DEAD = Variable("DEAD_LETTER_QUEUE")
_LINK = Variable("LINK_SECRET")
_KEYS = Variable("API_KEYS_SECRET", clouds=_NO_AWS)
_ROLE = Variable("TWIN_ROLE", clouds=_NO_AWS)

VARIABLES: Mapping[str, tuple[Variable, ...]] = {
    "dispatcher": (_DEAD, Variable("PROCESSING_QUEUE"), Variable("FLEET_SECRET", clouds=("gcp",)), _ROLE),
    "connector": (_DEAD, _LINK, _ROLE),
    "ingestion": (_DEAD, Variable("PROCESSING_QUEUE"), _LINK, _KEYS, _ROLE),
    "processor": (_DEAD, Variable("PERSISTING_QUEUE"), _ROLE),
    "persister": (
        _DEAD,
        Variable("EVENTS_QUEUE", off=True),
        Variable("STORE", remote=False),
        Variable("LINK_SECRET", remote=True),
        _ROLE,
    ),
    "writer": (_DEAD, Variable("STORE"), _LINK, _KEYS, _ROLE),
    "hot_reader": (
        Variable("STORE"),
        # At most one of the two: where the cold store is. With neither there is none to read.
        Variable("COLD_STORE", off=True),
        Variable("COLD_LINK_SECRET", off=True),
        # "true": who has an API key may read without a signature.
        Variable("API_KEY_READS", off=True),
        Variable("LINK_SECRET", remote=True),
        _KEYS,
        _ROLE,
    ),
    "event_checker": (
        _DEAD,
        Variable("WORKFLOW"),
        # Step Functions refuses a second execution of a name by itself.
        Variable("IDEMPOTENCY_STORE", clouds=_NO_AWS),
        Variable("COMMANDS_QUEUE", remote=False),
        Variable("LINK_SECRET", remote=True),
        _ROLE,
    ),
    "event_feedback": (
        _DEAD,
        Variable("BROKER"),
        Variable("LINK_SECRET", remote=True),
        Variable("API_KEYS_SECRET", clouds=_NO_AWS, remote=True),
        _ROLE,
    ),
    "cold_mover": (
        Variable("STORE"),
        Variable("COLD_STORE", remote=False),
        Variable("LINK_SECRET", remote=True),
        _ROLE,
    ),
    "cold_writer": (Variable("COLD_STORE"), _LINK, _KEYS, _ROLE),
    "archive_mover": (Variable("COLD_STORE"), _LINK, _ROLE),
    "archive_writer": (Variable("ARCHIVE_STORE"), _LINK, _KEYS, _ROLE),
    "twin_sync": (
        Variable("GRAPH"),
        # On AWS twin_connector reads the values.
        Variable("STORE", clouds=_NO_AWS, remote=False),
        Variable("LINK_SECRET", clouds=_NO_AWS, remote=True),
        _ROLE,
    ),
    "twin_connector": (Variable("STORE", remote=False), Variable("LINK_SECRET", remote=True), _ROLE),
    "twin_reader": (Variable("GRAPH"), _KEYS, _ROLE),
    "dashboard_sync": (Variable("GRAFANA"), _LINK, _ROLE),
}
_NAMES = frozenset(variable.name for variables in VARIABLES.values() for variable in variables)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a role's environment says. A value that the role or variant does not have is the empty string."""

    role: str
    cloud: str
    remote: bool
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


def expected(role: str, cloud: str, *, remote: bool = False) -> frozenset[str]:
    """The variables of a role where nothing is off; `remote` is read for the roles of `REMOTE_LINK` alone."""
    return frozenset(variable.name for variable in _variant(role, cloud, remote))


def required(role: str, cloud: str, *, remote: bool = False) -> frozenset[str]:
    """Those of `expected` that are always set."""
    return frozenset(variable.name for variable in _variant(role, cloud, remote) if not variable.off)


def load(role: str, cloud: str, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment; raises `ConfigurationError` with a sentence on what is missing or impossible."""
    if role not in VARIABLES:
        raise ConfigurationError(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.")
    source = os.environ if environ is None else environ
    values = {name: source[name] for name in _NAMES if source.get(name)}
    named = values.get("TWIN_ROLE")
    if named is not None and named != role:
        raise ConfigurationError(f"TWIN_ROLE is {named!r}, but the entry point of {role} was loaded.")
    remote = role in REMOTE_LINK and "LINK_SECRET" in values
    wanted = _variant(role, cloud, remote)
    _check_variant(role, cloud, remote, values)
    needed = required(role, cloud, remote=remote)
    missing = [variable.name for variable in wanted if variable.name in needed - values.keys()]
    if missing:
        raise ConfigurationError(f"The {role} on {cloud} needs {' and '.join(missing)} in its environment.")
    return Settings(role, cloud, remote, {v.name: values[v.name] for v in wanted if v.name in values})


def _variant(role: str, cloud: str, remote: bool) -> list[Variable]:
    return [
        variable
        for variable in VARIABLES[role]
        if cloud in variable.clouds and (variable.remote is None or variable.remote == remote)
    ]


def _check_variant(role: str, cloud: str, remote: bool, values: Mapping[str, str]) -> None:
    """Refuse the two variants at once, and none of two exclusive ones."""
    if role not in REMOTE_LINK:
        return
    link = REMOTE_LINK[role]
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
