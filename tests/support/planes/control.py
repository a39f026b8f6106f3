"""The control plane behind the stand-ins: which objects a cloud holds, and what it refuses.

It is as strict as the clouds are about what goes wrong when a stack changes: a name is free or taken, what an
argument names must exist, and deleting a parent deletes its children.
"""

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal, NamedTuple

from support.planes.completion import complete
from support.planes.kinds import Values, kind_of, kinds, text
from support.planes.schema import Block, strings
from support.planes.wire import UNKNOWN

Leaves = Literal["nothing", "object", "tainted"]


class Refused(Exception):
    """The cloud did not carry out a call. `state` is what a provider of the older kit keeps all the same."""

    def __init__(self, reason: str, state: dict[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.state = state


class Call(NamedTuple):
    """A call in the log: create, update or delete."""

    operation: str
    type: str
    id: str


@dataclass(eq=False)
class Object:
    """What the cloud holds of a resource; `secret` holds the arguments that are only written."""

    type: str
    key: str
    values: dict[str, Any]
    secret: dict[str, Any]
    names: frozenset[str] = frozenset()
    parents: frozenset[str] = frozenset()


@dataclass
class Failure:
    """The next `times` creations and updates of a type (of one name) fail."""

    type: str
    name: str | None
    leaves: Leaves
    times: int


@dataclass
class ControlPlane:
    """All clouds of a twin. `surroundings`, by provider: its project, region or subscription."""

    surroundings: dict[str, dict[str, str]] = field(default_factory=dict)
    log: list[Call] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _locked: set[str] = field(default_factory=set)
    _serials: "count[int]" = field(default_factory=lambda: count(1000))

    def objects(self, type_: str) -> list[dict[str, Any]]:
        """The values of each object of a type."""
        return [item.values for item in self._objects.values() if item.type == type_]

    def find(self, type_: str, values: Values) -> Object | None:
        """The object that a state speaks of."""
        return self._objects.get((type_, self._key(type_, values)))

    def create(self, type_: str, values: dict[str, Any], block: Block, secret: dict[str, Any]) -> Object:
        """Make an object; what is not known yet in `values` is computed. Raises `Refused`."""
        given, values = values, complete(type_, values, block, self.known(type_, values))
        self.log.append(Call("create", type_, values["id"]))
        self._check(type_, given, values["id"])
        if not kind_of(type_).additive and self.find(type_, values):
            raise Refused(
                f"409: {type_} {values['id']} already exists - "
                "to be managed via Terraform this resource needs to be imported"
            )
        return self._store(type_, values, secret, creating=True)

    def update(self, type_: str, values: dict[str, Any], block: Block, secret: dict[str, Any]) -> Object:
        """Give an object other values. Raises `Refused`."""
        given = {**values, **dict.fromkeys(kind_of(type_).renewed, UNKNOWN)}
        values = complete(type_, given, block, self.known(type_, given))
        self.log.append(Call("update", type_, values["id"]))
        if self.find(type_, values) is None and not kind_of(type_).additive:
            raise Refused(f"404: {type_} {values['id']} was not found", values)
        self._check(type_, given, values["id"])
        return self._store(type_, values, secret, creating=False)

    def delete(self, type_: str, values: Values) -> None:
        """Delete an object if it is there, with what lives in it. Raises `Refused` where Azure has a lock."""
        self.log.append(Call("delete", type_, str(values["id"])))
        locks = () if kind_of(type_).unread else self._locks_on(str(values["id"]).lower())
        if locks:
            raise Refused(f"409: ScopeLocked: {values['id']}, by locks on {', '.join(locks)}", dict(values))
        if found := self.find(type_, values):
            self._remove(found)

    def dangling(self) -> list[str]:
        """Arguments that name what is not there, or is no longer: `type id, path: text`."""
        live = self._live()
        lost = {one for one in self._gone - live if not one.startswith("~")}
        gone = [re.compile(rf"(?<![\w-]){re.escape(one)}(?![\w-])") for one in lost]
        wrong = []
        for item in self._objects.values():
            for handle in sorted(self._named(item.type, item.values) - live):
                wrong.append(f"{item.type} {item.values['id']}: {handle}")
            for path, value in strings(item.values):
                lost = {one for one in _ids_in(value) if one.lower() not in live}
                lost |= {match[0] for pattern in gone if (match := pattern.search(value.lower()))}
                if lost and path != "id":
                    wrong.append(f"{item.type} {item.values['id']}, {path}: {', '.join(sorted(lost))}")
        return wrong

    def known(self, type_: str, values: Values) -> dict[str, Any]:
        """What the templates of a kind can name."""
        own = {name: value for name, value in values.items() if value is not None and value is not UNKNOWN}
        around = self.surroundings.get(type_.removeprefix("data.").partition("_")[0], {})
        return {"serial": str(next(self._serials)), **around, **own}

    def _key(self, type_: str, values: Values) -> str:
        kind = kind_of(type_)
        return text(kind.unique, self.known(type_, values)) or str(values["id"])

    def _store(self, type_: str, values: dict[str, Any], secret: dict[str, Any], *, creating: bool) -> Object:
        kind, known = kind_of(type_), self.known(type_, values)
        names = {values["id"], *(text(one, known) for one in kind.known_as)} - {""}
        parents = {_handle(rule, known) for rule in kind.within} | {_arm_parent(values["id"])}
        item = Object(type_, self._key(type_, values), values, secret, _lower(names), _lower(parents - {""}))
        failure = self._failure(type_, values)
        if failure is None or failure.leaves != "nothing":
            self._objects[type_, item.key] = item
            self._lock(values)
        if failure is not None:
            kept = not creating or failure.leaves == "tainted"
            raise Refused(f"{type_} {values['id']}: this call was made to fail", values if kept else None)
        return item

    def _lock(self, values: Values) -> None:
        """Make or delete a management lock, where an action does that."""
        scope, at, _ = str(values["id"]).lower().partition("/providers/microsoft.authorization/locks/")
        if at:
            (self._locked.add if values["method"] == "PUT" else self._locked.discard)(scope)

    def _locks_on(self, id_: str) -> list[str]:
        """The locked scopes that an id is at or below; of a resource group's, those in it."""
        group = id_.rpartition("/")[0].endswith("/resourcegroups")
        return sorted(
            scope
            for scope in self._locked
            if f"{id_}/".startswith(f"{scope}/") or (group and scope.startswith(f"{id_}/"))
        )

    def _failure(self, type_: str, values: Values) -> Failure | None:
        for failure in self.failures:
            name = str(values.get("name") or values["id"])
            if failure.times and failure.type == type_ and (failure.name is None or failure.name in name):
                failure.times -= 1
                return failure
        return None

    def _check(self, type_: str, values: Values, id_: str) -> None:
        """What the arguments name must exist."""
        kind, live = kind_of(type_), self._live()
        needed = {*self._named(type_, values), _arm_parent(id_)}
        for path, value in strings(values):
            if path != "id" and not path.startswith((*kind.unchecked, *kind.made)):
                needed |= {value} & set(_ids_in(value))
        for handle in sorted(needed - {"", id_}):
            if handle.lower() not in live:
                raise Refused(f"400: {type_} {id_} names {handle}, which was not found")

    def _named(self, type_: str, values: Values) -> frozenset[str]:
        """What the rules of a type say that it names."""
        kind, known = kind_of(type_), self.known(type_, values)
        return _lower({_handle(rule, known) for rule in (*kind.within, *kind.needs)} - {""})

    def _live(self) -> set[str]:
        return {name for item in self._objects.values() for name in item.names}

    def _remove(self, item: Object) -> None:
        if self._objects.pop((item.type, item.key), None) is None:
            return
        self._gone |= item.names
        self._locked -= item.names
        for other in [*self._objects.values()]:
            if not item.names.isdisjoint(other.parents):
                self._remove(other)
            for name, rule in kind_of(other.type).bound.items():
                if _handle(rule, self.known(other.type, other.values)).lower() in item.names:
                    other.values = {**other.values, name: "_deleted_"}


def _handle(rule: str, known: Values) -> str:
    """What a rule names; empty when it names nothing, or not what it is about (`a ~ b`)."""
    template, _, about = rule.partition(" ~ ")
    made = text(template, known)
    return made if text(about, known) in made else ""


def _ids_in(value: str) -> Iterable[str]:
    """The ids of known types in a text."""
    if "projects/" not in value and "/subscriptions/" not in value:
        return ()
    return {match[0] for kind in kinds().values() if kind.pattern for match in kind.pattern.finditer(value)}


def _arm_parent(id_: str) -> str:
    """The parent of an id of Azure Resource Manager; empty for a subscription's own, and for other ids."""
    if not id_.startswith("/subscriptions/"):
        return ""
    extension = re.fullmatch(r"(.+)/providers(?:/[^/]+){3}", id_)
    parent = extension[1] if extension else id_.rsplit("/", 2)[0]
    parent = re.sub(r"/(blob|queue|table)Services/default$", "", parent)
    return parent if parent.count("/") > 2 else ""


def _lower(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(str.lower, names))
