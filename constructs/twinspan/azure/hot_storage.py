"""L3 hot: Cosmos DB for NoSQL, serverless."""

from twinspan import parts
from twinspan.azure import names
from twinspan.azure.foundation import Foundation
from twinspan.azure.functions import Function
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
from twinspan.resources import Ref, place
from twinspan.vocabulary import Layer

DATABASE = "twin"
CONTAINER = "events"
READER = "00000000-0000-0000-0000-000000000001"
"""Cosmos DB Built-in Data Reader."""
CONTRIBUTOR = "00000000-0000-0000-0000-000000000002"
"""Cosmos DB Built-in Data Contributor."""
_DAY = 86_400


class Store(Construct):
    """One container, partitioned by device. Entra ID alone opens it; it can be restored to any point of 7
    days.

    A row carries its own `ttl` in seconds, reckoned from the time of its event; the container's default,
    hot_days, is for what carries none. Only what rows are looked up by is indexed.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
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
        )
        container = CosmosdbSqlContainer(
            self,
            "container",
            name=CONTAINER,
            resource_group_name=foundation.group,
            account_name=self._account["name"],
            database_name=database["name"],
            partition_key_paths=["/device"],
            partition_key_version=2,
            default_ttl=foundation.twin.config.retention.hot_days * _DAY,
            indexing_policy=CosmosdbSqlContainerIndexingPolicy(
                indexing_mode="consistent",
                included_path=[
                    CosmosdbSqlContainerIndexingPolicyIncludedPath(path="/device/?"),
                    CosmosdbSqlContainerIndexingPolicyIncludedPath(path="/key/?"),
                ],
                excluded_path=[CosmosdbSqlContainerIndexingPolicyExcludedPath(path="/*")],
            ),
        )
        self._container = place(container, "store")
        self.address = f"{self._account['endpoint']}dbs/{database['name']}/colls/{self._container['name']}"
        self._scope = f"{self._account['id']}/dbs/{database['name']}/colls/{self._container['name']}"

    def grant_read(self, function: parts.Function) -> None:
        self._grant(parts.own(function, Function), "reads_store", READER)

    def grant_write(self, function: parts.Function) -> None:
        self._grant(parts.own(function, Function), "writes_store", CONTRIBUTOR)

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
        return place(account, "store")

    def _grant(self, function: Function, purpose: str, role: str) -> None:
        """Data roles are Cosmos DB's own, not Azure's."""
        assignment = CosmosdbSqlRoleAssignment(
            function,
            purpose.replace("_", "-"),
            resource_group_name=self._foundation.group,
            account_name=self._account["name"],
            role_definition_id=f"{self._account['id']}/sqlRoleDefinitions/{role}",
            principal_id=function.principal,
            scope=self._scope,
        )
        place(assignment, f"{function.role}_{purpose}", optional=function.optional)
