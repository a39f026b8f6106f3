"""What the twin's Firestore databases have in common."""

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.providers import Construct
from twinspan.providers.gcp import FirestoreDatabase, ProjectIamMember, ProjectIamMemberCondition
from twinspan.terraform.resources import Ref, place

READ = "roles/datastore.viewer"
WRITE = "roles/datastore.user"


def database(
    scope: Construct,
    name: str,
    *,
    foundation: Foundation,
    layer: Layer,
    restorable: bool,
    optional: bool = False,
) -> Ref:
    """A database, encrypted by Google. `restorable`: it can be read back to any minute of the last seven
    days.

    Where the layer is protected, Google deletes it for nobody, the console included.
    """
    protect = foundation.protects(layer) and not optional
    whole = names.in_region(foundation.twin.names, name)
    recovery = "ENABLED" if restorable else "DISABLED"
    made = FirestoreDatabase(
        scope,
        "database",
        name=whole,
        location_id=foundation.region,
        type="FIRESTORE_NATIVE",
        concurrency_mode="OPTIMISTIC",
        app_engine_integration_mode="DISABLED",
        point_in_time_recovery_enablement=f"POINT_IN_TIME_RECOVERY_{recovery}",
        delete_protection_state=f"DELETE_PROTECTION_{'ENABLED' if protect else 'DISABLED'}",
        # With the default, ABANDON, a destroy would succeed and leave the database behind, in no state.
        deletion_policy="DELETE",
        depends_on=foundation.ready,
    )
    return foundation.inventory.part(place(made, name, optional=optional, protect=protect), whole)


def grant(
    scope: Construct,
    function: contracts.Function,
    role: str,
    *,
    foundation: Foundation,
    database: Ref,
    name: str,
    to: str,
) -> None:
    """Let a function use a database by its name. `to` is the construct that grants.

    The role can only be granted on the project; the condition narrows it to this database.
    """
    whole = names.in_region(foundation.twin.names, name)
    condition = f'resource.name == "projects/{foundation.project}/databases/{whole}"'
    member = ProjectIamMember(
        scope,
        f"grant-{function.role}",
        project=foundation.project,
        role=role,
        member=foundation.member(function),
        condition=ProjectIamMemberCondition(
            title=f"{whole}-only",
            description=f"Only the Firestore database {whole}",
            expression=condition,
        ),
    )
    foundation.inventory.grant(
        place(member, f"{to}_{function.role}", optional=function.optional),
        to=function.role,
        may=role,
        on=database,
        project=foundation.project,
        condition=condition,
    )
