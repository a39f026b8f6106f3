"""L4: the twin graph, in a Firestore database: Google Cloud has no service for digital twins."""

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.shared.databases import READ, WRITE, database, grant
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    FirestoreField,
    FirestoreFieldIndexConfig,
    FirestoreFieldIndexConfigIndexes,
    FirestoreIndex,
    FirestoreIndexFields,
)
from twinspan.terraform.resources import place

TWINS, RELATIONSHIPS = "twins", "relationships"
KEY = "key"
"""Also in twin_gcp.graph, which is deployed without this package."""
_ASKED_BY = ((TWINS, "type"), (RELATIONSHIPS, "source"), (RELATIONSHIPS, "target"))


class Graph(Construct):
    """Twins and relationships (see `twin_gcp.graph`). They are made anew from twin.yaml and the hot store, so
    there is nothing to restore.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._database = database(
            self, names.GRAPH, foundation=foundation, layer=Layer.TWIN_MANAGEMENT, restorable=False
        )
        self.address = foundation.path("databases", self._database)
        self._indexes()

    def feed_from(self, function: contracts.Function, *, store: contracts.Store | None = None) -> None:
        """Let twin_sync write the graph. It reads the newest values from the store itself."""
        self._grant(function, WRITE)

    def grant_read(self, function: contracts.Function) -> None:
        self._grant(function, READ)

    def _indexes(self) -> None:
        """Documents are listed by key: all twins, those of a type, the relationships of an end. By itself
        Firestore would keep two indexes on each value of a twin, and write them with it.
        """
        none = FirestoreField(
            self,
            "no-single-fields",
            database=self._database["name"],
            collection=TWINS,
            field="*",
            index_config=FirestoreFieldIndexConfig(),
        )
        placed = place(none, "twins_all")
        # One after the other: Firestore refuses changes of the same collection's fields at a time.
        by_key = FirestoreField(
            self,
            "by-key",
            database=self._database["name"],
            collection=TWINS,
            field=KEY,
            index_config=FirestoreFieldIndexConfig(
                indexes=[FirestoreFieldIndexConfigIndexes(order="ASCENDING")]
            ),
            depends_on=[placed.element],
        )
        place(by_key, "twins_key")
        for collection, field in _ASKED_BY:
            index = FirestoreIndex(
                self,
                f"{collection}-by-{field}",
                database=self._database["name"],
                collection=collection,
                fields=[
                    FirestoreIndexFields(field_path=field, order="ASCENDING"),
                    FirestoreIndexFields(field_path=KEY, order="ASCENDING"),
                ],
            )
            place(index, f"{collection}_{field}_key")

    def _grant(self, function: contracts.Function, role: str) -> None:
        grant(
            self,
            function,
            role,
            foundation=self._foundation,
            database=self._database,
            name=names.GRAPH,
            to="graph",
        )
