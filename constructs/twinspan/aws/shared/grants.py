"""Permissions: inline policies of the role that a function runs as."""

from twin_runtime.roles import Layer, Role
from twinspan import contracts
from twinspan.aws.foundation import Foundation
from twinspan.aws.shared.policies import Statement, document, record, trust
from twinspan.providers import Construct
from twinspan.providers.aws import IamRole, IamRolePolicy
from twinspan.terraform.resources import Ref, place


class Grantee(Construct):
    """A construct with an IAM role of its own, `identity`, to which permissions are given."""

    def __init__(
        self, scope: Construct, id_: str, *, foundation: Foundation, role: Role, layer: Layer, optional: bool
    ) -> None:
        super().__init__(scope, id_)
        self.role = role
        self.layer = layer
        self.optional = optional
        self.name = foundation.twin.names.name(role)
        self.inventory = foundation.inventory
        self._policies: dict[str, Ref] = {}
        identity = IamRole(
            self,
            "role",
            name=self.name,
            assume_role_policy=trust("lambda.amazonaws.com"),
            tags=foundation.labels(layer, role),
        )
        self.identity = place(identity, role, optional=optional)

    def permit(
        self, purpose: str, *statements: Statement, about: Ref | None = None, optional: bool = False
    ) -> Ref:
        """An inline policy of the role, named after its purpose. A second call returns the first policy.

        `about` is the block that the function reads or writes by it.
        """
        if purpose not in self._policies:
            policy = IamRolePolicy(
                self, f"may-{purpose}", name=purpose, role=self.identity["id"], policy=document(*statements)
            )
            address = f"{self.role}_{purpose.replace('-', '_')}"
            placed = place(policy, address, optional=optional or self.optional)
            self._policies[purpose] = record(self.inventory, placed, *statements, to=self.role, about=about)
        return self._policies[purpose]


def grant(
    to: contracts.Function, purpose: str, *statements: Statement, about: Ref, optional: bool = False
) -> Ref:
    """Give a function one more permission, as `Grantee.permit`."""
    return contracts.own(to, Grantee).permit(purpose, *statements, about=about, optional=optional)
