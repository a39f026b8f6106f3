"""Where the event checker keeps what its rules have seen: a Firestore database of its own."""

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.shared.databases import WRITE, database, grant
from twinspan.providers import Construct
from twinspan.providers.gcp import FirestoreField, FirestoreFieldIndexConfig
from twinspan.terraform.resources import place

COLLECTION = "state"
"""Also in twin_gcp.state, which is deployed without this package."""


class StateStore(Construct):
    """A record for each device. Nothing expires, and there is nothing to restore.

    The database is never that of the hot store or the graph, even where this stack has one. A grant can be
    narrowed to a database and no further, so the event checker would be able to write rows. And switching the
    event system off deletes this database, and must never touch rows. An empty database costs nothing.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._database = database(
            self,
            names.STATE,
            foundation=foundation,
            layer=Layer.PROCESSING,
            restorable=False,
            optional=True,
        )
        self.address = foundation.path("databases", self._database)
        unindexed = FirestoreField(
            self,
            "no-single-fields",
            database=self._database["name"],
            collection=COLLECTION,
            field="*",
            index_config=FirestoreFieldIndexConfig(),  # records are read by name alone
        )
        place(unindexed, "state_all", optional=True)

    def grant_write(self, function: contracts.Function) -> None:
        """Read and write its records."""
        grant(
            self,
            function,
            WRITE,
            foundation=self._foundation,
            database=self._database,
            name=names.STATE,
            to=names.STATE,
        )
