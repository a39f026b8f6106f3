"""`compare`: what an edit of twin.yaml does to a deployed twin, in words, without state or login."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from command.compare import changes, code, data, resources
from command.compare.changes import Change
from command.compare.code import NewCode
from command.compare.cost import Cost, Costs
from command.compare.data import Deletion
from command.compare.resources import Resources
from twinspan.config import Config


@dataclass(frozen=True)
class Comparison:
    """Two configurations of one twin. Each part is worked out when it is asked for.

    `document` is the whole as JSON (`command.compare.schema.SCHEMA`).
    """

    before: Config
    after: Config

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        return changes.changes(self.before, self.after)

    @cached_property
    def deletions(self) -> tuple[Deletion, ...]:
        return data.deletions(self.before, self.after)

    @cached_property
    def stranded(self) -> tuple[str, ...]:
        """The clouds that twin.yaml no longer names: their resources stay, and are billed."""
        return data.stranded(self.before, self.after)

    @cached_property
    def code(self) -> tuple[NewCode, ...]:
        return code.new_code(self.before, self.after)

    @cached_property
    def costs(self) -> Costs:
        return Costs(Cost.of(self.before), Cost.of(self.after))

    @cached_property
    def resources(self) -> Resources:
        """Synthesizes both twins, which takes seconds."""
        return resources.compared(self.before, self.after)

    @cached_property
    def deleted(self) -> tuple[str, ...]:
        """The stores that a deployment deletes something of, for which `--delete-data` is needed."""
        return tuple(dict.fromkeys(each.store for each in self.deletions if each.refused))

    @cached_property
    def former(self) -> tuple[str, ...]:
        """`former:` as it has to be for the edit to delete no store that could stay; empty where nothing is
        gained by it.
        """
        more = dict.fromkeys(str(each.former) for each in self.deletions if each.former)
        return (*map(str, self.after.former), *more) if more else ()

    def refusals(self, delete_data: Collection[str] = ()) -> tuple[str, ...]:
        """Why the edit must not be deployed as it is; `delete_data` are the stores that may go."""
        return (
            *(
                f"{store} would be deleted; keep it, or name it with --delete-data {store}"
                for store in self.deleted
                if store not in delete_data
            ),
            *self._refused_keys,
        )

    @property
    def _refused_keys(self) -> tuple[str, ...]:
        was, now = self.before.keys.generation, self.after.keys.generation
        if now < was:
            return (
                f"keys.generation falls from {was} to {now}, which makes revoked keys valid again; "
                f"write {was} or more",
            )
        if now > was + 1:
            return (
                f"keys.generation rises from {was} to {now}, which makes every key invalid that is in use; "
                f"write {was + 1}, deploy, and raise it again",
            )
        return ()

    def document(self, delete_data: Collection[str] = ()) -> dict[str, Any]:
        """The whole as plain data for JSON."""
        return {
            "twin": self.after.name,
            "changes": [each.document() for each in self.changes],
            "deletions": [each.document() for each in self.deletions],
            "stranded": list(self.stranded),
            "former": list(self.former),
            "refusals": list(self.refusals(delete_data)),
            "code": [each.document() for each in self.code],
            "costs": self.costs.document(),
            "resources": self.resources.document(),
        }


def compare(before: Config, after: Config) -> Comparison:
    """Compare two configurations of one twin: the one that is deployed, and its edit."""
    return Comparison(before, after)
