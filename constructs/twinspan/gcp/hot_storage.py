"""The hot store: a Firestore database of the twin's own."""

from twin_runtime.roles import Layer, Role
from twinspan import contracts
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.shared.databases import READ, WRITE, database, grant
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    FirestoreField,
    FirestoreFieldIndexConfig,
    FirestoreFieldTtlConfig,
    FirestoreIndex,
    FirestoreIndexFields,
)
from twinspan.terraform.resources import place

COLLECTION = "rows"
"""Also in twin_gcp.store, which is deployed without this package."""


class Store(Construct):
    """Rows by device and key (see `twin_gcp.store`), read back to any minute of the last seven days (PITR).

    Firestore deletes a document within a day after its `expires`, but not in a former store, from which
    nothing moves the rows on, and not where there is a cold tier: expiry costs what a deletion costs, and the
    mover deletes what is in a file. PITR cannot bring a deleted database back.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation, former: bool = False) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._database = database(
            self, names.STORE, foundation=foundation, layer=Layer.HOT_STORAGE, restorable=True
        )
        self.address = foundation.path("databases", self._database)
        self.expiry = ""
        self._indexes(expiring=not former and Role.COLD_MOVER not in foundation.twin.topology.roles)

    def _indexes(self, *, expiring: bool) -> None:
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
            ttl_config=FirestoreFieldTtlConfig() if expiring else None,
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

    def grant_read(self, function: contracts.Function) -> None:
        self._grant(function, READ)

    def grant_write(self, function: contracts.Function) -> None:
        self._grant(function, WRITE)

    def grant_move(self, function: contracts.Function) -> None:
        self._grant(function, WRITE)

    def _grant(self, function: contracts.Function, role: str) -> None:
        grant(
            self,
            function,
            role,
            foundation=self._foundation,
            database=self._database,
            name=names.STORE,
            to="store",
        )
