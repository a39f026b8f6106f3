"""Permissions: one role for one function, at the narrowest scope that Azure knows for the purpose."""

from twin_runtime.roles import Layer, Role
from twinspan import contracts
from twinspan.azure import facts
from twinspan.azure.shared.group import Group
from twinspan.providers import Construct
from twinspan.providers.azure import RoleAssignment, UserAssignedIdentity
from twinspan.providers.time import TimeSleep
from twinspan.terraform.resources import EVENTS_VARIABLE, Ref, place

SEND = "Storage Queue Data Message Sender"
CONSUME = "Storage Queue Data Contributor"
"""At one queue's scope. The host renews and gives back a message by updating it, which the narrower role of a
Message Processor does not allow."""
HOST = "Storage Blob Data Owner"
READ_BLOBS = "Storage Blob Data Reader"
WRITE_BLOBS = "Storage Blob Data Contributor"
WRITE_TABLES = "Storage Table Data Contributor"
KEEP_TWINS = "Azure Digital Twins Data Owner"
READ_TWINS = "Azure Digital Twins Data Reader"
READ_SECRET = "Key Vault Secrets User"  # noqa: S105  (a role's name)
ROLE_SETTLES_S = 120
"""How long an apply waits between giving a role and using it. Azure says that a new role can take longer (up
to ten minutes). An apply that Azure refuses then is run again: it repeats what failed.
"""
COMMAND = "IoT Hub Data Contributor"


def wait_for_each(sleep: TimeSleep, entries: str, *, of: str) -> None:
    """Wait once for each of `entries`, an expression for `for_each`, and again when its `of` changes."""
    sleep.add_override("for_each", f"${{{entries}}}")
    sleep.add_override("triggers", {"of": f"${{{of}}}"})


class Settling(Construct):
    """The time that Azure takes to act on roles: each of them is waited for once, when it is new.

    What uses the roles depends on `address`. `name` is unique in the stack.
    """

    def __init__(self, scope: Construct, id_: str, *, name: str) -> None:
        super().__init__(scope, id_)
        self._roles: list[Ref] = []
        self._sleep = TimeSleep(self, "sleep", seconds=ROLE_SETTLES_S)
        self.address = place(self._sleep, name).address

    def add(self, role: Ref) -> None:
        """Wait for one more role."""
        self._roles.append(role)
        needed = self._entries(optional=False)
        if any(each.optional for each in self._roles):
            optional = self._entries(optional=True)
            when_on = f"for role, id in {optional} : role => id if var.{EVENTS_VARIABLE}"
            needed = f"merge({needed}, {{{when_on}}})"
        wait_for_each(self._sleep, needed, of="each.value")

    def _entries(self, *, optional: bool) -> str:
        roles = [role for role in self._roles if role.optional is optional]
        entries = (f"{role.address.rpartition('.')[2]} = {role.path('id')}" for role in roles)
        return f"{{{', '.join(entries)}}}"


class Grantee(Construct):
    """A construct with an identity of its own, to which roles are given. What uses the roles waits for
    `roles`.
    """

    def __init__(
        self, scope: Construct, id_: str, *, group: Group, role: Role, layer: Layer, optional: bool
    ) -> None:
        super().__init__(scope, id_)
        self.role = role
        self.inventory = group.inventory
        self.group_id = group.group_id
        self.layer = layer
        self.optional = optional
        identity = UserAssignedIdentity(
            self,
            "identity",
            name=group.names.name(role),
            resource_group_name=group.group,
            location=group.location,
            tags=group.labels(layer, role),
        )
        self.identity = place(identity, role, optional=optional)
        self.principal = self.identity["principal_id"]
        self.client_id = self.identity["client_id"]
        self.roles = Settling(self, "settling", name=role)


def grant(
    to: contracts.Function, purpose: str, *, role: str, at: Ref, scope: str = "", optional: bool = False
) -> Ref:
    """Give a function's identity a built-in role at a resource. `purpose` is such as `sends_processing`.

    `scope` is where it is given, the resource itself by default. Azure takes back no role on what has a lock,
    so such a role is given on the resource group, in which there is one resource of the kind.
    """
    grantee = contracts.own(to, Grantee)
    assignment = RoleAssignment(
        grantee,
        purpose.replace("_", "-"),
        scope=scope or at["id"],
        role_definition_name=role,
        principal_id=grantee.principal,
        principal_type="ServicePrincipal",
    )
    placed = place(assignment, f"{grantee.role}_{purpose}", optional=optional or grantee.optional)
    grantee.roles.add(placed)
    grantee.inventory.record(
        facts.Grant(
            address=placed.address,
            to=grantee.role,
            may=(role,),
            on=(at.address,),
            group=scope == grantee.group_id,
        )
    )
    return placed
