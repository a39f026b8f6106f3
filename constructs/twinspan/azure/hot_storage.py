"""L3 hot: Cosmos DB for NoSQL, serverless."""

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.azure import facts, names
from twinspan.azure.foundation import Foundation
from twinspan.azure.functions import MANAGED_IDENTITY, Function
from twinspan.azure.shared.lock import Lock
from twinspan.providers import Construct
from twinspan.providers.azure import (
    CosmosdbAccount,
    CosmosdbAccountBackup,
    CosmosdbAccountCapabilities,
    CosmosdbAccountConsistencyPolicy,
    CosmosdbAccountGeoLocation,
    CosmosdbSqlContainer,
    CosmosdbSqlContainerIndexingPolicy,
    CosmosdbSqlContainerIndexingPolicyExcludedPath,
    CosmosdbSqlContainerIndexingPolicyIncludedPath,
    CosmosdbSqlDatabase,
    CosmosdbSqlRoleAssignment,
)
from twinspan.terraform.resources import Ref, place
from twinspan.twin import Twin

DATABASE = "twin"
CONTAINER = "events"
LEASES = "leases"
READER = "00000000-0000-0000-0000-000000000001"
CONTRIBUTOR = "00000000-0000-0000-0000-000000000002"
ROLES = {READER: "Cosmos DB Built-in Data Reader", CONTRIBUTOR: "Cosmos DB Built-in Data Contributor"}
"""What Cosmos DB calls them."""
_DAY = 86_400


def _default_ttl_s(twin: Twin) -> int | None:
    """Seconds after which a row goes that does not say so itself. None where there is a cold tier: expiry
    costs what a deletion costs, and the mover deletes what is in a file.
    """
    if Layer.COLD_STORAGE in twin.topology.layers:
        return None
    return twin.config.retention.hot_days * _DAY


class Store(Construct):
    """One container, partitioned by device. Entra ID alone opens it; it can be restored to any point of 7
    days.

    A row carries its own `ttl` in seconds; the container's default is for what carries none. Only what rows
    are looked up by is indexed.

    With a cold tier, and in a `former` one, there is no default: rows then never expire, whatever they carry
    (learn.microsoft.com/azure/cosmos-db/nosql/time-to-live, "If TTL isn't set on a container").
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation, former: bool = False) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        layer = Layer.HOT_STORAGE
        self._protect = foundation.twin.config.protects(layer)
        self._account = self._cosmos_account()
        database = place(
            CosmosdbSqlDatabase(
                self,
                "database",
                name=DATABASE,
                resource_group_name=foundation.group,
                account_name=self._account["name"],
            ),
            "store",
            protect=self._protect,
        )
        self._database = foundation.inventory.part(database, DATABASE)
        container = CosmosdbSqlContainer(
            self,
            "container",
            name=CONTAINER,
            resource_group_name=foundation.group,
            account_name=self._account["name"],
            database_name=self._database["name"],
            partition_key_paths=["/device"],
            partition_key_version=2,
            default_ttl=None if former else _default_ttl_s(foundation.twin),
            indexing_policy=CosmosdbSqlContainerIndexingPolicy(
                indexing_mode="consistent",
                included_path=[
                    CosmosdbSqlContainerIndexingPolicyIncludedPath(path="/device/?"),
                    CosmosdbSqlContainerIndexingPolicyIncludedPath(path="/key/?"),
                ],
                excluded_path=[CosmosdbSqlContainerIndexingPolicyExcludedPath(path="/*")],
            ),
        )
        self._container = place(container, "store", protect=self._protect)
        # The account and the database have more in them, which goes with other layers: roles and leases.
        Lock(self, "kept", group=foundation, on=self._container, name="store", layer=layer)
        self.expiry = ""
        self.address = f"{self._account['endpoint']}{self._path(self._container)}"
        foundation.inventory.record(
            facts.Named(address=self._container.address, name=CONTAINER, value=self.address)
        )

    def grant_read(self, function: contracts.Function) -> None:
        self._grant(contracts.own(function, Function), "reads_store", READER, self._container)

    def grant_write(self, function: contracts.Function) -> None:
        self._grant(contracts.own(function, Function), "writes_store", CONTRIBUTOR, self._container)

    def grant_move(self, function: contracts.Function) -> None:
        self._grant(contracts.own(function, Function), "moves_store", CONTRIBUTOR, self._container)

    def hand_changes_to(self, function: Function) -> None:
        """Have the Functions host hand each new row to a function that may read the store. How far it is, it
        keeps in a container beside the rows.
        """
        leases = place(
            CosmosdbSqlContainer(
                self,
                "leases",
                name=LEASES,
                resource_group_name=self._foundation.group,
                account_name=self._account["name"],
                database_name=self._database["name"],
                partition_key_paths=["/id"],
                partition_key_version=2,
            ),
            "store_leases",
        )
        self._grant(function, "keeps_leases", CONTRIBUTOR, leases)
        function.inventory.part(leases, LEASES)
        function.inventory.record(
            facts.Changes(
                address=self._container.address,
                to=function.role,
                database=self._database.address,
                leases=leases.address,
            )
        )
        function.add_settings(
            {
                "CHANGES__accountEndpoint": self._account["endpoint"],
                "CHANGES__clientId": function.client_id,
                "CHANGES__credential": MANAGED_IDENTITY,
                "CHANGES_CONTAINER": self._container["name"],
                "CHANGES_DATABASE": self._database["name"],
                "CHANGES_LEASES": leases["name"],
            }
        )

    def _path(self, container: Ref) -> str:
        return f"dbs/{self._database['name']}/colls/{container['name']}"

    def _cosmos_account(self) -> Ref:
        foundation = self._foundation
        account = CosmosdbAccount(
            self,
            "account",
            name=names.worldwide(foundation.names, "store"),
            resource_group_name=foundation.group,
            location=foundation.location,
            offer_type="Standard",
            kind="GlobalDocumentDB",
            capabilities=[CosmosdbAccountCapabilities(name="EnableServerless")],
            consistency_policy=CosmosdbAccountConsistencyPolicy(consistency_level="Session"),
            geo_location=[CosmosdbAccountGeoLocation(location=foundation.location, failover_priority=0)],
            backup=CosmosdbAccountBackup(type="Continuous", tier="Continuous7Days"),
            local_authentication_disabled=True,
            access_key_metadata_writes_enabled=False,
            minimal_tls_version="Tls12",
            tags=foundation.labels(Layer.HOT_STORAGE, "store"),
        )
        return place(account, "store", protect=self._protect)

    def _grant(self, function: Function, purpose: str, role: str, container: Ref) -> None:
        """Data roles are Cosmos DB's own, not Azure's."""
        assignment = CosmosdbSqlRoleAssignment(
            function,
            purpose.replace("_", "-"),
            resource_group_name=self._foundation.group,
            account_name=self._account["name"],
            role_definition_id=f"{self._account['id']}/sqlRoleDefinitions/{role}",
            principal_id=function.principal,
            scope=f"{self._account['id']}/{self._path(container)}",
        )
        placed = place(assignment, f"{function.role}_{purpose}", optional=function.optional)
        function.roles.add(function.inventory.grant(placed, to=function.role, may=ROLES[role], on=container))
