"""Permissions: one role for one function, at the narrowest scope that Azure knows for the purpose."""

from twinspan import parts
from twinspan.providers.azure import RoleAssignment
from twinspan.resources import Ref, place

SEND = "Storage Queue Data Message Sender"
CONSUME = "Storage Queue Data Contributor"
"""At one queue's scope. The host renews and gives back a message by updating it, which the narrower role of a
Message Processor does not allow."""
HOST = "Storage Blob Data Owner"
READ_BLOBS = "Storage Blob Data Reader"
WRITE_BLOBS = "Storage Blob Data Contributor"
KEEP_TWINS = "Azure Digital Twins Data Owner"
READ_TWINS = "Azure Digital Twins Data Reader"
READ_SECRET = "Key Vault Secrets User"  # noqa: S105  (a role's name)
ROLE_SETTLES_S = 120
"""How long a first apply waits between giving Terraform a role and using it. Azure says that a new role can
take longer (up to ten minutes): an apply that is refused then goes on where it stopped when it is run
again.
"""
COMMAND = "IoT Hub Data Contributor"


def grant(to: parts.Function, purpose: str, *, role: str, at: str, optional: bool = False) -> Ref:
    """Give a function's identity a built-in role at a scope. `purpose` is such as `sends_processing`."""
    from twinspan.azure.functions import Function  # which grants its own roles through here

    function = parts.own(to, Function)
    assignment = RoleAssignment(
        function,
        purpose.replace("_", "-"),
        scope=at,
        role_definition_name=role,
        principal_id=function.principal,
        principal_type="ServicePrincipal",
    )
    return place(assignment, f"{function.role}_{purpose}", optional=optional or function.optional)
