"""The hot store: a Firestore database of the twin's own."""

from twinspan import parts
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    FirestoreDatabase,
    FirestoreField,
    FirestoreFieldIndexConfig,
    FirestoreFieldTtlConfig,
    FirestoreIndex,
    FirestoreIndexFields,
    ProjectIamMember,
    ProjectIamMemberCondition,
)
from twinspan.resources import place

COLLECTION = "rows"
"""Also in twin_gcp.store, which is deployed without this package."""


class Store(Construct):
    """Rows by device and key (see `twin_gcp.store`), read back to any minute of the last seven days (PITR).

    Firestore deletes a document within a day after its `expires`. Encrypted by Google. `terraform destroy`
    deletes the database with its data: a twin must be removable by what made it. PITR cannot bring a deleted
    database back.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._name = foundation.twin.names.name(names.STORE)
        database = FirestoreDatabase(
            self,
            "database",
            name=self._name,
            location_id=foundation.region,
            type="FIRESTORE_NATIVE",
            concurrency_mode="OPTIMISTIC",
            app_engine_integration_mode="DISABLED",
            point_in_time_recovery_enablement="POINT_IN_TIME_RECOVERY_ENABLED",
            delete_protection_state="DELETE_PROTECTION_DISABLED",
            deletion_policy="DELETE",
            depends_on=foundation.ready,
        )
        self._database = place(database, "hot")
        self.address = self._database["id"]
        self._indexes()

    def _indexes(self) -> None:
        """No index on single fields: one on times that only grow would bound the collection to 500 writes per
        second, and one on the long `data` would refuse it. Two composite ones instead, for both
        directions."""
        everything = FirestoreField(
            self,
            "no-single-fields",
            database=self._database["name"],
            collection=COLLECTION,
            field="*",
            index_config=FirestoreFieldIndexConfig(),
        )
        placed = place(everything, "all")
        # One after the other: Firestore refuses changes of the same collection's fields at a time.
        expires = FirestoreField(
            self,
            "expiry",
            database=self._database["name"],
            collection=COLLECTION,
            field="expires",
            ttl_config=FirestoreFieldTtlConfig(),
            index_config=FirestoreFieldIndexConfig(),
            depends_on=[placed.element],
        )
        place(expires, "expires")
        for order in ("ASCENDING", "DESCENDING"):
            index = FirestoreIndex(
                self,
                f"by-key-{order.lower()}",
                database=self._database["name"],
                collection=COLLECTION,
                fields=[
                    FirestoreIndexFields(field_path="device", order="ASCENDING"),
                    FirestoreIndexFields(field_path="key", order=order),
                ],
            )
            place(index, f"device_key_{order.lower()}")

    def grant_read(self, function: parts.Function) -> None:
        self._grant(function, "roles/datastore.viewer")

    def grant_write(self, function: parts.Function) -> None:
        self._grant(function, "roles/datastore.user")

    def _grant(self, function: parts.Function, role: str) -> None:
        """The role can only be granted on the project; the condition narrows it to this database."""
        resource = f"projects/{self._foundation.project}/databases/{self._name}"
        grant = ProjectIamMember(
            self,
            f"grant-{function.role}",
            project=self._foundation.project,
            role=role,
            member=self._foundation.member(function),
            condition=ProjectIamMemberCondition(
                title=f"{self._name}-only",
                description=f"Only the Firestore database {self._name}",
                expression=f'resource.name == "{resource}"',
            ),
        )
        place(grant, f"store_{function.role}", optional=function.optional)
