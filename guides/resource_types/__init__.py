"""Tables of Terraform types: what each is for, and what whoever deploys it must be allowed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tomllib import load

from twin_runtime.roles import Cloud

FOLDER = Path(__file__).resolve().parent
ANYWHERE = "anywhere"
"""The table of the types that need no account."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """`name` is the Terraform type, with `data.` before that of a data source.

    `needs` are IAM actions on AWS, built-in roles on Azure, predefined roles on Google Cloud.
    """

    name: str
    what: str
    needs: tuple[str, ...]


@cache
def table(name: Cloud | str) -> Mapping[str, ResourceType]:
    """The types of a cloud, or of `ANYWHERE`, by name."""
    with (FOLDER / f"{name}.toml").open("rb") as file:
        document = load(file)
    entries = {**document, **{f"data.{name}": entry for name, entry in document.pop("data", {}).items()}}
    entries.pop("data", None)
    return {
        name: ResourceType(name, entry["what"], tuple(entry["needs"]))
        for name, entry in sorted(entries.items())
    }


@cache
def known() -> Mapping[str, ResourceType]:
    """Every type, by name."""
    return {name: each for part in (*Cloud, ANYWHERE) for name, each in table(part).items()}


@dataclass(frozen=True, slots=True)
class Need:
    """What a deployer must be allowed, and the types that ask for it.

    `name` is a role, or on AWS the prefix of a service, whose `actions` then follow.
    """

    name: str
    actions: tuple[str, ...]
    types: tuple[str, ...]


def needs(types: Iterable[str]) -> tuple[Need, ...]:
    """The permissions that these types ask for, each once, by name; KeyError for a type that no table has."""
    actions: dict[str, set[str]] = {}
    asking: dict[str, set[str]] = {}
    for name in types:
        for need in known()[name].needs:
            # `sqs:CreateQueue` is an action of sqs; `roles/run.admin` and `Contributor` are roles.
            service, _, action = need.partition(":")
            actions.setdefault(service, set()).update({action} if action else ())
            asking.setdefault(service, set()).add(name)
    return tuple(
        Need(service, tuple(sorted(actions[service])), tuple(sorted(asking[service])))
        for service in sorted(asking)
    )
