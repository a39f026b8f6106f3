"""What the constructs of a stack made, as facts that each of them records beside its resources.

The facts stay in Python: nothing of them is in the Terraform JSON. The guides are written from them. Figures
and names are those that the resource itself was given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from twin_runtime.roles import Cloud, Layer, Role
from twinspan.terraform.resources import Ref
from twinspan.topology import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something about a block of the stack. `address` is `TYPE.NAME`."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Fact):
    """A resource that functions have to do with. `name` is the one in the cloud; in a repeated block `<key>`
    stands for what differs.
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(Fact):
    """A deployed function, as far as the clouds agree; each cloud adds its own bounds."""

    role: Role
    layer: Layer
    optional: bool
    runtime: str
    memory_mb: int
    timeout_s: int
    environment: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Fact):
    """A permission. `to` is the role of a function, or a word for another identity; `may` are the cloud's own
    words for what it may do, `on` are addresses or patterns.
    """

    to: Role | str
    may: tuple[str, ...]
    on: tuple[str, ...]
    about: str = ""
    """On AWS the address of what a function reads or writes by it; `on` are ARNs."""
    project: str = ""
    """Where Google Cloud grants it: on a whole project, narrowed by a `condition`."""
    condition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEnd(Fact):
    """The value of the secret at a cloud's end of a link, which the stack `links` writes.

    `sends`: requests start here.
    """

    cloud: Cloud
    link: Link
    sends: bool
    fields: tuple[str, ...]
    """What the secret holds."""


Kind = TypeVar("Kind", bound=Fact)


class Inventory:
    """The facts of one stack."""

    def __init__(self) -> None:
        self._facts: list[Fact] = []

    def record(self, fact: Fact) -> None:
        """Add a fact."""
        self._facts.append(fact)

    def part(self, ref: Ref, name: str) -> Ref:
        """Record a part that was just placed, and return it."""
        self.record(Part(address=ref.address, name=name))
        return ref

    def grant(
        self,
        ref: Ref,
        *,
        to: Role | str,
        may: str,
        on: Ref | None = None,
        project: str = "",
        condition: str = "",
    ) -> Ref:
        """Record a grant that was just placed, and return it."""
        where = (on.address,) if on else ()
        grant = Grant(
            address=ref.address,
            to=to,
            may=(may,),
            on=where,
            project=project,
            condition=condition,
        )
        self.record(grant)
        return ref

    def all(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """The facts of a kind, in the order of the Terraform JSON."""
        found = [fact for fact in self._facts if isinstance(fact, kind)]
        return tuple(sorted(found, key=lambda fact: fact.address.split(".")))

    def fact(self, address: str, kind: type[Kind]) -> Kind:
        """The fact of a kind at an address; KeyError when none was recorded."""
        for fact in self._facts:
            if isinstance(fact, kind) and fact.address == address:
                return fact
        raise KeyError(f"no {kind.__name__} was recorded at {address}")

    @property
    def addresses(self) -> frozenset[str]:
        """The addresses of all blocks that facts are about."""
        return frozenset(fact.address for fact in self._facts)
