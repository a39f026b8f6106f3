"""Management locks on what holds data.

Azure refuses to delete what a lock is on, everything below it, and each role that was given there. A lock is
therefore on something below which no edit that keeps the data deletes anything.

An `azurerm_management_lock` is part of the state: an edit that removes a layer removes the lock first, and
then the data. A lock that an action of azapi writes stays in Azure when its block leaves the stack, as the
deletion protection of a table does. `protect: false` deletes it, by an apply of its own.
"""

from twin_runtime.roles import Layer
from twinspan.azure.shared.group import Group
from twinspan.providers import Construct
from twinspan.providers.azapi import AzapiResourceAction
from twinspan.terraform.resources import Ref, place

TYPE = "Microsoft.Authorization/locks@2020-05-01"
NAME = "twinspan"


class Lock(Construct):
    """The lock on a resource of a layer; its deletion, where `protect` is off for the layer.

    Azure answers 204 to the deletion of a lock that is not there. `name` is that of the resource in the
    stack.
    """

    def __init__(self, scope: Construct, id_: str, *, group: Group, on: Ref, name: str, layer: Layer) -> None:
        super().__init__(scope, id_)
        notes = f"Holds the {layer} of the twin {group.twin.config.name}."
        locked = {"properties": {"level": "CanNotDelete", "notes": notes}}
        protects = group.twin.config.protects(layer)
        lock = AzapiResourceAction(
            self,
            "lock",
            kind=TYPE,
            resource_id=f"{on['id']}/providers/Microsoft.Authorization/locks/{NAME}",
            method="PUT" if protects else "DELETE",
            body=locked if protects else None,
        )
        place(lock, f"{name}_lock")
