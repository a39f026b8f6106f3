"""The hot store: a DynamoDB table."""

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.aws import names
from twinspan.aws.foundation import Foundation
from twinspan.aws.shared.grants import grant
from twinspan.aws.shared.policies import allow
from twinspan.providers import Construct
from twinspan.providers.aws import (
    DynamodbTable,
    DynamodbTableAttribute,
    DynamodbTablePointInTimeRecovery,
    DynamodbTableServerSideEncryption,
    DynamodbTableTtl,
)
from twinspan.terraform.resources import place


class Store(Construct):
    """Rows by device and by `<time>#<id>`, paid by request, gone some time after `expires` (epoch seconds).
    The rows of a former one do not expire.

    While it is protected, DynamoDB itself refuses to delete the table. Deleting one that has point-in-time
    recovery leaves a backup, which AWS keeps for 35 days without charge.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation, former: bool = False) -> None:
        super().__init__(scope, id_)
        protected = foundation.protects(Layer.HOT_STORAGE)
        table = DynamodbTable(
            self,
            "table",
            name=foundation.twin.names.name(names.STORE),
            billing_mode="PAY_PER_REQUEST",
            hash_key="device",
            range_key="key",
            attribute=[
                DynamodbTableAttribute(name="device", type="S"),
                DynamodbTableAttribute(name="key", type="S"),
            ],
            # DynamoDB wants the attribute named to switch expiry off, too.
            ttl=DynamodbTableTtl(attribute_name="expires", enabled=not former),
            deletion_protection_enabled=protected,
            point_in_time_recovery=DynamodbTablePointInTimeRecovery(enabled=True),
            server_side_encryption=DynamodbTableServerSideEncryption(enabled=True),
            tags=foundation.labels(Layer.HOT_STORAGE, "store"),
        )
        self.table = place(table, names.STORE, protect=protected)
        self.address = self.table["name"]

    def grant_read(self, function: contracts.Function) -> None:
        grant(function, "read-store", allow("dynamodb:Query", on=[self.table["arn"]]), about=self.table)

    def grant_write(self, function: contracts.Function) -> None:
        # Events are inserted, and compared with what is there; the notes of rows' lifetimes are written over.
        actions = ("dynamodb:PartiQLInsert", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem")
        grant(function, "write-store", allow(*actions, on=[self.table["arn"]]), about=self.table)

    def grant_move(self, function: contracts.Function) -> None:
        # A batch both writes and deletes.
        statement = allow("dynamodb:Query", "dynamodb:BatchWriteItem", on=[self.table["arn"]])
        grant(function, "move-store", statement, about=self.table)
